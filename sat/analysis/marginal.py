"""The truth panel: four answers to "what word comes next, given that attention is uncertain?", at one step.

- the exact marginal, E_s[softmax n_t(a_s)] = sum_i alpha_i p(w given a_i): every place looked at by itself;
- NWGM, softmax(E_s[n_t]), from the same L passes: the normalised weighted geometric mean;
- the soft pass, softmax(n_t(E[z])): one pass with the expected context;
- Monte Carlo: the marginal estimated from places drawn from alpha, as hard attention does.

They would agree if n_t were linear in z; here z goes through the LSTM and the deep output's tanh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sat.analysis.distributions import divergence, probabilities, top_words
from sat.analysis.reading import Reading, log_probs_with, logits_with, one_hots
from sat.errors import UserError

NAMES = ("marginal", "nwgm", "soft", "sampled")


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """Estimates of the marginal from the first n of the same draws, for growing n; arrays (C,).

    Attributes:
        samples: n.
        estimate: of p(word). error: its standard error, from the draws' own spread (NaN for one draw).
        divergence: of the whole estimated distribution from the exact marginal, Jensen-Shannon, in nats.
    """

    samples: np.ndarray
    estimate: np.ndarray
    error: np.ndarray
    divergence: np.ndarray


@dataclass(frozen=True, eq=False)
class Truth:
    """The next-word distributions of one step.

    Attributes:
        step: from 0; word: the one whose probability is followed.
        top: by name (``NAMES``), the best words with their probabilities.
        probability: by name, p(word).
        divergences: Jensen-Shannon in nats between each two, float64 (4, 4) in the order of ``NAMES``.
        lower_bound: sum_i alpha_i log p(word given a_i), the step's share of equation 10; never above
            ``log_marginal``, the log of the marginal's p(word).
        spread: standard deviation over places, under alpha, of p(word given a_i): what one glimpse more or less means.
        monte_carlo: how the sampled estimate comes closer.
    """

    step: int
    word: str
    top: dict[str, tuple[tuple[str, float], ...]]
    probability: dict[str, float]
    divergences: np.ndarray
    lower_bound: float
    log_marginal: float
    spread: float
    monte_carlo: MonteCarlo


def truth(
    reading: Reading, step: int, word: str | None = None, *, samples: int = 1000, seed: int = 0, top: int = 10
) -> Truth:
    """Compute all four at a step, with one batch of L hypotheses; the state before is the reading's.

    Args:
        word: None means the one that was written.
        samples: draws of the last Monte Carlo estimate.

    Raises:
        UserError: there is no such step or word, no attention, or ``samples`` is not from 1 to 100,000.
    """
    if not 1 <= samples <= 100_000:
        raise UserError("Choose from 1 to 100,000 samples.")
    moment, alpha = reading.attending(step)
    chosen = reading.word_at(step, word)
    logits = logits_with(reading.decoder, moment, reading.annotations, one_hots(reading))  # (L, V)
    per_place = probabilities(logits.log_softmax(-1))  # (L, V)
    weights = probabilities(alpha.double().log())  # (L,), summing to one in double precision
    drawn = np.random.default_rng(seed).choice(len(weights), size=samples, p=weights)
    sampled = np.bincount(drawn, minlength=len(weights)) / samples
    averages = torch.from_numpy(weights).to(logits.device)
    found = {
        "marginal": weights @ per_place,
        "nwgm": probabilities((averages @ logits.double()).log_softmax(-1)),
        "soft": probabilities(log_probs_with(reading, step, alpha.unsqueeze(0)))[0],
        "sampled": sampled @ per_place,
    }
    stacked = np.stack([found[name] for name in NAMES])  # (4, V)
    p = per_place[:, chosen]
    mean = float(weights @ p)
    vocabulary = reading.vocabulary
    return Truth(
        step=step,
        word=vocabulary.words[chosen],
        top={name: top_words(torch.from_numpy(found[name]).log(), vocabulary, top) for name in NAMES},
        probability={name: float(found[name][chosen]) for name in NAMES},
        divergences=divergence(stacked[:, None], stacked[None]),
        lower_bound=float(weights @ np.log(np.maximum(p, np.finfo(np.float64).tiny))),
        log_marginal=float(np.log(mean)),
        spread=float(np.sqrt(weights @ (p - mean) ** 2)),
        monte_carlo=_converging(per_place, drawn, chosen, found["marginal"]),
    )


def _converging(per_place: np.ndarray, drawn: np.ndarray, word: int, exact: np.ndarray) -> MonteCarlo:
    """Estimates at 1, 2, 5, 10, 20, 50, ... draws and at the last."""
    steps = [m * 10**e for e in range(6) for m in (1, 2, 5)]
    counts = np.array(sorted({*(n for n in steps if n < len(drawn)), len(drawn)}))
    values = per_place[drawn, word]
    errors = [values[:n].std(ddof=1) / np.sqrt(n) if n > 1 else np.nan for n in counts]
    shares = np.stack([np.bincount(drawn[:n], minlength=len(per_place)) / n for n in counts])  # (C, L)
    return MonteCarlo(
        samples=counts,
        estimate=np.array([values[:n].mean() for n in counts]),
        error=np.array(errors),
        divergence=divergence(shares @ per_place, exact),
    )
