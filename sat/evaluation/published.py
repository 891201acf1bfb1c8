"""The results table of the paper (Xu et al. 2015, table 1): every system on every data set, as published."""

from __future__ import annotations

from dataclasses import dataclass

from sat.config import ModelConfig

COLUMNS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR")
DATASETS = {"flickr8k": "Flickr8k", "flickr30k": "Flickr30k", "coco": "COCO"}

_NIC = "partly another split, and an ensemble"


@dataclass(frozen=True)
class Published:
    """One row.

    Attributes:
        dataset: ``flickr8k``, ``flickr30k`` or ``coco``.
        system: as the paper calls it.
        scores: in the order of ``COLUMNS``, times 100; None where the paper has none.
        remark: what makes the row hard to compare. Some of the other systems use other image features than the
            attention models; only the latter are known to be a single model on the official split.
    """

    dataset: str
    system: str
    scores: tuple[float | None, ...]
    remark: str = ""


PUBLISHED: tuple[Published, ...] = (
    Published("flickr8k", "Google NIC", (63.0, 41.0, 27.0, None, None), _NIC),
    Published("flickr8k", "Log Bilinear", (65.6, 42.4, 27.7, 17.7, 17.31)),
    Published("flickr8k", "Soft-Attention", (67.0, 44.8, 29.9, 19.5, 18.93)),
    Published("flickr8k", "Hard-Attention", (67.0, 45.7, 31.4, 21.3, 20.30)),
    Published("flickr30k", "Google NIC", (66.3, 42.3, 27.7, 18.3, None), _NIC),
    Published("flickr30k", "Log Bilinear", (60.0, 38.0, 25.4, 17.1, 16.88)),
    Published("flickr30k", "Soft-Attention", (66.7, 43.4, 28.8, 19.1, 18.49)),
    Published("flickr30k", "Hard-Attention", (66.9, 43.9, 29.6, 19.9, 18.46)),
    Published("coco", "CMU/MS Research", (None, None, None, None, 20.41)),
    Published("coco", "MS Research", (None, None, None, None, 20.71)),
    Published("coco", "BRNN", (64.2, 45.1, 30.4, 20.3, None)),
    Published("coco", "Google NIC", (66.6, 46.1, 32.9, 24.6, None), _NIC),
    Published("coco", "Log Bilinear", (70.8, 48.9, 34.4, 24.3, 20.03)),
    Published("coco", "Soft-Attention", (70.7, 49.2, 34.4, 24.3, 23.90)),
    Published("coco", "Hard-Attention", (71.8, 50.4, 35.7, 25.0, 23.04)),
)


def counterpart(config: ModelConfig) -> str | None:
    """The system of the table that a model follows; None for Show and Tell, whose rows are an ensemble's."""
    if config.attention != "none":
        return {"soft": "Soft-Attention", "hard": "Hard-Attention"}[config.attention]
    return {"rnn": "BRNN", "log-bilinear": "Log Bilinear"}.get(config.recurrence)


def rows(dataset: str) -> list[Published]:
    """The published rows of one data set."""
    return [row for row in PUBLISHED if row.dataset == dataset]
