"""From the picture to the words: which words looked here, and what the model would say if it looked only here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.analysis.distributions import writable
from sat.analysis.reading import Reading, as_map, log_probs_with, one_hots
from sat.errors import UserError
from sat.trace import Trace


@dataclass(frozen=True, eq=False)
class Looks:
    """How much each word of a caption looked at some cells, float64 (T,).

    Attributes:
        mass: the attention inside, 0 to 1.
        times_uniform: the same over what equal attention to all places would give there.
    """

    words: tuple[str, ...]
    mass: np.ndarray
    times_uniform: np.ndarray


@dataclass(frozen=True, eq=False)
class Asked:
    """What each cell says at a step when the whole attention is put into it.

    Attributes:
        step: from 0.
        top: the most probable word that may be written, by row and column; ``<end>`` is one.
        probability: of that word, float32 (rows, columns).
        word: the word asked about; word_probability: of it in each cell, float32 (rows, columns).
        usual: the probability of that word under the attention that was used.
    """

    step: int
    top: tuple[tuple[str, ...], ...]
    probability: np.ndarray
    word: str
    word_probability: np.ndarray
    usual: float


def looks(trace: Trace, inside: np.ndarray, *, glimpses: bool = False) -> Looks:
    """How much each word looked at some cells.

    Args:
        inside: (rows, columns), bool or the fraction of each cell that counts.
        glimpses: judge by the places that were used, not by the distribution over them.

    Raises:
        UserError: the caption has no maps, or they have another shape, or no cell is chosen.
    """
    maps = trace.glimpses if glimpses else trace.alphas
    if trace.attention == "none":
        raise UserError(f"The model {trace.model} has no attention: choose a soft or a hard model.")
    chosen = np.asarray(inside, dtype=np.float64)
    if maps is None:  # no words, no maps
        return Looks((), np.zeros(0), np.zeros(0))
    if chosen.shape != maps.shape[1:]:
        raise UserError(f"The grid has {maps.shape[1]} x {maps.shape[2]} cells: choose some of them.")
    if not (np.isfinite(chosen).all() and chosen.min() >= 0 and 0 < chosen.max() <= 1):
        raise UserError("No cell is chosen: click one, or draw a box.")
    mass = (maps.astype(np.float64) * chosen).sum((1, 2))
    return Looks(tuple(trace.words), mass, mass / chosen.mean())


def ask_cells(reading: Reading, step: int, word: str | None = None) -> Asked:
    """Force the attention into each of the L cells at a step, in one batch.

    A soft model has rarely seen so narrow an attention: its answers show what a place *would* say, not what it said.

    Args:
        word: asked about in every cell; None means the one that was written.

    Raises:
        UserError: there is no such step or word, or no attention.
    """
    moment, _ = reading.attending(step)
    chosen = reading.word_at(step, word)
    log_probs = log_probs_with(reading, step, one_hots(reading))  # (L, V)
    best, ids = writable(log_probs).max(-1)
    rows, columns = reading.grid
    names = [reading.vocabulary.words[i] for i in ids.tolist()]
    return Asked(
        step=step,
        top=tuple(tuple(names[r * columns : (r + 1) * columns]) for r in range(rows)),
        probability=as_map(reading, best.exp()),
        word=reading.vocabulary.words[chosen],
        word_probability=as_map(reading, log_probs[:, chosen].exp()),
        usual=float(moment.log_probs[chosen].exp()),
    )
