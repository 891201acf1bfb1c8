"""Bad addresses and bad uploads, through the whole page: what is on the screen must be a page and no error."""

from __future__ import annotations

import random
import urllib.parse
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from fuzz import change, crafted, pictures
from fuzz.case import Target, Use, Wrong, not_a_sentence
from fuzz.encoded import encoded
from sat.analysis.tree import BranchTree
from sat.decoding.interventions import edits_from

ROOT = Path(__file__).parents[1]
PAGES = ("explore", "compare", "results", "learn", "mistakes", "train")
_SECONDS = 300  # of patience; the case has its own limit
_NUMBERS = ("0", "1", "-1", "2.5", "1e9", "1e999", "nan", "inf", "9" * 300, "٣", "0x10", "1_000", "")
_KNOWN: dict[str, tuple[str, ...]] = {
    "sample": ("cat", "shapes", "nobody", "../camera.png"),
    "picture": ("flickr8k/x.jpg", "flickr8k/../../etc/passwd", "shapes/0", "/", "//", "none/none"),
    "model": ("shapes-soft", "shapes-hard", "../shapes-soft", "run:../..", "/etc", "soft flickr8k"),
    "first": ("shapes-soft", "run:x", ""),
    "second": ("shapes-hard", "shapes-soft", "/"),
    "text": ("own", "first", "typed", "all"),
    "words": ("a red circle", "a " * 500, "<end> <start> <pad>", "*a* $x$ :red[b] <b>c</b>"),
    "decoding": ("tuned", "greedy", "beam", "sample", "BEAM"),
    "beam": _NUMBERS,
    "length_norm": _NUMBERS,
    "temperature": _NUMBERS,
    "top_k": _NUMBERS,
    "top_p": _NUMBERS,
    "seed": _NUMBERS,
    "max_words": _NUMBERS,
    "step": _NUMBERS,
    "overlay": ("white", "heat", "contour", "cells", "none"),
    "scale": ("shared", "own", "other"),
    "show": ("alpha", "used", "?"),
    "panel": ("whole", "glimpses", "truth", "word", "x"),
    "branches": ("1.", "1.eJwDAAAAAAE", "2.x"),
    "branch": _NUMBERS,
    "chapter": ("attention", "hard", "search", "no-chapter"),
    "screen": ("0", "first", "../"),
    "class": ("3b", "x" * 5000),
    "dataset": ("flickr8k", "shapes", "mnist"),
    "protocol": ("standard", "paper_like", "own"),
    "view": ("new", "runs", "old"),
    "run": ("../..", "nobody", ".", "\x00"),
    "evaluation": ("shapes-soft", "../../etc", ""),
    "sort": ("CIDEr", "no column", "alpha"),
    "filter": ("{}", "[[", "CIDEr>5"),
}
_EDITS: tuple[dict[str, Any], ...] = (
    {"kind": "word", "step": 1, "word": "red"},
    {"kind": "word", "step": 99, "word": "red"},
    {"kind": "word", "step": 0, "word": "<script>"},
    {"kind": "cell", "step": 2, "row": 3, "column": 4},
    {"kind": "cell", "step": 2, "row": 300, "column": 4},
    {"kind": "uniform"},
    {"kind": "move", "rows": 99, "columns": -99},
    {"kind": "pin", "step": 2, "to": 70},
    {"kind": "gate", "value": 0.5},
    {"kind": "erase", "top": 1, "left": 1, "bottom": 9000, "right": 4, "unit": "pixels"},
)


def _address(rng: random.Random) -> dict[str, str | list[str]]:
    """Parameters that the pages know, and some that they do not, with values from right to mad."""
    names = rng.sample(list(_KNOWN), rng.randint(1, 8))
    address: dict[str, str | list[str]] = {}
    for name in names:
        mad = rng.choice(change.WORDS).encode("utf-8", "replace").decode()[:20_000]
        address[name] = rng.choice((rng.choice(_KNOWN[name]), rng.choice(_KNOWN[name]), mad, [mad, "x"]))
    if rng.random() < 0.3:
        tree = BranchTree()
        for i in range(rng.randint(1, 4)):
            tree, _ = tree.add(rng.randint(0, i), edits_from([rng.choice(_EDITS)]), f"name {i}")
        address["branches"] = tree.to_link()
        if rng.random() < 0.5:
            address["branches"] = change.damage(tree.to_link().encode(), rng).decode("utf-8", "replace")
        address["branch"] = str(rng.randint(0, 5))
    if rng.random() < 0.3:
        address[urllib.parse.quote(rng.choice(change.WORDS[:8]).encode("utf-8", "replace").decode()) or "x"] = "y"
    return address


def _open(page: str, address: dict[str, str | list[str]]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=_SECONDS)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py")
    return app.run()


def check(app: AppTest) -> None:
    """Refuse a page that shows an error, a traceback, or a remark that is no sentence.

    Raises:
        Wrong: naming it.
    """
    if app.exception:
        raise Wrong(f"an exception on the screen: {app.exception[0].message[:300]}")
    if app.error:
        raise Wrong(f"an error on the screen: {app.error[0].value[:300]}")
    for remark in (*app.warning, *app.info):
        if problem := not_a_sentence(remark.value.replace("\n", " ")):
            raise Wrong(f"a remark that {problem}: {remark.value[:300]!r}")
    if not app.title:
        raise Wrong("a page without its title")


def _visit(rng: random.Random, folder: Path) -> Use:
    page, address = rng.choice([page for page in PAGES if (ROOT / "pages" / f"{page}.py").is_file()]), _address(rng)
    return lambda: check(_open(page, address))


def _upload(rng: random.Random, folder: Path) -> Use:
    """A picture, good or bad, dropped into the page under any name that Streamlit itself lets through."""
    kinds = ("damaged JPEG", "damaged PNG", "polyglot", "nothing", "turned", "JPEG segments", "GIF", "WebP")
    data = rng.choice(
        (
            lambda: encoded("JPEG", "RGB", 0, rng.randrange(50)),
            lambda: crafted.png(24_999, 1, crafted.zeros(25_000)),
            lambda: crafted.png(1, 24_999, crafted.zeros(50_000)),
            lambda: crafted.png(1, 1, crafted.zeros(2)),
            lambda: pictures.made(rng.choice(kinds), rng),
        )
    )()
    name = rng.choice(("a.jpg", "a.PNG", "../../a.jpg", "<b>.jpg", "a\x01.jpg", "x" * 300 + ".png", "a.svg.tiff"))
    page = rng.choice(("explore", "compare"))

    def drop() -> None:
        app = _open(page, {"model": "shapes-soft", "first": "shapes-soft", "second": "shapes-hard"})
        app.segmented_control(key="source").set_value("Upload").run()
        check(app)
        app.file_uploader[0].set_value((name, data, "image/jpeg")).run()
        check(app)

    return drop


def _warm() -> None:
    """The models are loaded and the samples read before the cases are measured."""
    for page in PAGES:
        if (ROOT / "pages" / f"{page}.py").is_file():
            check(_open(page, {"model": "shapes-soft", "first": "shapes-soft", "second": "shapes-hard"}))


TARGET = Target(
    name="addresses",
    kinds={"visit": _visit, "another visit": _visit, "upload": _upload},
    cases=60,
    seconds=20.0,
    megabytes=600.0,
    warm=_warm,
    heavy=frozenset({"upload"}),
)
