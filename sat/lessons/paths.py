"""Whole captions read with sampled glimpses: the lower bound (equation 10), log p(y given a), the gradient's noise.

A *path* is one place for every step. Its word probabilities depend on all places so far, so with T + 1 steps there are
L^(T+1) paths: too many to sum, hence to sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.analysis.reading import Reading
from sat.errors import UserError
from sat.lessons.looking import look, prepare
from sat.lessons.steps import array
from sat.vocabulary import START

MAX_PATHS = 1000
CREDITS = ("whole caption, no baseline", "whole caption, mean", "words to come, mean", "own word, mean")


@dataclass(frozen=True, eq=False)
class Paths:
    """K ways of looking at a picture while reading one caption of T words and its end; arrays (K, T + 1).

    Attributes:
        places: the glimpses. prior: log alpha of each; proposal: log of what it was drawn with.
        rewards: log p(word given the words and places so far), in nats.
        directions: d log alpha_s / dv of each glimpse, float32 (K, T + 1, A).
    """

    places: np.ndarray
    prior: np.ndarray
    proposal: np.ndarray
    rewards: np.ndarray
    directions: np.ndarray


@dataclass(frozen=True)
class Bound:
    """The lower bound and what it bounds, in nats.

    Attributes:
        lower: estimate of L_s = E_s[log p(y given s, a)]; lower_error: its standard error.
        log_marginal: estimate of log p(y given a) by importance sampling; error: its standard error.
        effective: paths that the estimate effectively rests on, (sum w)^2 / sum w^2 of the K importance weights.
    """

    lower: float
    lower_error: float
    log_marginal: float
    error: float
    effective: float


def sample_paths(reading: Reading, count: int = 64, seed: int = 0, *, guide: np.ndarray | None = None) -> Paths:
    """Read the caption along sampled glimpses.

    Args:
        guide: log p(word given a_i) at each step, (T + 1, L): glimpses are then drawn in proportion to alpha times
            its exponential, so that places that explain the word come up more often. None draws from alpha.

    Raises:
        UserError: the model has no attention, or ``count`` is not from 1 to ``MAX_PATHS``.
    """
    prepared = prepare(reading)
    if not 1 <= count <= MAX_PATHS:
        raise UserError(f"Choose from 1 to {MAX_PATHS} paths.")
    decoder, annotations = reading.decoder, reading.annotations
    rng = np.random.default_rng(seed)
    state, word = decoder.start(annotations, count), START
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("places", "prior", "proposal", "rewards", "directions")}
    for step, chosen in enumerate(reading.ids):
        keys = annotations.keys
        assert keys is not None
        u = (keys + decoder.score.W_h(state.h)[0].unsqueeze(1)).tanh()  # (K, L, A)
        log_alpha = array((u @ decoder.score.v).log_softmax(-1))  # (K, L)
        log_q = log_alpha if guide is None else _normalised(log_alpha + guide[step])
        places = _draw(rng, np.exp(log_q))  # (K,)
        state, logits = look(decoder, prepared, state, word, places)
        each = np.arange(count)
        rows["places"].append(places)
        rows["prior"].append(log_alpha[each, places])
        rows["proposal"].append(log_q[each, places])
        rows["rewards"].append(array(logits.log_softmax(-1)[:, chosen]))
        mean = u.new_tensor(np.exp(log_alpha)).unsqueeze(1) @ u  # (K, 1, A)
        rows["directions"].append((u[each, places] - mean[:, 0]).cpu().numpy())
        word = chosen
    return Paths(**{name: np.stack(parts, axis=1) for name, parts in rows.items()})


def bound(prior: Paths, guided: Paths) -> Bound:
    """The lower bound from paths drawn from alpha, and log p(y given a) from guided ones (or from the same)."""
    totals = prior.rewards.sum(1)
    log_w = (guided.prior - guided.proposal + guided.rewards).sum(1)  # log of the importance weights, (K,)
    top = log_w.max()
    w = np.exp(log_w - top)
    count = len(w)
    spread = float(w.std(ddof=1)) if count > 1 else float("nan")
    return Bound(
        lower=float(totals.mean()),
        lower_error=float(totals.std(ddof=1) / np.sqrt(len(totals))) if len(totals) > 1 else float("nan"),
        log_marginal=float(top + np.log(w.mean())),
        error=spread / np.sqrt(count) / float(w.mean()),
        effective=float(w.sum() ** 2 / (w**2).sum()),
    )


def gradient_variances(paths: Paths) -> dict[str, float]:
    """Variance E|G - E G|^2 of the one-path gradient G = sum_t (reward_t - b_t) d log alpha_{s_t} / dv, by ``CREDITS``.

    What a glimpse is credited with: the whole caption's log-probability (equation 11) without and with its mean as a
    baseline, that of the words from its own on, and that of its own word. The first three are unbiased; the last
    leaves out what a glimpse does to later words.

    Args:
        paths: drawn from alpha, at least two.

    Raises:
        UserError: there is only one.
    """
    if len(paths.rewards) < 2:
        raise UserError("The spread of the gradient needs at least two paths: choose more.")
    word = paths.rewards
    whole = np.repeat(word.sum(1, keepdims=True), word.shape[1], axis=1)  # (K, T + 1)
    to_come = word[:, ::-1].cumsum(1)[:, ::-1]
    credits = (whole, _less_others(whole), _less_others(to_come), _less_others(word))
    found = {}
    for name, credit in zip(CREDITS, credits, strict=True):
        found[name] = path_variance(paths, credit)
    return found


def path_variance(paths: Paths, credit: np.ndarray) -> float:
    """The variance over paths of sum_t credit_t d log alpha_{s_t} / dv, summed over its components.

    Args:
        credit: what each glimpse is credited with, (K, T + 1).
    """
    G = np.einsum("kt,kta->ka", credit, paths.directions.astype(np.float64))  # (K, A)
    return float(G.var(axis=0, ddof=1).sum())


def _less_others(rewards: np.ndarray) -> np.ndarray:
    """Rewards (K, T + 1) less the mean of the *other* paths': a baseline must not know the glimpse it judges."""
    count = len(rewards)
    return (rewards - rewards.mean(0)) * (count / (count - 1))


def _draw(rng: np.random.Generator, p: np.ndarray) -> np.ndarray:
    """A place for each row of p (K, L), by inverting the cumulative distribution."""
    cumulative = p.cumsum(1)
    return (rng.random((len(p), 1)) * cumulative[:, -1:] >= cumulative).sum(1).clip(max=p.shape[1] - 1)


def _normalised(log_p: np.ndarray) -> np.ndarray:
    top = log_p.max(1, keepdims=True)
    return log_p - top - np.log(np.exp(log_p - top).sum(1, keepdims=True))
