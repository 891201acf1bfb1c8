"""The gradient of hard attention at one step: the truth by enumeration, and what REINFORCE makes of it (section 4.1).

The step's share of the lower bound (equation 10) is L_s = sum_i alpha_i r_i, r_i = log p(word given a_i). Given the
place, the word does not depend on the score's parameters, so the gradient with respect to v of e_i = v . u_i is

    dL_s / dv = E_s[r_s g_s],  g_s = d log alpha_s / dv = u_s - sum_j alpha_j u_j,

and equation 12 estimates it from one sampled place s by (r_s - b) g_s. With L places mean and variance of each
estimator are sums over places: nothing here is itself sampled but ``convergence``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.analysis.reading import Reading
from sat.lessons.averages import Averages
from sat.lessons.backward import by_weights, score_parts
from sat.lessons.steps import array

NO_BASELINE, RUNNING, OWN_MEAN, EXPECTED, MIXED = "no baseline", "running mean", "own mean", "expected context", "mixed"
NAMES = (NO_BASELINE, RUNNING, OWN_MEAN, EXPECTED, MIXED)
_MIX = 0.5  # how often the expected context stands in for a sample, as in section 4.1


@dataclass(frozen=True, eq=False)
class Estimator:
    """A one-sample estimator of the gradient.

    Attributes:
        name: one of ``NAMES``. baseline: b.
        mean: its expectation, float64 (A,).
        variance: E|g - E g|^2, the sum over the A components.
        bias: |mean - exact| / |exact|; NaN where the exact gradient is 0.
        samples: how many of them must be averaged before the noise is as small as the exact gradient itself, NaN
            where that is 0.
    """

    name: str
    baseline: float
    mean: np.ndarray
    variance: float
    bias: float
    samples: float


@dataclass(frozen=True, eq=False)
class Estimators:
    """All of them at a step.

    Attributes:
        exact: the gradient of the step's lower bound, float64 (A,).
        rewards: r_i, (L,); alpha: (L,).
        directions: g_i, (L, A).
        by_name: the estimators.
        best_baseline: the constant with the least variance, E[r |g|^2] / E[|g|^2].
    """

    exact: np.ndarray
    rewards: np.ndarray
    alpha: np.ndarray
    directions: np.ndarray
    by_name: dict[str, Estimator]
    best_baseline: float

    def variance_with(self, baseline: float) -> float:
        """The variance of (r_s - b) g_s for any constant b."""
        second = self.alpha @ ((self.rewards - baseline) ** 2 * (self.directions**2).sum(1))
        return max(float(second) - float(self.exact @ self.exact), 0.0)

    def variance_ratio(self, name: str) -> float:
        """Variance over that without a baseline; NaN where that is 0."""
        plain = self.by_name[NO_BASELINE].variance
        return self.by_name[name].variance / plain if plain > 0 else float("nan")


def estimators(reading: Reading, step: int, found: Averages) -> Estimators:
    """Mean and variance of the estimators at a step.

    ``running mean`` is the paper's moving average at rest, where all captions are alike: the mean of the steps' lower
    bounds over this caption. ``own mean`` is this step's own, ``expected context`` the log-probability of the word in
    the soft pass. ``mixed`` uses that baseline and, half of the time, the likelihood's own gradient through the
    expected context in place of a sample, which is the gradient of something else: it has a bias.

    Args:
        found: the caption's ``averages``.
    """
    parts = score_parts(reading, step)
    rewards, alpha, g = found.place_log_probs[step], parts.alpha, parts.directions()
    own = float(alpha @ rewards)
    soft = float(np.log(max(found.probability["soft"][step], np.finfo(np.float64).tiny)))
    exact = (alpha * rewards) @ g
    size = float(np.linalg.norm(exact))
    tiny = size < 1e-9  # all places alike: nothing to estimate
    baselines = {NO_BASELINE: 0.0, RUNNING: float(found.bound().mean()), OWN_MEAN: own, EXPECTED: soft}
    squares = (g**2).sum(1)  # (L,)

    def make(name: str, baseline: float, mean: np.ndarray, second: float) -> Estimator:
        variance = max(second - float(mean @ mean), 0.0)
        bias = float("nan") if tiny else float(np.linalg.norm(mean - exact)) / size
        return Estimator(name, baseline, mean, variance, bias, float("nan") if tiny else variance / size**2)

    by_name = {}
    for name, b in baselines.items():
        by_name[name] = make(name, b, (alpha * (rewards - b)) @ g, float(alpha @ ((rewards - b) ** 2 * squares)))
    sampled = by_name[EXPECTED]
    through = parts.by_v(by_weights(reading, step, array(reading.attending(step)[1])))  # (A,)
    second = _MIX * float(through @ through) + (1 - _MIX) * (sampled.variance + float(sampled.mean @ sampled.mean))
    by_name[MIXED] = make(MIXED, soft, _MIX * through + (1 - _MIX) * sampled.mean, second)
    spread = float(alpha @ squares)
    best = float(alpha @ (rewards * squares)) / spread if spread > 0 else 0.0
    return Estimators(exact, rewards, alpha, g, by_name, best)


def convergence(found: Estimators, name: str, samples: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """How the average of 1, 2, 5, 10, ... samples comes closer: their numbers, and |average - exact| / |exact|.

    For an estimator by samples alone, that is any but ``mixed``; NaN where the exact gradient is 0.
    """
    drawn = np.random.default_rng(seed).choice(len(found.alpha), samples, p=found.alpha / found.alpha.sum())
    steps = [m * 10**e for e in range(6) for m in (1, 2, 5)]
    counts = np.array(sorted({*(n for n in steps if n < samples), samples}))
    shares = np.stack([np.bincount(drawn[:n], minlength=len(found.alpha)) / n for n in counts])  # (C, L)
    averaged = (shares * (found.rewards - found.by_name[name].baseline)) @ found.directions  # (C, A)
    size = float(np.linalg.norm(found.exact))
    if size < 1e-9:
        return counts, np.full(len(counts), np.nan)
    return counts, np.linalg.norm(averaged - found.exact, axis=1) / size
