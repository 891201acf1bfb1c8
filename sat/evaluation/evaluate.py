"""Score a model on a split of a data set and write ``metrics.json`` and ``captions.jsonl``.

With rows, also ``hallucination.json`` and the evaluation store (``store.py``); such an evaluation is kept batch by
batch, so that one that was stopped, or cut off, goes on where it was when it is started again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sat.config import Decoding
from sat.data.dataset import Dataset, Example
from sat.data.entities import AlignedPicture
from sat.data.features import FeatureStore
from sat.errors import UserError
from sat.evaluation.captions import Meteor
from sat.evaluation.finish import store_rows
from sat.evaluation.parts import open_parts
from sat.evaluation.task import Progress, SplitTask
from sat.files import write_text
from sat.trace import Trace

if TYPE_CHECKING:
    from sat.captioner import Captioner


@dataclass(frozen=True)
class Evaluation:
    """What a model did on a split.

    Attributes:
        metrics: the content of ``metrics.json``; scores are times 100, grounding in fractions, entropies in nats.
        records: one a picture, the lines of ``captions.jsonl``: image, caption, log_prob, words, entropy and beta of
            every word (null without attention), references.
        hallucination: the content of ``hallucination.json``; None without rows.
    """

    metrics: dict[str, Any]
    records: list[dict[str, Any]]
    hallucination: dict[str, Any] | None = None

    def save(self, folder: Path) -> None:
        """Write both files, each in one go, the captions first: a folder with metrics is a whole one."""
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in self.records]
        write_text(folder / "captions.jsonl", "".join(lines))
        write_text(folder / "metrics.json", json.dumps(self.metrics, indent=2) + "\n")


def evaluate(
    captioner: Captioner,
    dataset: Dataset,
    split: str,
    *,
    decoding: Decoding | None = None,
    seed: int | None = None,
    feature_store: FeatureStore | None = None,
    aligned: dict[str, AlignedPicture] | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
    rows: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Caption a split and score it by both protocols, its attention and its grounding.

    A hard model is decoded twice: as asked (its own setting takes the glimpse at the largest alpha) and with the
    expected context, whose results stand under ``expected``. What cannot be measured is null and said in the log:
    ``paper_like`` where the data set has no captions of the paper's edition, ``grounding`` where it has no aligned
    boxes; a model without attention has neither ``attention`` nor ``grounding``.

    Args:
        decoding: greedy or beam; None means the setting chosen on the dev split, stored with the model.
        seed: the training run's, for the record.
        feature_store: holds the annotations of the split; None finds or computes them with the model's encoder.
        aligned: boxes by picture; None reads ``entities_aligned.jsonl.gz`` of the data set where there is one.
        out: folder to write to; None writes nothing.
        progress: called with (stage, done, total), the stages being annotations, captions and grounding, and with
            rows "rows".
        rows: write the evaluation store and ``hallucination.json`` to ``out`` too. What is computed is then kept there
            at once, and the same evaluation, started again after an interruption, goes on with it.
        should_stop: asked after every batch.

    Raises:
        UserError: the split is empty, the annotations do not fit the model, or the folder cannot be written.
        EvaluationStopped: ``should_stop`` said so.
    """
    decoding = decoding or captioner.config.decoding
    if decoding.method == "sample":
        raise UserError("Sampled captions are not scored: evaluate with greedy or beam decoding.")
    if out is not None and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: name a folder for the results.")
    if rows and out is None:
        raise UserError("The rows of an evaluation are written to a folder: name one.")
    task = SplitTask(captioner, dataset, split, feature_store, aligned, progress, should_stop)
    context = decoding.context or captioner.config.default_context
    decoding = decoding.model_copy(update={"context": context})
    with ExitStack() as stack:
        if rows and out is not None:
            plan = task.plan(decoding)
            task.parts = stack.enter_context(open_parts(out, plan))
        meteor = stack.enter_context(Meteor())  # if Java does not run, nobody waits for captions to learn it
        metrics, captions, scores = task.run(decoding, seed, meteor, "captions")
        if captioner.attention == "hard":
            expected = metrics
            if context != "expected":
                expected, _, _ = task.run(decoding.model_copy(update={"context": "expected"}), seed, meteor, "expected")
            metrics = {**metrics, "expected": expected}
        records = [_record(example, one.trace) for example, one in zip(task.examples, captions, strict=True)]
        hallucination = None
        if task.parts is not None and out is not None:
            about = {key: metrics[key] for key in ("model", "split", "seed", "decoding")}
            about["weights"] = plan["weights"][:12]
            hallucination = store_rows(out, task, about, captions, scores)
        evaluation = Evaluation(metrics, records, hallucination)
        if out is not None:
            evaluation.save(out)
        if task.parts is not None:
            task.parts.remove()
    return evaluation


def _record(example: Example, trace: Trace) -> dict[str, Any]:
    attends = trace.attention != "none"
    return {
        "image": example.name,
        "caption": trace.caption,
        "log_prob": trace.log_prob,
        "words": trace.words,
        "entropy": [step.entropy for step in trace.steps] if attends else None,
        "beta": [step.beta for step in trace.steps] if attends else None,
        "references": list(example.captions),
    }
