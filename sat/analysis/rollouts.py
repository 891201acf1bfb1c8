"""Many captions of one picture with sampled glimpses: where hard attention goes, and what it comes to say."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from torch import Tensor

from sat.config import Decoding
from sat.decoding.forward import write
from sat.errors import UserError

if TYPE_CHECKING:
    from sat.captioner import Captioner

MAX_ROLLOUTS = 500


@dataclass(frozen=True)
class Cluster:
    """Rollouts that ended in the same words.

    Attributes:
        words: without the end; count: of rollouts, ``members`` their numbers.
        log_prob: mean over them of log p(words, end given the picture and their own glimpses), in nats.
    """

    words: tuple[str, ...]
    count: int
    members: tuple[int, ...]
    log_prob: float


@dataclass(frozen=True, eq=False)
class Rollouts:
    """N captions with sampled glimpses; T is the length of the longest.

    Attributes:
        places: int (N, T, 2), row and column of every glimpse; -1 after the end of a caption.
        alive: int (T,), captions that have a word at the step.
        histogram: int (T, rows, columns), glimpses at the step; they sum to ``alive``.
        alpha: float32 (T, rows, columns), the mean over those captions of the distribution that they drew from: what
            the histogram over ``alive`` comes close to.
        clusters: the different captions, the most frequent first.
    """

    places: np.ndarray
    alive: np.ndarray
    histogram: np.ndarray
    alpha: np.ndarray
    clusters: tuple[Cluster, ...]


def rollouts(
    captioner: Captioner,
    raw: Tensor,
    count: int = 100,
    *,
    words: Literal["greedy", "sample"] = "greedy",
    seed: int = 0,
    decoding: Decoding | None = None,
) -> Rollouts:
    """Caption a picture ``count`` times in one batch, each glimpse drawn from alpha.

    Args:
        raw: its annotations, (1, L, D).
        words: take the best word at every step, so that captions differ by their glimpses alone, or draw it too.
        decoding: for everything else (length, temperature, ...); None means the model's own.

    Raises:
        UserError: the model has no attention, or ``count`` is not from 1 to ``MAX_ROLLOUTS``.
    """
    config = captioner.config
    if config.attention == "none":
        raise UserError(f"The model {config.name} has no attention: choose a hard or a soft model.")
    if not 1 <= count <= MAX_ROLLOUTS:
        raise UserError(f"Choose from 1 to {MAX_ROLLOUTS} rollouts.")
    base = decoding or config.decoding
    settings = base.model_copy(update={"method": words, "context": "sample", "seed": seed, "alternatives": 1})
    with captioner.turn() as decoder:
        written = write(decoder, decoder.annotate(raw.to(decoder.mean_grid.device)), settings, copies=count)[0]
    longest = max(len(w.words) for w in written)
    flat = np.full((count, longest), -1)
    alphas = np.zeros((longest, config.places), np.float64)
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, w in enumerate(written):
        groups[tuple(w.words)].append(number)
        if w.used is not None and w.alphas is not None:
            flat[number, : len(w.words)] = w.used.argmax(-1)
            alphas[: len(w.words)] += w.alphas
    alive = (flat >= 0).sum(0)
    row, column = np.divmod(flat, config.columns)
    histogram = np.array([np.bincount(step[step >= 0], minlength=config.places) for step in flat.T], dtype=np.int64)
    totals = np.array([sum(w.log_probs) + (w.end_log_prob or 0.0) for w in written])
    clusters = [
        Cluster(tuple(captioner.vocabulary.words[i] for i in ids), len(m), tuple(m), float(totals[m].mean()))
        for ids, m in groups.items()
    ]
    shape = (longest, config.rows, config.columns)
    return Rollouts(
        places=np.where(flat[..., None] < 0, -1, np.stack([row, column], -1)),
        alive=alive,
        histogram=histogram.reshape(shape),
        alpha=(alphas / np.maximum(alive, 1)[:, None]).reshape(shape).astype(np.float32),
        clusters=tuple(sorted(clusters, key=lambda c: (-c.count, -c.log_prob))),
    )
