"""What is known of a run, read from its folder."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sat.errors import UserError
from sat.files import write_text
from sat.training.run import RunFolder, runs_root

__all__ = ["JOB_FILE", "NAME", "Order", "Run", "State", "read_order", "read_run", "run_folders", "runs_root"]

JOB_FILE = "job.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")  # what a run may be called


class State(StrEnum):
    """Where a run stands. ``lost``: it ended without a word (killed, machine or cluster gone); it can be resumed."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"

    @property
    def active(self) -> bool:
        """Whether a process has the run, or will have it."""
        return self in (State.QUEUED, State.RUNNING, State.STOPPING)


@dataclass(frozen=True)
class Order:
    """``job.json``: what was asked of the queue, so that a folder alone tells how its run was started.

    Attributes:
        job: the job that Ray took for it; None before that, and for runs that were started without the queue.
        attempt: how many times it was handed in.
        cpus, gpus: of each worker; workers: how many train together.
        created, submitted: seconds since 1970, for display.
        address: of the cluster; None for the head on this machine.
    """

    job: str | None = None
    attempt: int = 0
    cpus: float = 1.0
    gpus: float = 0.0
    workers: int = 1
    created: float = 0.0
    submitted: float = 0.0
    address: str | None = None

    def write(self, path: Path) -> None:
        """Write it into the run folder ``path``."""
        write_text(path / JOB_FILE, json.dumps(asdict(self), indent=1) + "\n")


@dataclass(frozen=True)
class Run:
    """One run as it stands.

    Attributes:
        name: of its folder; path: the folder.
        state: see ``State``; told: what the run itself said last (``status.json``); phase: ``preparing``,
            ``training``, ``scoring`` or ``choosing`` while it runs.
        epoch, epochs: epochs done and to do; step, total: updates done and to do.
        best: the best dev CIDEr so far; None before the first epoch's end.
        error, hint: why it failed and what to do about it; empty unless it failed or was lost.
        resumable: there is a saved state to go on from.
        model: the folder of its finished model; None before that.
        sequence: number of the last heartbeat.
        attention, dataset: of its settings.
        stop_asked: somebody asked it to stop.
    """

    name: str
    path: Path
    state: State
    told: str = ""
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    total: int = 0
    best: float | None = None
    error: str = ""
    hint: str = ""
    resumable: bool = False
    model: Path | None = None
    sequence: int = 0
    attention: str = ""
    dataset: str = ""
    stop_asked: bool = False
    order: Order = field(default_factory=Order)

    @property
    def progress(self) -> float:
        """The part of the updates that are done, 0 to 1."""
        return min(self.step / self.total, 1.0) if self.total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {**asdict(self), "path": str(self.path), "model": None if self.model is None else str(self.model)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Run:
        """The inverse of ``to_dict``."""
        return cls(
            **{
                **values,
                "path": Path(values["path"]),
                "model": None if values["model"] is None else Path(values["model"]),
                "state": State(values["state"]),
                "order": Order(**values["order"]),
            }
        )


def read_order(path: Path) -> Order:
    """``job.json`` of a run folder; one without a job where it is missing or damaged."""
    try:
        record = json.loads((path / JOB_FILE).read_text(encoding="utf-8"))
        return TypeAdapter(Order).validate_python({f.name: record[f.name] for f in fields(Order) if f.name in record})
    except (OSError, ValueError, TypeError, RecursionError):  # pydantic's ValidationError is a ValueError
        return Order()


def read_run(path: Path) -> Run:
    """What the folder ``path`` says of its run; ``state`` is the run's own word, to be checked against the world."""
    folder = RunFolder(path)
    status = folder.read_status()
    try:
        config = folder.config
        settings: dict[str, Any] = {
            "epochs": config.epochs,
            "attention": config.model.attention,
            "dataset": config.dataset,
        }
        damaged = ""
    except UserError as error:
        settings, damaged = {}, str(error)
    told = str(status.get("state", ""))
    state = State(told) if told in tuple(State) else State.LOST
    best = status.get("best")
    return Run(
        name=path.name,
        path=path,
        state=state,
        told=told,
        phase=str(status.get("phase", "")) if state is State.RUNNING else "",
        epoch=_count(status, "epoch"),
        step=_count(status, "step"),
        total=_count(status, "total"),
        best=_number(best),
        error=damaged or str(status.get("error", "")),
        hint=str(status.get("hint", "")),
        resumable=folder.state_file.is_file(),
        model=path / "model" if (path / "model" / "config.json").is_file() else None,
        sequence=_count(status, "sequence"),
        stop_asked=folder.stop_file.exists(),
        order=read_order(path),
        **settings,
    )


def run_folders(root: Path) -> list[Path]:
    """The run folders directly under ``root``, by name."""
    try:
        entries = sorted(entry.path for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []
    return [Path(entry) for entry in entries if os.path.isfile(os.path.join(entry, "config.yaml"))]


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def _count(status: dict[str, Any], key: str) -> int:
    value = status.get(key)
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0
