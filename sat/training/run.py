"""The run folder: a run tells its own story in files, so that nothing depends on the process that wrote them.

``config.yaml`` the settings; ``metrics.jsonl`` one record a line; ``status.json`` what it is doing, with a
heartbeat; ``log.txt``; ``samples/`` fixed pictures at every epoch; ``checkpoints/last.pt`` all that is needed to go
on exactly, ``checkpoints/best/`` and ``model/`` as model folders.
"""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
import yaml

from sat.config import TrainConfig, load_yaml, parse
from sat.errors import UserError
from sat.files import atomic_file, write_text


class RunFolder:
    """Reading and writing of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics_file = path / "metrics.jsonl"
        self.state_file = path / "checkpoints" / "last.pt"

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

    def log(self, message: str) -> None:
        """A line to log.txt and to standard output."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}"
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
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and kind in (None, record.get("kind")):
                records.append(record)
        return records

    def rewind(self, step: int) -> None:
        """Forget the records after ``step``: they will be made again."""
        kept = [r for r in self.metrics() if r.get("step", 0) <= step]
        write_text(self.metrics_file, "".join(json.dumps(r) + "\n" for r in kept))

    def status(self, state: str, **values: Any) -> None:
        """Write status.json: ``state`` is running, stopped, finished or failed."""
        record = {"state": state, "pid": os.getpid(), "heartbeat": time.time(), **values}
        write_text(self.path / "status.json", json.dumps(record, indent=1) + "\n")

    def save_state(self, state: dict[str, Any]) -> None:
        """Write last.pt in one go."""
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
        try:
            return torch.load(self.state_file, map_location="cpu", weights_only=True)
        except Exception:  # damaged archives end in almost any exception
            raise UserError(f"{self.state_file} is damaged: copy the run again, or start a new one.") from None


def _append(path: Path, line: str) -> None:
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise UserError(f"{path} could not be written ({error.strerror}): free some space, then --resume.") from None
