"""Two captions of one picture set word against word, with their maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.errors import UserError
from sat.evaluation.attention import divergence
from sat.trace import Step, Trace

SAME, GAP = 2.0, 0.5  # worth of a shared word, and cost of a word left alone


@dataclass(frozen=True, eq=False)
class Pair:
    """A word of the first caption and its counterpart in the second; one of them may be missing.

    Attributes:
        first, second: positions of the words; None where one caption has nothing to set against the other's word.
        same: whether the words are equal.
        divergence: Jensen-Shannon divergence of the two distributions alpha, in nats (0 to ln 2).
        entropies: of the two alphas, in nats, each on its own grid.
        log_probs: of the two words, in nats.
        difference: float32 (rows, columns), second alpha minus first; sums to 0.

    What cannot be had, for want of a word or of attention, is None.
    """

    first: int | None
    second: int | None
    same: bool
    divergence: float | None
    entropies: tuple[float | None, float | None]
    log_probs: tuple[float | None, float | None]
    difference: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two captions word against word.

    Attributes:
        pairs: in the order of the words.
        divergence: mean over the pairs of equal words that have maps; None if there are none.
        log_prob_difference: log p of the second caption minus the first's, in nats; each is its own model's.
    """

    pairs: tuple[Pair, ...]
    divergence: float | None
    log_prob_difference: float


def compare(first: Trace, second: Trace, *, same_text: bool = False) -> Comparison:
    """Set two captions against each other: each model's own, or both reading the same words (``Captioner.read``).

    Words are aligned as ``align`` says. Maps on different grids are brought to the finer one, each cell's mass spread
    evenly over its area.

    Args:
        same_text: both read one text, so words belong together by their position; a word that one of the models does
            not know still counts as the same.

    Raises:
        UserError: captions said to be of one text are not equally long.
    """
    if same_text and len(first.steps) != len(second.steps):
        raise UserError("The two captions have different lengths: let both models read the same words.")
    places = [(t, t) for t in range(len(first.steps))] if same_text else align(first.words, second.words)
    pairs = tuple(_pair(first, second, i, j, same_text) for i, j in places)
    shared = [pair.divergence for pair in pairs if pair.same and pair.divergence is not None]
    return Comparison(pairs, float(np.mean(shared)) if shared else None, second.log_prob - first.log_prob)


def align(first: list[str], second: list[str]) -> list[tuple[int | None, int | None]]:
    """Positions of words that belong together, by the best global alignment (Needleman and Wunsch).

    Equal words attract each other; other words are rather paired off than left alone, the earlier the better.
    Captions of equal length with no word in common pair off in order.
    """
    rows, columns = len(first), len(second)
    # score[i, j] is the best that can be done with the words from i and from j on.
    score = -GAP * np.add.outer(np.arange(rows, -1.0, -1.0), np.arange(columns, -1.0, -1.0))  # (rows + 1, columns + 1)
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            together = score[i + 1, j + 1] + SAME * (first[i] == second[j])
            score[i, j] = max(together, score[i + 1, j] - GAP, score[i, j + 1] - GAP)
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < rows or j < columns:
        both = i < rows and j < columns
        if both and np.isclose(score[i, j], score[i + 1, j + 1] + SAME * (first[i] == second[j])):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif i < rows and np.isclose(score[i, j], score[i + 1, j] - GAP):
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs


def regrid(alpha: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A map (R, C) on another grid of the same picture: every cell's mass spread evenly over its area, float64."""
    return _overlap(alpha.shape[0], rows) @ np.asarray(alpha, dtype=np.float64) @ _overlap(alpha.shape[1], columns).T


def _overlap(old: int, new: int) -> np.ndarray:
    """The part of each old interval of the unit line that lies in each new one, (new, old)."""
    edges_old, edges_new = np.arange(old + 1) / old, np.arange(new + 1) / new
    low = np.maximum(edges_new[:-1, None], edges_old[None, :-1])
    high = np.minimum(edges_new[1:, None], edges_old[None, 1:])
    return np.maximum(high - low, 0.0) * old


def _pair(first: Trace, second: Trace, i: int | None, j: int | None, same_text: bool) -> Pair:
    one: Step | None = None if i is None else first.steps[i]
    two: Step | None = None if j is None else second.steps[j]
    apart = difference = None
    if one is not None and two is not None and one.alpha is not None and two.alpha is not None:
        rows, columns = (max(sides) for sides in zip(one.alpha.shape, two.alpha.shape, strict=True))
        a, b = regrid(one.alpha, rows, columns), regrid(two.alpha, rows, columns)
        apart, difference = float(divergence(a, b)), (b - a).astype(np.float32)
    return Pair(
        first=i,
        second=j,
        same=one is not None and two is not None and (same_text or one.word == two.word),
        divergence=apart,
        entropies=(None if one is None else one.entropy, None if two is None else two.entropy),
        log_probs=(None if one is None else one.log_prob, None if two is None else two.log_prob),
        difference=difference,
    )
