"""From a finished run to a shipped model: score it once on test and write its folder and card."""

from __future__ import annotations

import datetime
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

# Settings in which two runs that differ by their seed only may differ too: of the run, and of a part of it.
_MAY_DIFFER = {"name", "seed", "data", "samples", "meteor"}
_CHOSEN_LATER = {"name", "seed", "decoding", "vocabulary_size", "annotation_dim", "encoder_fingerprint"}


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
    folder = _finished(source)
    captioner = load(folder.resolve())
    out = out or _evaluation_of(source, folder)
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


def add_seed(
    source: Path,
    dataset: Dataset,
    model: str,
    *,
    split: str = "test",
    out: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Score a run that differs from a shipped model by its seed only, and keep the scores beside that model's own.

    What two such runs differ by is chance; a difference between two models that is no larger says little.

    Args:
        source: the run, or its model folder.
        model: the shipped model. Its own weights and scores stay as they are.
        out: where the whole evaluation is written; as in ``publish``.

    Returns:
        the model's folder, with ``seeds.json`` and a card that shows the spread.

    Raises:
        UserError: the two differ by more than the seed, or by nothing, or something could not be read or written.
    """
    folder, destination = _finished(source), checkpoints.find(model)
    own = checkpoints.read_metrics(destination)
    if own is None:
        raise UserError(f"{model} has not been scored yet: publish it before its other seeds.")
    if different := _different(folder, destination):
        raise UserError(f"{source} is not {model} with another seed: {', '.join(different)} differ too.")
    captioner = load(folder.resolve())
    if captioner.config.seed in (None, own["seed"]):
        raise UserError(f"{source} has the seed of {model} itself ({own['seed']}): train it with another one.")
    evaluation = evaluate(
        captioner,
        dataset,
        split,
        seed=captioner.config.seed,
        out=out or _evaluation_of(source, folder),
        progress=progress,
        rows=False,
    )
    metrics = {**evaluation.metrics, "date": datetime.date.today().isoformat()}
    others = [run for run in checkpoints.read_seeds(destination) if run.get("seed") != metrics["seed"]]
    checkpoints.update(destination, seeds=sorted([*others, metrics], key=lambda run: run["seed"]))
    write_card(destination)
    return destination


def write_card(folder: Path) -> None:
    """Generate README.md of a model folder again from its own files."""
    metrics = checkpoints.read_metrics(folder)
    if metrics is None:
        raise UserError(f"{folder} has no metrics.json: evaluate the model first.")
    story = read_training(folder)
    training = None if story is None else parse(TrainConfig, story["settings"], str(folder / "training.json"))
    history = [] if story is None else story["epochs"]
    card = model_card(
        checkpoints.read_config(folder),
        metrics,
        history,
        training=training,
        other_seeds=checkpoints.read_seeds(folder),
    )
    checkpoints.update(folder, card=card)


def read_training(folder: Path) -> dict[str, Any] | None:
    """Settings, epochs and choices of the run that made a model; None where they were not kept."""
    try:
        story = from_json((folder / "training.json").read_text(encoding="utf-8"))
        return story if {"settings", "epochs"} <= set(story) else None
    except (OSError, ValueError, TypeError):
        return None


def _finished(source: Path) -> Path:
    """The model folder of a run, or ``source`` itself where it is one."""
    folder = source / "model" if (source / "model" / "config.json").is_file() else source
    if not (folder / "config.json").is_file():
        raise UserError(f"{source} holds no finished model: train it to its end first.")
    return folder


def _evaluation_of(source: Path, folder: Path) -> Path | None:
    return source / "evaluation" if folder != source else None


def _different(one: Path, other: Path) -> list[str]:
    """The settings of training, beside name and seed, by which two models differ.

    What was chosen on dev at the end, as the decoding, may differ: it is part of what the seed changes.
    """
    settings = []
    for folder in (one, other):
        story = read_training(folder)
        if story is None:
            raise UserError(f"{folder} does not say how it was trained: its training.json is missing or damaged.")
        values = parse(TrainConfig, story["settings"], str(folder / "training.json")).model_dump()
        settings.append(_flat({name: value for name, value in values.items() if name not in _MAY_DIFFER}))
    return sorted(name for name in settings[0] if settings[0][name] != settings[1][name])


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """The settings of the parts beside those of the whole, by names with a full stop."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{part}": v for part, v in value.items() if part not in _CHOSEN_LATER}
        else:
            flat[name] = value
    return flat
