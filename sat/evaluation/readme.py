"""The tables of the README, made from the metrics of the shipped models: ``python -m sat.evaluation.readme``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sat import checkpoints
from sat.evaluation.card import markdown_table, results_table, spread_table
from sat.files import write_text

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def with_tables(text: str) -> str:
    """The README with its tables made anew, each between two marks: ``results``, ``seeds`` and ``grounding``."""
    folders = [checkpoints.find(name) for name in checkpoints.available()]
    shipped = [(checkpoints.read_metrics(folder), checkpoints.read_seeds(folder)) for folder in folders]
    runs = [[own, *seeds] for own, seeds in shipped if own is not None and own.get("paper_like")]  # of Flickr8k
    metrics = [own for own, *_ in runs]
    tables = {
        "results": results_table(metrics),
        "seeds": spread_table([seeds for seeds in runs if len(seeds) > 1]),
        "grounding": grounding_table(metrics),
    }
    for mark, table in tables.items():
        pattern = re.compile(rf"<!-- {mark} -->.*?<!-- /{mark} -->", re.DOTALL)
        made = f"<!-- {mark} -->\n{table.strip()}\n<!-- /{mark} -->"
        text = pattern.sub(made.replace("\\", r"\\"), text)
    return text


def grounding_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Where attention looks, and how sharply, beside looking everywhere alike and looking at the centre."""
    header = ["model", "correctness", "pointing", "pointing, 15 px", "places", "step divergence"]
    rows = []
    for metrics in results:
        grounding, attention = metrics["grounding"], metrics["attention"]
        if grounding is None or attention is None:
            continue
        rows.append(
            [
                metrics["model"],
                f"{grounding['correctness_last']:.3f}",
                *(f"{100 * grounding[key]:.1f} %" for key in ("pointing_0", "pointing_15")),
                f"{attention['effective_places']:.0f}",
                f"{attention['step_divergence']:.3f}",
            ]
        )
        baselines = grounding
    if rows:
        rows.append(
            ["*the centre*", f"{baselines['centre']:.3f}", f"{100 * baselines['centre_pointing']:.1f} %", "-", "-", "-"]
        )
        rows.append(["*everywhere alike*", f"{baselines['uniform']:.3f}", "-", "-", "196", "0.000"])
    return markdown_table(header, rows)


if __name__ == "__main__":
    write_text(README, with_tables(README.read_text(encoding="utf-8")))
