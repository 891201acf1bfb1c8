"""Does it matter where the model looks? The next word when attention is flattened or scattered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sat.analysis.distributions import divergence, probabilities
from sat.analysis.reading import Reading, log_probs_with

SHUFFLES = 50


@dataclass(frozen=True, eq=False)
class Necessity:
    """Jensen-Shannon divergences, in nats (0 to ln 2), between the next-word distribution and those of other attention.

    Attributes:
        step: from 0; word: that was written there.
        uniform: when alpha is made uniform.
        shuffled: mean over the shuffles; shuffles: each of them, float64 (N,).
        word_probability: of the word as it was; uniform_probability and shuffled_probability (mean): of it then.
    """

    step: int
    word: str
    uniform: float
    shuffled: float
    shuffles: np.ndarray
    word_probability: float
    uniform_probability: float
    shuffled_probability: float


def necessity(reading: Reading, step: int, *, shuffles: int = SHUFFLES, seed: int = 0) -> Necessity:
    """Necessity of the attention at a step, everything before left as it was, in one batch.

    What is shuffled is the weights that made the context: alpha for soft attention, the one glimpse for hard, which a
    shuffle sends to a place drawn at random. Uniform weights give the mean annotation, for hard attention too.

    Raises:
        UserError: there is no such step, or no attention.
    """
    moment, _ = reading.attending(step)
    assert moment.out.weights is not None
    used = moment.out.weights[0, 0]  # (L,)
    rng = np.random.default_rng(seed)
    orders = torch.from_numpy(np.stack([rng.permutation(len(used)) for _ in range(shuffles)])).to(used.device)
    uniform = torch.full_like(used, 1 / len(used))
    others = probabilities(log_probs_with(reading, step, torch.stack([uniform, *used[orders]])))  # (1 + N, V)
    own = probabilities(moment.log_probs)  # (V,)
    apart = divergence(own, others)
    word = reading.ids[step]
    return Necessity(
        step=step,
        word=reading.vocabulary.words[word],
        uniform=float(apart[0]),
        shuffled=float(apart[1:].mean()),
        shuffles=apart[1:],
        word_probability=float(own[word]),
        uniform_probability=float(others[0, word]),
        shuffled_probability=float(others[1:, word].mean()),
    )
