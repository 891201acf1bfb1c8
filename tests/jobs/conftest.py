"""A queue without Ray, and run folders in any condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sat.config import TrainConfig
from sat.jobs.cluster import News, Word
from sat.jobs.runs import Order
from sat.jobs.service import Jobs
from sat.training.run import RunFolder


@dataclass
class PaperQueue:
    """Takes jobs as Ray does, and says of them what a test wants: the same methods as ``Cluster``."""

    local: bool = True
    address: str | None = None
    up: bool = True
    has: dict[str, float] = field(default_factory=lambda: {"CPU": 4.0, "GPU": 0.0})
    jobs: dict[str, News] = field(default_factory=dict)
    submitted: list[tuple[str, Path, Order]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    refuses: Exception | None = None

    def ensure(self) -> None:
        self.up = True

    def submit(self, job: str, run: Path, order: Order, settings: dict[str, Any]) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.submitted.append((job, run, order))
        self.jobs[job] = News(Word.PENDING, run=str(run))

    def says(self, job: str, word: Word, message: str = "", exit_code: int | None = None) -> None:
        """From now on this is Ray's word on a job."""
        self.jobs[job] = News(word, message, exit_code, self.jobs[job].run)

    def news(self) -> dict[str, News] | None:
        return dict(self.jobs) if self.up else None

    def stop(self, job: str) -> None:
        self.stopped.append(job)

    def log(self, job: str) -> str:
        return f"printed by {job}" if self.up else ""

    def forget(self, job: str) -> None:
        self.jobs.pop(job, None)

    def totals(self) -> dict[str, float] | None:
        return self.has


@pytest.fixture
def queue() -> PaperQueue:
    return PaperQueue()


@pytest.fixture
def jobs(tmp_path: Path, queue: PaperQueue, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """The service on an empty folder of runs, with the queue on paper."""
    for name in ("SAT_PUBLIC", "SAT_RAY_ADDRESS", "SAT_RUNS", "SAT_JOB"):
        monkeypatch.delenv(name, raising=False)
    service = Jobs(tmp_path / "runs")
    service.cluster = queue  # type: ignore[assignment]
    return service


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(name="tiny", dataset="shapes", epochs=3)


@pytest.fixture
def make_run(tmp_path: Path, config: TrainConfig) -> Callable[..., RunFolder]:
    """A run folder that says of itself what is given."""

    def make(name: str, state: str = "", *, order: Order | None = None, **status: Any) -> RunFolder:
        folder = RunFolder.create(tmp_path / "runs" / name, config.model_copy(update={"name": name}))
        if order is not None:
            order.write(folder.path)
        if state:
            folder.status(state, **status)
        return folder

    return make
