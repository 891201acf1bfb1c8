"""Timing things in turn, and the results that come of it.

A ratio of two times means something on any machine; a time alone does not. Both sides are timed in every round, one
after the other, so that a machine that is busy for a while slows both, and the ratio is taken round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sat.files import write_text

ONE_THREAD = {"SAT_BENCHMARK_CLOCK": "processor", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_clock = time.process_time if os.environ.get("SAT_BENCHMARK_CLOCK") == "processor" else time.perf_counter


@dataclass(frozen=True)
class Goal:
    """What a value should be: at most or at least a limit."""

    kind: Literal["at most", "at least"]
    limit: float

    def met(self, value: float) -> bool:
        """Whether the value is as it should be."""
        return value <= self.limit if self.kind == "at most" else value >= self.limit


@dataclass(frozen=True)
class Result:
    """One line of a benchmark.

    Attributes:
        what: is measured.
        values: one a round, without unit where they are ratios.
        goal: for their median; None where the line is there for information.
        ours, against: the two sides of the ratio, as a reader wants to see them.
        unit: of the values.
        best: the same from the fastest round of each side, which a busy machine disturbs least; None where there is no
            such thing.
    """

    what: str
    values: tuple[float, ...]
    goal: Goal | None = None
    ours: str = ""
    against: str = ""
    unit: str = ""
    best: float | None = None

    @property
    def median(self) -> float:
        return float(np.median(self.values))

    @property
    def middle_half(self) -> tuple[float, float]:
        """The quartiles: half of the rounds lie between."""
        low, high = np.percentile(self.values, [25, 75])
        return float(low), float(high)

    @property
    def met(self) -> bool:
        """Whether the median reaches the goal; true without one."""
        return self.goal is None or self.goal.met(self.median)


@dataclass(frozen=True)
class Report:
    """What one benchmark has to say.

    Attributes:
        title: of its section; text: what was measured against what.
        results: the lines.
        notes: where the time goes, and what else a reader should know.
        table: further numbers, the header first.
        settings: when and where it ran; filled in by those who ran it.
    """

    title: str
    text: str
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Report:
        """The inverse of ``to_dict``."""
        results = [
            Result(**{**r, "values": tuple(r["values"]), "goal": None if r["goal"] is None else Goal(**r["goal"])})
            for r in record["results"]
        ]
        return cls(
            title=record["title"],
            text=record["text"],
            results=tuple(results),
            notes=tuple(record["notes"]),
            table=tuple(tuple(row) for row in record["table"]),
            settings=dict(record["settings"]),
        )


def interleave(
    tasks: Mapping[str, Callable[[], object]], rounds: int, *, warm: int = 1, calls: int = 1
) -> dict[str, np.ndarray]:
    """Seconds a call of every task in every round, float64 (rounds,), the tasks taking turns.

    Args:
        rounds: the order of the tasks moves on by one every round.
        warm: rounds before the clock runs.
        calls: of a task in a round, for tasks too short for the clock.
    """
    names = list(tasks)
    for _ in range(warm):
        for name in names:
            tasks[name]()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            task = tasks[name]
            started = _clock()
            for _ in range(calls):
                task()
            seconds[name].append((_clock() - started) / calls)
    return {name: np.array(values) for name, values in seconds.items()}


def compare(
    what: str,
    ours: np.ndarray,
    other: np.ndarray,
    goal: Goal | None = None,
    *,
    faster: bool = False,
    alike: bool = True,
) -> Result:
    """Our seconds (rounds,) over the other's, or with ``faster`` the other's over ours, round by round.

    Args:
        alike: every round did the same work, so that the fastest ones can be set against each other.
    """
    over, under = (other, ours) if faster else (ours, other)
    best = float(over.min() / under.min()) if alike else None
    ratios = tuple(float(f"{ratio:.4g}") for ratio in over / under)  # as exact as the clock deserves
    return Result(what, ratios, goal, duration(ours), duration(other), best=best)


def duration(seconds: np.ndarray | float) -> str:
    """A time, the median of several, with a fitting unit."""
    value = float(np.median(seconds))
    unit, factor = ("s", 1.0) if value >= 1 else ("ms", 1e3) if value >= 1e-3 else ("µs", 1e6)
    return f"{value * factor:.3g} {unit}"


def main(run: Callable[[bool], Report], arguments: Sequence[str] | None = None) -> None:
    """The command line of one benchmark: print its report, and keep it as a record if asked to."""
    from benchmarks.results import as_markdown, machine

    parser = argparse.ArgumentParser(description="Run one benchmark and print what it measured.")
    parser.add_argument("--quick", action="store_true", help="very few rounds, to see that it runs")
    parser.add_argument("--record", type=Path, help="also write the report to this JSON file")
    given = parser.parse_args(arguments)
    report = replace(run(given.quick), settings={"machine": machine()})
    if given.record is None:
        print(as_markdown(report), report.settings["machine"], sep="\n\n")
    else:
        write_text(given.record, json.dumps(report.to_dict()))
