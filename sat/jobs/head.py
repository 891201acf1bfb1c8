"""The local head: a small Ray on this machine, on loopback, behind a token, that outlives whoever started it.

Its files lie in ``<runs>/.ray``: ``token`` (for its owner only), ``head.json``, ``start.log``.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from sat.errors import UserError
from sat.files import from_json, write_text

_OBJECT_STORE = 80_000_000  # bytes, about the least that Ray takes: jobs exchange files, not objects
_START_SECONDS = 120.0
_END_SECONDS = 5.0
_TRIES = 3
# Those that would send us, or the head, to another cluster.
FOREIGN = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    # The name is Ray's; what it does on every system is to bind all of Ray's ports to loopback.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Ray's own limit on waiting is a quarter of an hour; a queued run may wait for days.
    "RAY_JOB_START_TIMEOUT_SECONDS": str(10 * 365 * 24 * 3600),
    "RAY_prestart_worker_first_driver": "0",
    "RAY_enable_metrics_collection": "0",
}


@dataclass(frozen=True)
class _Record:
    """``head.json``: where the head listens, its process group, its temporary folder, and the boot it belongs to."""

    url: str
    group: int
    folder: str
    boot: str


class LocalHead:
    """The head that belongs to a folder of runs."""

    def __init__(self, root: Path) -> None:
        self.folder = root / ".ray"
        self.token_file = self.folder / "token"

    @property
    def url(self) -> str | None:
        """Where its jobs are handed in; None where none was started."""
        record = self._read()
        return None if record is None else record.url

    @property
    def headers(self) -> dict[str, str]:
        """What proves that we may."""
        try:
            return {"Authorization": f"Bearer {self.token_file.read_text(encoding='ascii').strip()}"}
        except OSError:
            return {}

    def alive(self) -> bool:
        """Whether it answers."""
        url = self.url
        return url is not None and answers(url, self.headers)

    def ensure(self) -> None:
        """Start it unless it answers. Several callers at once start one.

        Raises:
            UserError: it could not be started.
        """
        if self.alive():
            return
        with self._lock():
            if self.alive():
                return
            self._end()
            for attempt in range(1, _TRIES + 1):
                problem = self._start()
                if problem is None:
                    return
                self._end()
                if attempt == _TRIES:
                    raise UserError(f"Ray could not be started on this machine ({problem}): see {self._log}.")

    def shutdown(self) -> None:
        """End it, and with it every job that it runs."""
        with self._lock():
            self._end()

    def _start(self) -> str | None:
        """One try; what went wrong, or None."""
        if not self.token_file.is_file():
            descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
        # Sockets lie in this folder, and their paths may have about a hundred characters only.
        short = "/tmp" if os.path.isdir("/tmp") else None
        folder = tempfile.mkdtemp(prefix="sat-ray-", dir=short)
        dashboard, client = _free_port(), _free_port()
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--disable-usage-stats"),
            *("--node-ip-address=127.0.0.1", "--port=0", f"--ray-client-server-port={client}"),
            *("--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
            *("--dashboard-agent-listen-port=0", "--include-log-monitor=false"),
            # Ray opens its folder to everybody; the one around it is ours alone.
            *(f"--object-store-memory={_OBJECT_STORE}", f"--temp-dir={folder}/r"),
        ]
        environment = {k: v for k, v in os.environ.items() if k not in (*FOREIGN, "RAY_AUTH_TOKEN", "SAT_JOB")}
        environment |= _SETTINGS | {"RAY_AUTH_TOKEN_PATH": str(self.token_file.resolve())}
        with open(self._log, "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # what ends the server or the shell must not end the head
            )
            url = f"http://127.0.0.1:{dashboard}"
            record = _Record(url, process.pid, folder, boot_id())
            write_text(self._record_file, json.dumps(asdict(record), indent=1) + "\n")
            deadline = time.monotonic() + _START_SECONDS
            try:
                code = process.wait(_START_SECONDS)
            except subprocess.TimeoutExpired:
                return f"nothing after {_START_SECONDS:.0f} s"
        if code != 0:
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1].strip() if lines else f"exit code {code}"
        while time.monotonic() < deadline:
            if answers(url, self.headers, "/api/jobs/"):
                return None
            time.sleep(0.2)
        return "it does not answer"

    def _end(self) -> None:
        """Kill what is left of the head, and forget it."""
        record = self._read()
        if record is None:
            return
        if record.boot == boot_id() and _is_ours(record):
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(record.group, number)
                deadline = time.monotonic() + _END_SECONDS
                while _is_ours(record) and time.monotonic() < deadline:
                    time.sleep(0.1)
        shutil.rmtree(record.folder, ignore_errors=True)
        self._record_file.unlink(missing_ok=True)

    @property
    def _record_file(self) -> Path:
        return self.folder / "head.json"

    @property
    def _log(self) -> Path:
        return self.folder / "start.log"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time starts or ends the head."""
        lock = FileLock(self.folder / "lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=2 * _START_SECONDS)
        except Timeout:
            raise UserError("Another process has been starting Ray for minutes: end that one and try again.") from None
        except OSError as error:
            raise UserError(f"{self.folder} cannot be written ({error.strerror}): choose another SAT_RUNS.") from None
        try:
            yield
        finally:
            lock.release()

    def _read(self) -> _Record | None:
        try:
            return _Record(**from_json(self._record_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def answers(url: str, headers: dict[str, str], path: str = "/api/version", *, seconds: float = 5.0) -> bool:
    """Whether the cluster at ``url`` answers us."""
    import requests

    try:
        return requests.get(url + path, headers=headers, timeout=seconds).status_code == 200
    except requests.RequestException:
        return False


def boot_id() -> str:
    """Names this start of the machine: process numbers and monotonic clocks mean nothing across two of them."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _is_ours(record: _Record) -> bool:
    """Whether a process of the group has the head's own folder in its command: numbers are used again."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(entry.name)) == record.group and record.folder.encode() in (
                (entry / "cmdline").read_bytes()
            ):
                return True
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
