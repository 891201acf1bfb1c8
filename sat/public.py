"""What a public demo (``SAT_PUBLIC=1``) does and does not do, in one place.

Strangers use it, so: nothing is trained or evaluated, no folder of the server is shown or asked for, nothing is written
to disk (no tags, notes or runs; uploads stay in memory), everybody has a share of the processor, and a mistake is one
sentence without a path in it. ``sat.ui.limits`` keeps the shares; ``python -m sat serve --public`` adds what Streamlit
itself can be told.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sat.errors import UserError

SWITCH, HOSTS = "SAT_PUBLIC", "SAT_HOSTS"
UPLOAD_MB = 10  # of one picture, as in .streamlit/config.toml
KEEPS_NOTHING = "This is a public demo, where reviews are not kept. On a machine of your own they are."

_PATH = re.compile(r"(?<![\w:/<.])(?:[A-Za-z]:[\\/]|/)[^\s'\"“”,;:()<>|]*[\\/]([^\s'\"“”,;:()<>|\\/]+)")


def is_public() -> bool:
    """Whether this is a public demo."""
    return os.environ.get(SWITCH, "") not in ("", "0")


@dataclass(frozen=True)
class Share:
    """What one visitor may do: so many at once, and then so many a minute.

    Attributes:
        what: what is counted, for the sentence that says that it is used up.
    """

    what: str
    at_once: int
    a_minute: float


# A caption costs one computation, and so does each closer look at one of its words. A visitor in a hurry makes about
# twenty a minute; one who comes back to what was there before makes none, because results are kept.
COMPUTATIONS = Share("looked at as much", 60, 30.0)
UPLOADS = Share("uploaded as many pictures", 10, 6.0)


class Bucket:
    """A visitor's share: a bucket of tokens that fills up again with time. Of one session, so of one thread."""

    def __init__(self, share: Share, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._clock = share, clock
        self._tokens, self._at = float(share.at_once), clock()

    def spend(self) -> None:
        """Take a token.

        Raises:
            UserError: there is none left; it says when there will be one.
        """
        now = self._clock()
        rate = self._share.a_minute / 60
        self._tokens = min(self._share.at_once, self._tokens + (now - self._at) * rate)
        self._at = now
        if self._tokens < 1:
            seconds = max(1, round((1 - self._tokens) / rate + 0.5))
            raise UserError(
                f"You have {self._share.what} as one visitor of this public demo can for now: try again in {seconds} s."
            )
        self._tokens -= 1


def without_paths(sentence: str) -> str:
    """The sentence with the folders of this server taken out of it: of a path only the last part stays."""
    for folder in _folders():
        sentence = sentence.replace(f"{folder}{os.sep}", "").replace(folder, "a folder of the server")
    return _PATH.sub(r"\1", sentence)


def _folders() -> list[str]:
    """Folders that messages may name, the longest first."""
    named = [os.environ.get(name, "") for name in ("SAT_CHECKPOINTS", "SAT_DATA", "SAT_RUNS", "SAT_CACHE")]
    here = [str(Path(__file__).parents[1]), str(Path.home()), os.getcwd(), tempfile.gettempdir(), sys.prefix]
    return sorted({f.rstrip(os.sep) for f in (*named, *here) if len(f) > 1}, key=len, reverse=True)


def hosts(environment: Mapping[str, str] | None = None) -> list[str]:
    """The names under which the demo may be asked for, of ``$SAT_HOSTS`` (separated by commas); empty means any.

    Raises:
        UserError: one of them is none.
    """
    listed = (os.environ if environment is None else environment).get(HOSTS, "")
    found = [host.strip() for host in listed.split(",") if host.strip()]
    for host in found:
        if not re.fullmatch(r"\*|(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", host):
            raise UserError(f"{host!r} is not the name of a host: write {HOSTS} like demo.example.org,*.example.org.")
    return found


def server_options(listed: list[str], *, public: bool) -> dict[str, list[str]]:
    """What Streamlit is told by ``python -m sat serve``, as its options, each with its values.

    Args:
        listed: the hosts that may be asked for; empty means any.
    """
    options = {"server.headless": "true", "browser.gatherUsageStats": "false"}
    if public:
        options |= {
            "client.showErrorDetails": "none",
            "client.toolbarMode": "viewer",
            "server.enableCORS": "true",
            "server.enableXsrfProtection": "true",
            "server.maxUploadSize": str(UPLOAD_MB),
            "server.enableStaticServing": "false",
            "server.fileWatcherType": "none",
        }
    return {name: [value] for name, value in options.items()} | ({"server.allowedHosts": listed} if listed else {})
