"""The end of an evaluation with rows: every caption judged by its references, ``hallucination.json`` and the store."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sat.data.dataset import Dataset
from sat.evaluation.chair import find_synonyms, standard_classes
from sat.evaluation.hallucination import Judgement, hallucination
from sat.evaluation.measured import Measured
from sat.evaluation.rows import picture_row, word_rows
from sat.evaluation.store import PictureRows, write_store
from sat.evaluation.word_boxes import PictureBoxes
from sat.evaluation.word_classes import WordClasses, classes_name, word_classes
from sat.files import write_text

if TYPE_CHECKING:
    from sat.evaluation.task import SplitTask

_log = logging.getLogger(__name__)
_OTHERS = 8  # captions of other pictures that tell what attention does anyway
_REPORTED = 32  # pictures between two reports


def store_rows(
    out: Path,
    task: SplitTask,
    about: Mapping[str, Any],
    captions: Sequence[Measured],
    scores: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Write ``hallucination.json`` and the store to ``out``.

    Args:
        about: model, split, seed and decoding, as in ``metrics.json``; weights, the first digits of their hash.
        captions: one a picture of the task, in its order; scores: of each, (N,), by name.

    Returns:
        the content of ``hallucination.json``.

    Raises:
        UserError: the folder cannot be written, or the synonym list beside the data set is damaged.
        EvaluationStopped: see ``SplitTask.report``.
    """
    dataset, config = task.dataset, task.captioner.config
    classes, kind = word_classes(dataset.name), classes_name(dataset.name)
    synonyms = find_synonyms(dataset) if kind == "photographs" else None
    written = {example.name: one.trace.words for example, one in zip(task.examples, captions, strict=True)}
    standard = None if synonyms is None else standard_classes(synonyms)
    found, judgements = hallucination(classes, written, task.references, standard=standard)
    if any(one.evidence is None for one in captions):
        _log.warning("%s holds no mean image, so evidence is null.", config.name)
    about = {**about, "dataset": dataset.name, "classes": kind}
    more = {"rows": config.rows, "columns": config.columns, "root": _root(dataset)}
    write_store(out, {**about, **more}, _rows(task, classes, captions, judgements, scores))
    record = {**about, **found}
    write_text(out / "hallucination.json", json.dumps(record, indent=2) + "\n")
    return record


def _root(dataset: Dataset) -> str | None:
    """Where the pictures are; nowhere in particular for the shapes, which are drawn again from their names."""
    return None if dataset.name == "shapes" else str(dataset.root.resolve())


def _rows(
    task: SplitTask,
    classes: WordClasses,
    captions: Sequence[Measured],
    judgements: Sequence[Judgement],
    scores: Mapping[str, np.ndarray],
) -> Iterator[PictureRows]:
    total = len(captions)
    aligned = task.aligned or {}
    for i, (example, one, judgement) in enumerate(zip(task.examples, captions, judgements, strict=True)):
        boxes = PictureBoxes(classes, aligned[example.name]) if example.name in aligned else None
        words = word_rows(i, example, one, judgement, boxes)
        boxed = [] if boxes is None else boxes.objects(judgement.mentions, one.trace.alphas, _others(captions, i))
        of_caption = {name: float(values[i]) for name, values in scores.items()}
        yield picture_row(i, example, one, judgement, of_caption, words, classes, boxed), words
        if (i + 1) % _REPORTED == 0 or i + 1 == total:
            task.report("rows", i + 1, total)


def _others(captions: Sequence[Measured], number: int) -> list[np.ndarray]:
    """The maps of the captions that follow in the split, from its end on at its beginning."""
    count = len(captions)
    following = (captions[(number + k) % count].trace.alphas for k in range(1, min(_OTHERS, count - 1) + 1))
    return [alphas for alphas in following if alphas is not None]
