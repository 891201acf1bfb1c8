"""What goes with a good or a bad caption? Rank correlation of the scores with everything that was measured beside them.

Correlation says what goes together, not what causes what: a caption's length, for instance, moves scores and measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from sat.evaluation.browse import EvaluationStore
from sat.evaluation.rows import SCORES

MEASURES = (
    "entropy",
    "step_divergence",
    "beta",
    "evidence",
    "necessity",
    "box_mass",
    "length",
    "log_prob",
    "repetition",
)
_LEAST = 4  # captions, below which there is no interval
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Driver:
    """How a score goes with a measure, over captions.

    Attributes:
        score, measure: names of columns.
        n: captions that have both.
        rho: Spearman's rank correlation, -1 to 1.
        low, high: its 95 % interval, by Fisher's z with the standard error of Bonett and Wright (2000).
    """

    score: str
    measure: str
    n: int
    rho: float
    low: float
    high: float


def drivers(store: EvaluationStore) -> list[Driver]:
    """Every score against every measure, in the order of ``SCORES`` and ``MEASURES``.

    Left out is what says nothing: a measure that fewer than four captions have, or that is the same for all.
    """
    from scipy.stats import spearmanr  # slow and large to import, and not needed before somebody asks

    columns = store.values([*SCORES, *MEASURES])
    found = []
    for score in SCORES:
        for measure in MEASURES:
            there = ~np.isnan(columns[score]) & ~np.isnan(columns[measure])
            x, y = columns[score][there], columns[measure][there]
            if len(x) < _LEAST or not np.ptp(x) or not np.ptp(y):
                continue
            rho = float(spearmanr(x, y).statistic)
            found.append(Driver(score, measure, len(x), rho, *interval(rho, len(x))))
    return found


def interval(rho: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a rank correlation over ``n`` > 3 pairs."""
    if abs(rho) >= 1:
        return rho, rho
    half = _Z * np.sqrt((1 + rho**2 / 2) / (n - 3))
    return float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half))
