"""What a run recorded, as curves: one chart for each thing, several runs in the same chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from sat.drawing.charts_training import epoch_curves
from sat.jobs import Run
from sat.training.run import RunFolder

CHART = {"displayModeBar": False}


@dataclass(frozen=True)
class Line:
    """One line of a chart: the records of a ``kind``, and where in them the number stands."""

    label: str
    kind: str
    key: str
    group: str = ""
    times: float = 1.0


def _step(key: str, label: str = "") -> Line:
    return Line(label, "step", key)


def _dev(key: str, label: str = "", times: float = 1.0) -> Line:
    return Line(label, "epoch", key, "dev", times)


CHARTS: dict[str, tuple[Line, ...]] = {
    "Loss a word": (_step("nll"),),
    "Dev CIDEr": (_dev("CIDEr"),),
    "Dev BLEU-4 and METEOR": (_dev("BLEU-4", "BLEU-4"), Line("METEOR", "meteor", "METEOR")),
    "Looks at what it names, %": (
        _dev("pointing_0", "points into the box", 100.0),
        _dev("correctness_last", "attention in the box", 100.0),
    ),
    "Attention's entropy": (_step("entropy", "training"), _dev("entropy", "dev")),
    "Reward and baseline": (_step("reward", "reward"), _step("baseline", "baseline")),
    "Doubly stochastic penalty": (_step("penalty"),),
    "Gradient norm": (_step("grad_norm"),),
    "Learning rate": (_step("lr"),),
    "Processors in use": (_step("cpu"),),
    "Memory, GiB": (_step("memory", "process"), _step("gpu_memory", "GPU")),
    "GPU busy, %": (_step("gpu_busy"),),
}
HELP = {
    "Dev CIDEr": "Of captions that the model wrote itself, word by word, by the best word each.",
    "Looks at what it names, %": "When it reads the dev captions: how much of the attention of a phrase's last word "
    "lies in its true boxes, and how often the largest cell does.",
    "Doubly stochastic penalty": "How unevenly places were looked at (equation 14), before λ.",
    "Reward and baseline": "Log-probability a word with sampled places, and what it is measured against.",
}
Points = tuple[list[float], list[float]]


def draw_curves(runs: Sequence[Run]) -> None:
    """The charts of some runs, of which there is at least one record."""
    records = {run.name: (RunFolder(run.path).metrics(), max(run.total / max(run.epochs, 1), 1.0)) for run in runs}
    drawn = [(title, found) for title, lines in CHARTS.items() if (found := curves_of(records, lines))]
    for first in range(0, len(drawn), 2):
        pair = drawn[first : first + 2]
        for column, (title, curves) in zip(st.columns(2, gap="medium"), pair, strict=False):
            with column:
                _chart(title, curves)


def _chart(title: str, curves: Mapping[str, Points]) -> None:
    st.markdown(f"**{title}**", help=HELP.get(title))
    last = "; ".join(f"{name} {y[-1]:.4g}" for name, (_, y) in curves.items())
    st.plotly_chart(
        epoch_curves(curves, "", height=210, markers=False),
        config=CHART,
        key=f"chart {title}",
        alt=f"{title}, by epoch. Last values: {last}",
    )


def curves_of(records: Mapping[str, tuple[list[dict[str, Any]], float]], lines: Iterable[Line]) -> dict[str, Points]:
    """Epochs and values of every line that some run has.

    Args:
        records: of every run, and how many steps its epochs have.
    """
    lines = tuple(lines)
    found: dict[str, Points] = {}
    for name, (all_records, steps) in records.items():
        for line in lines:
            points = [
                (record.get("step", 0) / steps, value)
                for record in all_records
                if record.get("kind") == line.kind and (value := _value(record, line)) is not None
            ]
            if points:
                label = " ".join(part for part in (name if len(records) > 1 else "", line.label) if part)
                found[label or "this run"] = ([x for x, _ in points], [y for _, y in points])
    return found


def _value(record: dict[str, Any], line: Line) -> float | None:
    values = record.get(line.group) if line.group else record
    value = values.get(line.key) if isinstance(values, dict) else None
    return float(value) * line.times if isinstance(value, int | float) and not isinstance(value, bool) else None
