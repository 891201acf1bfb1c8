"""What there is to show of trained models: their scores beside the paper's, grounding, and how they were trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sat import checkpoints
from sat.errors import UserError
from sat.evaluation import published
from sat.evaluation.publish import read_training

_SPEED = Path(__file__).resolve().parents[2] / "benchmarks" / "summary.json"
CEILING_FILE = "ceiling.json"  # beside a grounded model
STANDARD, PAPER_LIKE = "standard", "paper_like"
PROTOCOLS = {STANDARD: "Standard", PAPER_LIKE: "Paper-like"}
COLUMNS = {
    STANDARD: (*published.COLUMNS, "ROUGE-L", "CIDEr", "length_ratio"),
    PAPER_LIKE: (*published.COLUMNS, "length_ratio"),
}


@dataclass(frozen=True)
class Result:
    """One evaluation of a trained model.

    Attributes:
        model: its name; dataset, split: what it was scored on.
        context: how its attention became a context; None without attention.
        metrics: as in ``metrics.json``.
        weights: the first twelve digits of the SHA-256 of its weights.
        epochs: of its training, as logged; choice: what was chosen on dev.
        hallucination: as in ``hallucination.json``; None where it was not measured, or with another context.
        ceiling: as in ``ceiling.json``; None where it was not measured.
        system: the row of the paper's table that it follows.
        other_seeds: scores of runs that differ by their seed only, each as in ``metrics.json``.
    """

    model: str
    attention: str
    dataset: str
    split: str
    context: str | None
    metrics: Mapping[str, Any]
    weights: str
    epochs: tuple[Mapping[str, Any], ...]
    choice: Mapping[str, Any]
    hallucination: Mapping[str, Any] | None = None
    ceiling: Mapping[str, Any] | None = None
    system: str | None = None
    other_seeds: tuple[Mapping[str, Any], ...] = ()

    @property
    def label(self) -> str:
        """The model, with the context where that is not the usual one."""
        return self.model if self.context in (None, _USUAL[self.attention]) else f"{self.model} ({self.context})"

    @property
    def command(self) -> str:
        """What makes the scores again."""
        return (
            f"python -m sat evaluate --model {self.model} --dataset {self.dataset} --split {self.split} "
            f"--out runs/{self.model}"
        )


_USUAL = {"soft": "expected", "hard": "argmax", "none": None}


def shipped(root: Path | None = None) -> list[Result]:
    """Every evaluated model of a folder of checkpoints; what is damaged is left out."""
    found = []
    for name in checkpoints.available(root):
        try:
            found += _results((root or checkpoints.checkpoints_root()) / name)
        except (UserError, KeyError, TypeError, AttributeError):
            continue
    return found


def score_rows(results: Sequence[Result], dataset: str, protocol: str) -> list[dict[str, Any]]:
    """The table of one data set and protocol: the paper's rows first, then ours; missing scores are None."""
    columns = COLUMNS[protocol]
    rows: list[dict[str, Any]] = [
        {"model": row.system, "from": "the paper", **dict(zip(published.COLUMNS, row.scores, strict=True))}
        | {"remark": row.remark}
        for row in published.rows(dataset)
    ]
    for result in results:
        scores = result.metrics.get(protocol)
        if result.dataset == dataset and scores:
            seed = result.metrics.get("seed")
            rows.append(
                {"model": result.label, "from": "this project", **{c: scores.get(c) for c in columns}}
                | {"remark": f"seed {seed}" if seed is not None else ""}
            )
    return [
        {"model": r["model"], "from": r["from"], **{c: r.get(c) for c in columns}, "remark": r["remark"]} for r in rows
    ]


def seed_rows(results: Sequence[Result], dataset: str, protocol: str) -> list[dict[str, Any]]:
    """Models that were trained more than once: a row a run, and by which seed; none where there are none."""
    columns = COLUMNS[protocol]
    rows = []
    for result in results:
        runs = [run for run in (result.metrics, *result.other_seeds) if run.get(protocol)]
        if result.dataset == dataset and len(runs) > 1:
            for run in runs:
                rows.append({"model": result.label, "seed": run["seed"], **{c: run[protocol].get(c) for c in columns}})
    return rows


