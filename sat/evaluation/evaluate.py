"""Score a model on a split of a data set and write ``metrics.json`` and ``captions.jsonl``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sat.config import Decoding
from sat.data.dataset import Dataset, Example
from sat.data.entities import ALIGNED_FILE, AlignedPicture, read_aligned
from sat.data.features import FeatureStore, extract
from sat.errors import UserError
from sat.evaluation.attention import attention_statistics
from sat.evaluation.captions import Meteor, paper_like_scores, standard_scores
from sat.evaluation.grounding import boxed_phrases, caption_words, ground, teacher_forced_alphas
from sat.files import write_text
from sat.trace import Trace

if TYPE_CHECKING:
    from sat.captioner import Captioner

Progress = Callable[[str, int, int], None]
_BATCH = 32
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """What a model did on a split.

    Attributes:
        metrics: the content of ``metrics.json``; scores are times 100, grounding in fractions, entropies in nats.
        records: one a picture, the lines of ``captions.jsonl``: image, caption, log_prob, words, entropy and beta of
            every word (null without attention), references.
    """

    metrics: dict[str, Any]
    records: list[dict[str, Any]]

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
        progress: called with (stage, done, total), the stages being annotations, captions and grounding.

    Raises:
        UserError: the split is empty, the annotations do not fit the model, or the folder cannot be written.
    """
    decoding = decoding or captioner.config.decoding
    if decoding.method == "sample":
        raise UserError("Sampled captions are not scored: evaluate with greedy or beam decoding.")
    if out is not None and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: name a folder for the results.")
    task = _Task(captioner, dataset, split, feature_store, aligned, progress)
    with Meteor() as meteor:  # started first: if Java does not run, nobody waits for captions to learn it
        context = decoding.context or captioner.config.default_context
        metrics, traces = task.run(decoding.model_copy(update={"context": context}), seed, meteor)
        if captioner.attention == "hard":
            expected = metrics
            if context != "expected":
                expected, _ = task.run(decoding.model_copy(update={"context": "expected"}), seed, meteor)
            metrics = {**metrics, "expected": expected}
    records = [_record(example, trace) for example, trace in zip(task.examples, traces, strict=True)]
    evaluation = Evaluation(metrics, records)
    if out is not None:
        evaluation.save(out)
    return evaluation


