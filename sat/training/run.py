"""The run folder: a run tells its own story in files, so that nothing depends on the process that wrote them.

``config.yaml`` the settings; ``metrics.jsonl`` one record a line; ``status.json`` what it is doing, with a
heartbeat; ``log.txt``; ``samples/`` fixed pictures at every epoch; ``checkpoints/last.pt`` all that is needed to go
on exactly, ``checkpoints/best/`` and ``model/`` as model folders; ``stop`` while somebody asks it to stop.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from sat.config import TrainConfig, load_yaml, parse
from sat.errors import UserError
from sat.files import atomic_file, from_json, locked, write_text

_BEAT = 5.0  # seconds between two heartbeats
_BOOKKEEPING = ("pid", "host", "job", "sequence", "heartbeat")


def runs_root() -> Path:
    """The folder of the runs: ``$SAT_RUNS``, else ``runs``."""
    return Path(os.environ.get("SAT_RUNS") or "runs")


class RunFolder:
    """Reading and writing of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics_file = path / "metrics.jsonl"
        self.state_file = path / "checkpoints" / "last.pt"
        self.stop_file = path / "stop"
        self.lock_file = path / "checkpoints" / "lock"
        self._status: dict[str, Any] | None = None
        self._writing = threading.Lock()

    @classmethod
    def create(cls, path: Path, config: TrainConfig) -> RunFolder:
        """A new run.

        Raises:
            UserError: the folder already holds a run.
        """
        run = cls(path)
        if (path / "config.yaml").exists():
            raise UserError(f"{path} already holds a run: resume it with --resume {path}, or choose another --out.")
        try:
            (path / "checkpoints").mkdir(parents=True, exist_ok=True)
            (path / "samples").mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(f"{path} could not be made ({error.strerror}): choose another place.") from None
        write_text(path / "config.yaml", yaml.safe_dump(config.model_dump(), sort_keys=False))
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """A run that exists."""
        if not (path / "config.yaml").is_file():
            raise UserError(f"{path} is not a run: it has no config.yaml.")
        return cls(path)

    @property
    def config(self) -> TrainConfig:
        return parse(TrainConfig, load_yaml(self.path / "config.yaml"), str(self.path / "config.yaml"))

    def log(self, message: str, *, echo: bool = True) -> None:
        """A line to log.txt and, unless somebody else will say it, to standard output."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}"
        if echo:
            print(line, flush=True)
        _append(self.path / "log.txt", line)

    def record(self, **values: Any) -> None:
        """Append one record to metrics.jsonl."""
        _append(self.metrics_file, json.dumps(values))

    def metrics(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The records, of one kind or all; damaged lines (a process killed while writing) are passed over."""
        if not self.metrics_file.is_file():
            return []
        records = []
        for line in self.metrics_file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = from_json(line)
            except ValueError:
                continue
            if isinstance(record, dict) and kind in (None, record.get("kind")):
                records.append(record)
        return records

    def rewind(self, step: int) -> None:
        """Forget the records after ``step``: they will be made again."""
        kept = [r for r in self.metrics() if r.get("step", 0) <= step]
        write_text(self.metrics_file, "".join(json.dumps(r) + "\n" for r in kept))

    # What the run is doing, for whoever watches it, and what a watcher wants of it.

    def status(self, state: str, **values: Any) -> None:
        """Write status.json: ``state`` is queued, running, stopped, finished or failed.

        What was said before (epoch, step, ...) stays until it is said anew; an error and its hint do not.
        """
        with self._writing:
            known = self._status if self._status is not None else self.read_status()
            kept = {k: v for k, v in known.items() if k not in (*_BOOKKEEPING, "error", "hint")}
            self._status = {**kept, "state": state, **values}
            self._write_status()

    def read_status(self) -> dict[str, Any]:
        """The content of status.json; empty where it is missing or damaged."""
        try:
            record = from_json((self.path / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _write_status(self) -> None:
        if not self.exists:
            return  # deleted by hand: it must not come back
        sequence = self.read_status().get("sequence")
        record = {
            **(self._status or {}),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "job": job_id(),
            # Counted, not timed: a clock that is set back does not make a living run look dead.
            "sequence": (sequence if isinstance(sequence, int) else 0) + 1,
            "heartbeat": time.time(),
        }
        write_text(self.path / "status.json", json.dumps(record, indent=1) + "\n")

    @property
    def exists(self) -> bool:
        """Whether the run is (still) there."""
        return (self.path / "config.yaml").is_file()

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """While the block lasts, status.json is written again every few seconds, whatever the main thread does."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(_BEAT):
                with suppress(UserError, OSError), self._writing:  # a full disk is for the main thread to report
                    self._write_status()

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    @contextmanager
    def hold(self, wait: float = 10.0) -> Iterator[None]:
        """While the block lasts, this process alone trains the run. The system lets go when a process dies.

        Args:
            wait: seconds to wait for another process that is about to end.

        Raises:
            UserError: another process is training it.
        """
        lock = FileLock(self.lock_file)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise UserError(f"{self.path} is being trained by another process: stop that one first.") from None
        except OSError as error:
            raise UserError(f"{self.lock_file} could not be made ({error.strerror}): check the folder.") from None
        try:
            for left in self.state_file.parent.glob(".*.tmp*"):  # of a process that was killed while writing
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield
        finally:
            with suppress(OSError):
                self.lock_file.unlink()
            lock.release()

    def held(self) -> bool:
        """Whether a process on this machine (or on a disk that both see) is training the run right now."""
        return locked(self.lock_file)

    def request_stop(self, job: str | None = None) -> None:
        """Ask the process that trains the run to save and stop: job ``job`` only, or whichever it is where None."""
        write_text(self.stop_file, job or "")

    def forget_stop(self) -> None:
        """Take a request to stop back, unless it is meant for this very job."""
        mine = job_id()
        if mine is None or self._stop_wanted() != mine:
            self.stop_file.unlink(missing_ok=True)

    def stop_requested(self) -> bool:
        """Whether this process was asked to stop; asked after every step.

        Raises:
            UserError: the folder is gone.
        """
        if not self.exists:
            raise UserError(f"{self.path} was deleted while it was being trained: the training ends.")
        wanted = self._stop_wanted()
        return wanted is not None and wanted in ("", job_id())

    def _stop_wanted(self) -> str | None:
        try:
            return self.stop_file.read_text(encoding="utf-8").strip()
        except OSError:
            return None

    # The state to go on from.

    def save_state(self, state: dict[str, Any]) -> None:
        """Write last.pt in one go."""
        import torch  # here, so that whoever only watches runs need not load it

        with atomic_file(self.state_file) as temporary:
            try:
                torch.save(state, temporary)
            except RuntimeError as error:  # torch's words for a disk that is full
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error

    def load_state(self) -> dict[str, Any] | None:
        """The last state; None if the run never got so far. Read without executing anything from it.

        Raises:
            UserError: the file is damaged.
        """
        if not self.state_file.is_file():
            return None
        import torch

        try:
            return torch.load(self.state_file, map_location="cpu", weights_only=True)
        except Exception:  # damaged archives end in almost any exception
            raise UserError(f"{self.state_file} is damaged: copy the run again, or start a new one.") from None


class Onlooker(RunFolder):
    """A run seen by those of its workers that leave the writing to the first."""

    def log(self, message: str, *, echo: bool = True) -> None:
        pass

    def record(self, **values: Any) -> None:
        pass

    def rewind(self, step: int) -> None:
        pass

    def status(self, state: str, **values: Any) -> None:
        pass

    def _write_status(self) -> None:
        pass

    def save_state(self, state: dict[str, Any]) -> None:
        pass

    def forget_stop(self) -> None:
        pass

    @contextmanager
    def hold(self, wait: float = 10.0) -> Iterator[None]:
        yield


def job_id() -> str | None:
    """The job that this process runs for (``SAT_JOB``); None outside of one."""
    return os.environ.get("SAT_JOB") or None


def _append(path: Path, line: str) -> None:
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise UserError(f"{path} could not be written ({error.strerror}): free some space, then --resume.") from None