def grounding_rows(results: Sequence[Result], dataset: str) -> list[dict[str, Any]]:
    """Where attention looks against the boxes that people drew, with the two baselines at the end."""
    rows: list[dict[str, Any]] = []
    baseline: Mapping[str, Any] | None = None
    for result in results:
        grounding, attention = result.metrics.get("grounding"), result.metrics.get("attention")
        if result.dataset != dataset or not grounding or not attention:
            continue
        baseline = grounding
        rows.append(
            {
                "model": result.label,
                "correctness": grounding["correctness_last"],
                "pointing": 100 * grounding["pointing_0"],
                "pointing, 15 px": 100 * grounding["pointing_15"],
                "best word": grounding["correctness_best"],
                "places": attention["effective_places"],
                "moves": attention["step_divergence"],
            }
        )
    if baseline is not None:
        rows.append(
            {
                "model": "the centre",
                "correctness": baseline["centre"],
                "pointing": 100 * baseline["centre_pointing"],
            }
        )
        rows.append({"model": "everywhere alike", "correctness": baseline["uniform"]})
    return rows


def type_rows(results: Sequence[Result], dataset: str) -> list[dict[str, Any]]:
    """Correctness of the last word by type of phrase, a column a model, with the centre."""
    by_model = {
        r.label: r.metrics["grounding"]["by_type"]
        for r in results
        if r.dataset == dataset and r.metrics.get("grounding")
    }
    types = {t: n["phrases"] for by_type in by_model.values() for t, n in by_type.items()}
    rows = []
    for kind in sorted(types, key=lambda t: -types[t]):
        row: dict[str, Any] = {"phrases about": kind, "how many": types[kind]}
        for label, by_type in by_model.items():
            row[label] = by_type.get(kind, {}).get("correctness_last")
            row["the centre"] = by_type.get(kind, {}).get("centre", row.get("the centre"))
        rows.append(row)
    return rows


def hallucination_rows(results: Sequence[Result], dataset: str) -> list[dict[str, Any]]:
    """How often the captions name what no reference bears out, in percent, and what people do at the end.

    ``CHAIR_i``, ``CHAIR_s`` and ``recall`` are of the project's own object classes, those with ``80`` of COCO's.
    """
    rows: list[dict[str, Any]] = []
    human: dict[str, Any] = {}
    for result in results:
        if result.dataset != dataset or result.hallucination is None:
            continue
        found = {"": result.hallucination["objects"], " (80)": result.hallucination["coco80"]}
        pair: list[tuple[str, dict[str, Any]]] = [("model", {"model": result.label}), ("human", {"model": "people"})]
        for who, row in pair:
            for suffix, both in found.items():
                for name, key in (("CHAIR_i", "chair_i"), ("CHAIR_s", "chair_s"), ("recall", "recall")):
                    row[name + suffix] = None if both is None else both[who][key]
            if who == "model":
                rows.append(row)
            else:
                human = row
    return [*rows, human] if rows else []


def ceilings(results: Sequence[Result], dataset: str) -> list[Result]:
    """Those whose attention was set against one that is told the word."""
    return [r for r in results if r.dataset == dataset and r.ceiling is not None]


def speed_rows(path: Path = _SPEED) -> list[dict[str, str]]:
    """What the benchmarks measured last: ``what``, ``measured``, ``goal``, ``verdict``, ``date``; none without them."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [{name: str(row[name]) for name in ("what", "measured", "goal", "verdict", "date")} for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def datasets(results: Sequence[Result]) -> list[str]:
    """The data sets that there is something to say of: the paper's, then those of the models."""
    return list(dict.fromkeys([*published.DATASETS, *(r.dataset for r in results)]))


def _results(folder: Path) -> list[Result]:
    metrics = checkpoints.read_metrics(folder)
    if metrics is None:
        return []
    config = checkpoints.read_config(folder)
    story = read_training(folder) or {"settings": {}, "epochs": [], "choice": {}}
    dataset = str(story["settings"].get("dataset", "flickr8k"))
    hallucination, ceiling = checkpoints.read_hallucination(folder), checkpoints.read_record(folder / CEILING_FILE)
    records = [metrics]
    expected = metrics.get("expected")
    if expected is not None and expected["decoding"] != metrics["decoding"]:
        records.append(expected)
    return [
        Result(
            model=str(record["model"]),
            attention=config.attention,
            dataset=dataset,
            split=str(record["split"]),
            context=record["decoding"]["context"],
            metrics=record,
            weights=checkpoints.weights_digest(folder),
            epochs=tuple(line for line in story["epochs"] if line.get("kind", "epoch") == "epoch"),
            choice=story.get("choice") or {},
            hallucination=hallucination if record is metrics else None,
            ceiling=ceiling if record is metrics else None,
            system=published.counterpart(config),
            other_seeds=tuple(_of_seeds(checkpoints.read_seeds(folder), record is not metrics)),
        )
        for record in records
    ]


def _of_seeds(runs: Sequence[Mapping[str, Any]], expected: bool) -> list[Mapping[str, Any]]:
    """The metrics of other seeds with the context of the row they belong to."""
    return [run["expected"] for run in runs if run.get("expected")] if expected else list(runs)