class _Task:
    """A split made ready: its pictures, their annotations, references and boxes."""

    def __init__(
        self,
        captioner: Captioner,
        dataset: Dataset,
        split: str,
        store: FeatureStore | None,
        aligned: dict[str, AlignedPicture] | None,
        progress: Progress | None,
    ) -> None:
        self.captioner, self.split, self.progress = captioner, split, progress
        examples = dataset.split(split)
        paths = [example.path for example in examples]
        if store is None:
            store, problems = extract(
                captioner.encoder,
                paths,
                size=captioner.config.image_size,
                progress=None if progress is None else lambda done, total: progress("annotations", done, total),
            )
            for problem in problems:
                _log.warning("%s", problem)
        config = captioner.config
        if (store.places, store.dimension) != (config.places, config.annotation_dim):
            raise UserError(
                f"The annotations in {store.folder} are {store.places} x {store.dimension}, but {config.name} reads "
                f"{config.places} x {config.annotation_dim}: use those of its own encoder, {config.encoder}."
            )
        rows = store.find(paths)
        there = rows >= 0
        if not there.any():
            raise UserError(f"None of the {split} pictures of {dataset.name} has annotations: extract them first.")
        if not there.all():
            _log.warning("%d of %d %s pictures have no annotations and are left out.", (~there).sum(), len(rows), split)
        self.examples: list[Example] = [example for example, here in zip(examples, there, strict=True) if here]
        self.rows, self.matrix = rows[there], store.array()
        self.references = {example.name: example.captions for example in self.examples}
        self.paper = self._paper_edition(dataset)
        self.aligned = self._aligned(dataset, aligned) if captioner.attention != "none" else None

    def _paper_edition(self, dataset: Dataset) -> dict[str, tuple[str, ...]] | None:
        names = [example.name for example in self.examples]
        if not all(name in dataset.paper_captions for name in names):
            _log.warning(
                "%s has no captions of the paper's edition for this split, so paper_like is null: make them with "
                "'data prepare'.",
                dataset.name,
            )
            return None
        return {name: dataset.paper_captions[name] for name in names}

    def _aligned(self, dataset: Dataset, aligned: dict[str, AlignedPicture] | None) -> dict[str, AlignedPicture] | None:
        path = dataset.root / ALIGNED_FILE
        if aligned is None and path.is_file():
            aligned = read_aligned(path)
        found = {e.name: aligned[e.name] for e in self.examples if e.name in aligned} if aligned else {}
        if not boxed_phrases(found.values()):
            _log.warning(
                "%s has no aligned boxes for this split, so grounding is null: make them with 'data prepare'.",
                dataset.name,
            )
            return None
        return found

    def run(self, decoding: Decoding, seed: int | None, meteor: Meteor) -> tuple[dict[str, Any], list[Trace]]:
        """One whole record of metrics, and the traces, for one way of decoding."""
        traces = self._decode(decoding)
        captions = {example.name: trace.caption for example, trace in zip(self.examples, traces, strict=True)}
        attends = self.captioner.attention != "none"
        beam = decoding.method == "beam"
        metrics = {
            "model": self.captioner.name,
            "split": self.split,
            "seed": seed,
            "decoding": {
                "context": decoding.context if attends else None,
                "beam": decoding.beam if beam else 1,
                "length_norm": decoding.length_norm if beam else 0.0,
            },
            "standard": standard_scores(self.references, captions, meteor=meteor),
            "paper_like": None if self.paper is None else paper_like_scores(self.paper, captions, meteor=meteor),
            "attention": attention_statistics(_maps(traces)) if attends else None,
            "grounding": self._ground(decoding),
        }
        return _rounded(metrics), traces

    def _decode(self, decoding: Decoding) -> list[Trace]:
        traces: list[Trace] = []
        for _, raw in self._batches("captions"):
            traces += self.captioner.caption_annotations(raw, decoding)
        return traces

    def _ground(self, decoding: Decoding) -> dict[str, Any] | None:
        if self.aligned is None:
            return None
        decoder, vocabulary = self.captioner.decoder, self.captioner.vocabulary
        device = next(decoder.parameters()).device
        alphas: dict[str, list[np.ndarray]] = {}
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(decoding.seed)  # only sampled glimpses draw from it
            for part, raw in self._batches("grounding"):
                annotations = decoder.annotate(raw.to(device))
                pictures = [self.aligned.get(example.name) for example in part]
                words = [[] if p is None else [vocabulary.encode(c) for c in caption_words(p)] for p in pictures]
                maps = teacher_forced_alphas(decoder, annotations, words, context=decoding.context)
                alphas.update((example.name, of_picture) for example, of_picture in zip(part, maps, strict=True))
        return ground(boxed_phrases(self.aligned.values()), alphas)

    def _batches(self, stage: str) -> Iterator[tuple[list[Example], torch.Tensor]]:
        """Pictures and their annotations (B, L, D), float16, in the order of the split."""
        total = len(self.examples)
        for first in range(0, total, _BATCH):
            part = self.examples[first : first + _BATCH]
            yield part, torch.from_numpy(np.array(self.matrix[self.rows[first : first + _BATCH]]))
            if self.progress is not None:
                self.progress(stage, min(first + _BATCH, total), total)


def _maps(traces: Sequence[Trace]) -> Iterator[np.ndarray]:
    """The attention distributions of every caption that has words, (T, rows, columns)."""
    return (alphas for alphas in (trace.alphas for trace in traces) if alphas is not None)


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


def _rounded(value: Any) -> Any:
    """Floats to four decimals, which is more than the spread of any of these numbers."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value
