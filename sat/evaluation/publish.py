"""From a finished run to a shipped model: score it once on test and write its folder and card."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sat import checkpoints
from sat.captioner import load
from sat.config import TrainConfig, parse
from sat.data.dataset import Dataset
from sat.errors import UserError
from sat.evaluation.card import model_card
from sat.evaluation.evaluate import Progress, evaluate
from sat.files import copy_folder, from_json


def publish(
    source: Path,
    dataset: Dataset,
    *,
    split: str = "test",
    root: Path | None = None,
    name: str | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Copy the model in ``source`` (a run, or a model folder) to the shipped models, with its scores and its card.

    Args:
        name: of the shipped model, which replaces one of the same name; the model's own where None.
        out: where the whole evaluation is written, with its rows; by default ``evaluation`` in a run. A model folder
            without it gets its scores alone.

    Returns:
        the folder ``root/NAME``.

    Raises:
        UserError: the run has no finished model, or something could not be read or written.
    """
    folder = source / "model" if (source / "model" / "config.json").is_file() else source
    if not (folder / "config.json").is_file():
        raise UserError(f"{source} holds no finished model: train it to its end first.")
    captioner = load(folder.resolve())
    out = out or (source / "evaluation" if folder != source else None)
    evaluation = evaluate(
        captioner, dataset, split, seed=captioner.config.seed, out=out, progress=progress, rows=out is not None
    )
    name = name or captioner.name
    destination = (root or checkpoints.checkpoints_root()) / name
    if folder.resolve() != destination.resolve():
        copy_folder(folder, destination)
    metrics = {**evaluation.metrics, "model": name, "date": datetime.date.today().isoformat()}
    if metrics.get("expected"):
        metrics["expected"] = {**metrics["expected"], "model": name}
    told = evaluation.hallucination and {**evaluation.hallucination, "model": name}
    config = captioner.config.model_copy(update={"name": name})
    checkpoints.update(destination, config=config, metrics=metrics, hallucination=told)
    write_card(destination)
    return destination


def write_card(folder: Path, other_seeds: Sequence[dict[str, Any]] = ()) -> None:
    """Generate README.md of a model folder again from its own files."""
    metrics = checkpoints.read_metrics(folder)
    if metrics is None:
        raise UserError(f"{folder} has no metrics.json: evaluate the model first.")
    story = read_training(folder)
    training = None if story is None else parse(TrainConfig, story["settings"], str(folder / "training.json"))
    history = [] if story is None else story["epochs"]
    card = model_card(checkpoints.read_config(folder), metrics, history, training=training, other_seeds=other_seeds)
    checkpoints.update(folder, card=card)


def read_training(folder: Path) -> dict[str, Any] | None:
    """Settings, epochs and choices of the run that made a model; None where they were not kept."""
    try:
        story = from_json((folder / "training.json").read_text(encoding="utf-8"))
        return story if {"settings", "epochs"} <= set(story) else None
    except (OSError, ValueError, TypeError):
        return None
