"""A written caption with what was measured on it with the model, before anything is judged by references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sat.config import Decoding, ModelConfig
from sat.decoding.records import resolve_context
from sat.evaluation.word_measures import evidence_of_words, necessity_of_words
from sat.trace import Trace

if TYPE_CHECKING:
    from sat.captioner import Captioner


@dataclass(frozen=True, eq=False)
class Measured:
    """A caption and what was measured on it with the model.

    Attributes:
        trace: how it was written; one that was read from disk has no next-best words.
        evidence: of every word, float64 (T,), in nats; None where the model holds no mean image.
        necessity: of attention at every word, float64 (T,), in nats; None without attention.
        Both are None where they were not asked for.
    """

    trace: Trace
    evidence: np.ndarray | None = None
    necessity: np.ndarray | None = None


@dataclass(frozen=True)
class Setting:
    """What all captions of one way of decoding share.

    Attributes:
        model, attention, context, decoding: as in ``Trace``; grid: rows and columns of a map.
    """

    model: str
    attention: str
    context: str | None
    decoding: dict[str, Any]
    grid: tuple[int, int]

    @classmethod
    def of(cls, config: ModelConfig, decoding: Decoding) -> Setting:
        """That of a model's own captions."""
        context = resolve_context(config, decoding) if config.attention != "none" else None
        settings = decoding.model_copy(update={"context": context}).model_dump()
        return cls(config.name, config.attention, context, settings, (config.rows, config.columns))


def measure(captioner: Captioner, raw: torch.Tensor, traces: Sequence[Trace]) -> list[Measured]:
    """Evidence and necessity of captions that ``captioner`` wrote.

    Args:
        raw: annotations of the pictures, (N, L, D), one a caption.
    """
    evidence: Sequence[np.ndarray | None] = [None] * len(traces)
    necessity: Sequence[np.ndarray | None] = [None] * len(traces)
    with captioner.turn() as decoder:
        if bool(torch.any(decoder.mean_grid)):
            evidence = evidence_of_words(decoder, captioner.vocabulary, traces)
        if decoder.attends:
            annotations = decoder.annotate(raw.to(decoder.mean_grid.device))
            necessity = necessity_of_words(decoder, captioner.vocabulary, annotations, traces)
    return [Measured(*of_caption) for of_caption in zip(traces, evidence, necessity, strict=True)]
