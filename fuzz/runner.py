"""Handing the cases of a target to worker processes, whatever these do."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from fuzz.case import Outcome, Target, load_target
from fuzz.worker import work

START_SECONDS = 120.0  # a worker imports torch and loads a model
PATIENCE = 20.0  # a case is killed after so many times the seconds that it may take: others use the machine too
_TELL = Callable[[Outcome], None]


@dataclass
class _Worker:
    """A process, the case that it is at, when that is overdue, and whether it has started and ended."""

    process: SpawnProcess
    connection: Connection
    number: int | None = None
    due: float = 0.0
    ready: bool = False
    lost: bool = False


def run_target(
    name: str,
    seed: int,
    numbers: Iterable[int],
    *,
    workers: int = 2,
    patience: float = PATIENCE,
    tell: _TELL = lambda _: None,
) -> list[Outcome]:
    """Run cases of a target, in the order of their numbers.

    Args:
        name: of its module, see ``load_target``.
        numbers: of the cases; may be endless where they stop by themselves (``until``).
        patience: a case is killed after so many times the seconds that it may take.
        tell: called with every outcome as it comes.
    """
    target = load_target(name)
    queue = iter(numbers)
    outcomes: list[Outcome] = []
    team = [_start(name, seed) for _ in range(workers)]
    try:
        while team:
            for worker in list(team):
                if worker.ready and worker.number is None and not _give(worker, queue, target, patience):
                    team.remove(worker)
                    _end(worker)
            nearest = min((worker.due for worker in team), default=0.0)
            for connection in wait([w.connection for w in team], timeout=max(0.0, nearest - time.monotonic())):
                worker = next(w for w in team if w.connection is connection)
                outcome = _hear(worker, target)
                if outcome is not None:
                    outcomes.append(outcome)
                    tell(outcome)
            for worker in list(team):
                at_work = worker.number is not None or not worker.ready
                late = at_work and not worker.lost and time.monotonic() > worker.due
                if not (worker.lost or late):
                    continue
                if worker.number is None:
                    raise RuntimeError(f"A worker for {name} did not start: what it printed says why.")
                outcome = _given_up(worker, target, late, patience)
                outcomes.append(outcome)
                tell(outcome)
                team[team.index(worker)] = _start(name, seed)
    finally:
        for worker in team:
            _end(worker)
    return sorted(outcomes, key=lambda outcome: outcome.number)


def until(seconds: float, least: int) -> Iterator[int]:
    """The numbers 0, 1, 2, ...: at least ``least`` of them, and more while the seconds last."""
    end = time.monotonic() + seconds
    number = 0
    while number < least or time.monotonic() < end:
        yield number
        number += 1


def _start(name: str, seed: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(name, seed, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, due=time.monotonic() + START_SECONDS)


def _give(worker: _Worker, queue: Iterator[int], target: Target, patience: float) -> bool:
    """Whether there was another case to give."""
    number = next(queue, None)
    if number is None:
        return False
    worker.number, worker.due = number, time.monotonic() + patience * target.seconds
    worker.connection.send(number)
    return True


def _hear(worker: _Worker, target: Target) -> Outcome | None:
    """What a worker says; None where it has only started, or will say nothing more."""
    try:
        said = worker.connection.recv()
    except (EOFError, OSError):
        worker.lost = True
        return None
    if said == "ready":
        worker.ready = True
        return None
    worker.number = None
    return said


def _given_up(worker: _Worker, target: Target, late: bool, patience: float) -> Outcome:
    assert worker.number is not None
    if not late:
        worker.process.join(5)  # it is dying: its own exit code says why
    worker.process.kill()
    worker.process.join()
    told = (
        f"did not end within {patience * target.seconds:g} s"
        if late
        else f"killed its process (exit code {worker.process.exitcode})"
    )
    worker.connection.close()
    return Outcome(target.name, worker.number, target.kind_of(worker.number), "failed", told)


def _end(worker: _Worker) -> None:
    worker.connection.close()
    worker.process.join(5)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
