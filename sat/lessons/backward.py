"""The gradient of a word's log-probability with respect to attention, by the chain rule written out.

The expected context lets the likelihood's own gradient through: d log p / d alpha_i = beta a_i . (d log p / d z_t).
It is taken back through the deep output (equation 7) and the LSTM (equations 1 to 3) of the one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.analysis.reading import Reading, logits_with
from sat.lessons.steps import array


@dataclass(frozen=True, eq=False)
class ScoreParts:
    """The attention's score at a step, e_i = v . u_i.

    Attributes:
        u: tanh(W_a a_i + W_h h_{t-1}), float64 (L, A); v: (A,); scores: e, (L,).
        alpha: softmax of e, (L,), summing to one.
    """

    u: np.ndarray
    v: np.ndarray
    scores: np.ndarray
    alpha: np.ndarray

    def directions(self) -> np.ndarray:
        """d log alpha_i / dv = u_i - sum_j alpha_j u_j, (L, A)."""
        return self.u - self.alpha @ self.u

    def by_v(self, by_alpha: np.ndarray) -> np.ndarray:
        """The gradient (A,) with respect to v of something whose gradient with respect to alpha is given, (L,)."""
        by_scores = self.alpha * (by_alpha - self.alpha @ by_alpha)  # (L,): through the softmax
        return by_scores @ self.u


def score_parts(reading: Reading, step: int) -> ScoreParts:
    """The score of a step taken apart.

    Raises:
        UserError: there is no such step, or no attention.
    """
    moment, _ = reading.attending(step)
    score, keys = reading.decoder.score, reading.annotations.keys
    assert keys is not None
    u = array((keys[0] + score.W_h(moment.state.h)[0]).tanh())  # (L, A)
    v = array(score.v)
    scores = u @ v
    alpha = np.exp(scores - scores.max())
    return ScoreParts(u, v, scores, alpha / alpha.sum())


def by_weights(reading: Reading, step: int, weights: np.ndarray) -> np.ndarray:
    """d log p(word) / d w_i, float64 (L,), of a step whose context is sum_i w_i a_i, at the given weights (L,).

    Raises:
        UserError: there is no such step, or no attention.
    """
    moment, _ = reading.attending(step)
    decoder, state = reading.decoder, moment.state
    assert moment.out.beta is not None
    values = reading.annotations.values[0]  # (L, D)
    used = values.new_tensor(weights).unsqueeze(0)  # (1, L)
    z = moment.out.beta * (used @ values)  # (1, D)
    embedded = decoder.E(moment.word)[0]  # (1, m)
    after, opened = decoder.recur(state, [embedded.unsqueeze(0), z.unsqueeze(0)])
    assert opened is not None, "a decoder with attention has an LSTM"
    i, f, o, g = opened[0].unbind(-2)  # (1, n) each
    squashed = after.c[0].tanh()  # (1, n)
    deep = decoder.deep_output(embedded.unsqueeze(0), after.h, z.unsqueeze(0))[0]  # (1, m)
    logits = logits_with(decoder, moment, reading.annotations, used)  # (1, V)

    by_logits = -logits.softmax(-1)
    by_logits[0, reading.ids[step]] += 1.0
    by_sum = (by_logits @ decoder.L_o.weight) * (1 - deep**2)  # (1, m): before the deep output's tanh
    by_h = by_sum @ decoder.L_h.weight  # (1, n)
    by_c = by_h * o * (1 - squashed**2)
    by_pre = [by_c * g * i * (1 - i), by_c * state.c[0] * f * (1 - f), by_h * squashed * o * (1 - o)]
    by_pre.append(by_c * i * (1 - g**2))  # (1, n) each: input, forget, output, candidate
    m, n, D = embedded.shape[-1], after.h.shape[-1], z.shape[-1]
    through_lstm = sum(part @ decoder.lstm.weight[k * n : (k + 1) * n, m : m + D] for k, part in enumerate(by_pre))
    by_z = by_sum @ decoder.L_z.weight + through_lstm  # (1, D)
    return array((moment.out.beta * by_z) @ values.T)[0]
