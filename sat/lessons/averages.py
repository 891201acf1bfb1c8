"""Every word of a caption under three averages over the places: the exact marginal, NWGM and the soft pass.

``sat.analysis.marginal`` says everything about one step; here are the few numbers that are wanted of every step, and
the log-probability of each word from each place, which the chapter on hard attention goes on with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sat.analysis.distributions import divergence, probabilities
from sat.analysis.reading import Reading, log_probs_with
from sat.lessons.looking import look, prepare
from sat.lessons.steps import array

NAMES = ("marginal", "nwgm", "soft")


@dataclass(frozen=True, eq=False)
class Averages:
    """Of every step of a caption, its end included: T + 1 of them, unless only some were asked for.

    Attributes:
        words: that the steps chose, ``<end>`` included.
        alpha: the model's own, float64 (T + 1, L), each summing to one.
        place_log_probs: log p(word given a_i), float64 (T + 1, L).
        probability: by name (``NAMES``), p(word), float64 (T + 1,).
        divergence: of ``nwgm`` and of ``soft`` from the marginal, over the whole vocabulary, Jensen-Shannon in nats,
            float64 (T + 1,).
    """

    words: tuple[str, ...]
    alpha: np.ndarray
    place_log_probs: np.ndarray
    probability: dict[str, np.ndarray]
    divergence: dict[str, np.ndarray]

    def error(self, name: str) -> np.ndarray:
        """|p(word) - its marginal|, float64 (T + 1,)."""
        return np.abs(self.probability[name] - self.probability["marginal"])

    def bound(self) -> np.ndarray:
        """sum_i alpha_i log p(word given a_i), each step's share of equation 10, float64 (T + 1,)."""
        return (self.alpha * self.place_log_probs).sum(1)


def averages(reading: Reading, steps: Sequence[int] | None = None) -> Averages:
    """Compute them, with one batch of L hypotheses a step; the states before are the reading's.

    Args:
        steps: only these; the arrays then have as many rows. None means all.

    Raises:
        UserError: the model has no attention, or there is no such step.
    """
    places = prepare(reading)
    alphas, per_place = [], []
    probability: dict[str, list[float]] = {name: [] for name in NAMES}
    apart: dict[str, list[float]] = {name: [] for name in NAMES[1:]}
    asked = range(len(reading.ids)) if steps is None else steps
    for step in asked:
        moment, own = reading.attending(step)
        word = reading.ids[step]
        alpha = array(own)
        alpha /= alpha.sum()
        _, logits = look(reading.decoder, places, moment.state, int(moment.word))  # (L, V)
        log_probs = logits.log_softmax(-1)
        mean_logits = logits.new_tensor(alpha).double() @ logits.double()  # (V,)
        found = {
            "marginal": alpha @ probabilities(log_probs),
            "nwgm": probabilities(mean_logits.log_softmax(-1)),
            "soft": probabilities(log_probs_with(reading, step, own.unsqueeze(0)))[0],
        }
        for name, distribution in found.items():
            probability[name].append(float(distribution[word]))
            if name in apart:
                apart[name].append(float(divergence(found["marginal"], distribution)))
        alphas.append(alpha)
        per_place.append(array(log_probs[:, word]))
    return Averages(
        words=tuple(reading.words[step] for step in asked),
        alpha=np.stack(alphas),
        place_log_probs=np.stack(per_place),
        probability={name: np.array(values) for name, values in probability.items()},
        divergence={name: np.array(values) for name, values in apart.items()},
    )
