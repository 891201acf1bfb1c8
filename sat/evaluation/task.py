"""A split of a data set captioned and scored by a model, in one way of decoding or several."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sat.config import Decoding
from sat.data.dataset import Dataset, Example
from sat.data.entities import ALIGNED_FILE, AlignedPicture, read_aligned
from sat.data.features import FeatureStore, extract
from sat.errors import UserError
from sat.evaluation.attention import attention_statistics
from sat.evaluation.captions import Meteor, paper_like_scores, standard_scores_each
from sat.evaluation.grounding import boxed_phrases, caption_words, ground, teacher_forced_alphas
from sat.evaluation.measured import Measured, Setting, measure
from sat.evaluation.parts import EvaluationStopped, Parts
from sat.trace import Trace

if TYPE_CHECKING:
    from sat.captioner import Captioner

Progress = Callable[[str, int, int], None]
_BATCH = 32
_log = logging.getLogger(__name__)


class SplitTask:
    """A split made ready: its pictures, their annotations, references and boxes.

    Attributes:
        parts: where captions are kept as they are written, with what the rows need of them; None without rows.
    """

    parts: Parts | None = None

    def __init__(
        self,
        captioner: Captioner,
        dataset: Dataset,
        split: str,
        store: FeatureStore | None,
        aligned: dict[str, AlignedPicture] | None,
        progress: Progress | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self.captioner, self.dataset, self.split = captioner, dataset, split
        self.progress, self.should_stop = progress, should_stop
        examples = dataset.split(split)
        paths = [example.path for example in examples]
        if store is None:
            store, problems = extract(
                captioner.encoder,
                paths,
                size=captioner.config.image_size,
                progress=lambda done, total: self.report("annotations", done, total),
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
        hashes = {row: digest for digest, row in store.rows.items()}
        self.hashes = [hashes[row] for row in self.rows.tolist()]
        self.references = {example.name: example.captions for example in self.examples}
        self.paper = self._paper_edition(dataset)
        self.aligned = self._aligned(dataset, aligned) if captioner.attention != "none" else None

    def _paper_edition(self, dataset: Dataset) -> dict[str, tuple[str, ...]] | None:
        names = [example.name for example in self.examples]
        if not all(name in dataset.paper_captions for name in names):
            _log.warning(
                "%s has no captions of the paper's edition for this split, so paper_like is null%s",
                dataset.name,
                ": make them with 'data prepare'." if dataset.name == "flickr8k" else ".",  # no other data set has one
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

    def plan(self, decoding: Decoding) -> dict[str, Any]:
        """Everything that the captions depend on: parts of another plan are of no use."""
        weights = hashlib.sha256()
        for name, tensor in sorted(self.captioner.decoder.state_dict().items()):
            weights.update(name.encode() + tensor.cpu().numpy().tobytes())
        return {
            "model": self.captioner.config.model_dump(),
            "weights": weights.hexdigest(),
            "decoding": decoding.model_dump(),
            "dataset": self.dataset.name,
            "split": self.split,
            "batch": _BATCH,
            "boxes": hashlib.sha256(repr(self.aligned).encode()).hexdigest(),
            "pictures": [[example.name, digest] for example, digest in zip(self.examples, self.hashes, strict=True)],
        }

    def run(
        self, decoding: Decoding, seed: int | None, meteor: Meteor, name: str
    ) -> tuple[dict[str, Any], list[Measured], Mapping[str, np.ndarray]]:
        """For one way of decoding, one whole record of metrics, the captions, and the scores of each of them.

        Args:
            name: of the parts; "captions" are those whose words are measured for the rows.
        """
        written = self._decode(decoding, name)
        traces = [one.trace for one in written]
        captions = {example.name: trace.caption for example, trace in zip(self.examples, traces, strict=True)}
        attends = self.captioner.attention != "none"
        beam = decoding.method == "beam"
        grounding = self._ground(decoding, name)
        standard, scores = standard_scores_each(self.references, captions, meteor=meteor)
        metrics = {
            "model": self.captioner.name,
            "split": self.split,
            "seed": seed,
            "decoding": {
                "context": decoding.context if attends else None,
                "beam": decoding.beam if beam else 1,
                "length_norm": decoding.length_norm if beam else 0.0,
            },
            "standard": standard,
            "paper_like": None if self.paper is None else paper_like_scores(self.paper, captions, meteor=meteor),
            "attention": attention_statistics(_maps(traces)) if attends else None,
            "grounding": grounding,
        }
        return _rounded(metrics), written, scores

    def _decode(self, decoding: Decoding, name: str) -> list[Measured]:
        written: list[Measured] = []
        setting = Setting.of(self.captioner.config, decoding)
        for number, (part, raw) in enumerate(self._batches("captions")):
            kept = None if self.parts is None else self.parts.load(name, number, setting)
            if kept is None or len(kept) != len(part):
                kept = [Measured(trace) for trace in self.captioner.caption_annotations(raw(), decoding)]
                if self.parts is not None:
                    if name == "captions":
                        kept = measure(self.captioner, raw(), [one.trace for one in kept])
                    self.parts.save(name, number, kept)
            written += kept
        return written

    def _ground(self, decoding: Decoding, name: str) -> dict[str, Any] | None:
        if self.aligned is None:
            return None
        kept = None if self.parts is None else self.parts.load_record(f"{name}-grounding")
        if kept is not None:
            return kept
        decoder, vocabulary = self.captioner.decoder, self.captioner.vocabulary
        device = next(decoder.parameters()).device
        alphas: dict[str, list[np.ndarray]] = {}
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(decoding.seed)  # only sampled glimpses draw from it
            for part, raw in self._batches("grounding"):
                annotations = decoder.annotate(raw().to(device))
                pictures = [self.aligned.get(example.name) for example in part]
                words = [[] if p is None else [vocabulary.encode(c) for c in caption_words(p)] for p in pictures]
                maps = teacher_forced_alphas(decoder, annotations, words, context=decoding.context)
                alphas.update((example.name, of_picture) for example, of_picture in zip(part, maps, strict=True))
        found = ground(boxed_phrases(self.aligned.values()), alphas)
        if self.parts is not None:
            self.parts.save_record(f"{name}-grounding", found)
        return found

    def _batches(self, stage: str) -> Iterator[tuple[list[Example], Callable[[], torch.Tensor]]]:
        """Pictures and what reads their annotations (B, L, D), float16, in the order of the split."""
        total = len(self.examples)
        for first in range(0, total, _BATCH):
            rows = self.rows[first : first + _BATCH]
            yield self.examples[first : first + _BATCH], partial(self._raw, rows)
            self.report(stage, min(first + _BATCH, total), total)

    def _raw(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(self.matrix[rows]))

    def report(self, stage: str, done: int, total: int) -> None:
        """Say how far it is, and stop if that is wanted."""
        if self.progress is not None:
            self.progress(stage, done, total)
        if self.should_stop():
            again = "start it again" if self.parts is None else "start it again to go on"
            raise EvaluationStopped(f"The evaluation was stopped ({stage}: {done} of {total} pictures): {again}.")


def _maps(traces: Sequence[Trace]) -> Iterator[np.ndarray]:
    """The attention distributions of every caption that has words, (T, rows, columns)."""
    return (alphas for alphas in (trace.alphas for trace in traces) if alphas is not None)


def _rounded(value: Any) -> Any:
    """Floats to four decimals, which is more than the spread of any of these numbers."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value
