"""A step that looked at one place, for many places or many pasts at once.

``Decoder.step`` with one-hot weights says the same. Here what a place adds to the sums before the LSTM's gates and
before the deep output's tanh is computed once a caption, and what does not depend on the place once a step: a quarter
of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sat.analysis.reading import Reading
from sat.models.decoder import State

if TYPE_CHECKING:
    from torch import Tensor

    from sat.models.decoder import Decoder


@dataclass(frozen=True, eq=False)
class Places:
    """What each annotation adds: to the LSTM's sums, (L, 4n), and to the deep output's, L_z a_i, (L, m)."""

    recurrent: Tensor
    output: Tensor


def prepare(reading: Reading) -> Places:
    """The places of a caption's picture.

    Raises:
        UserError: the model has no attention.
    """
    reading.attending(0)
    decoder, values = reading.decoder, reading.annotations.values[0]  # (L, D)
    m, D = decoder.config.embedding_dim, decoder.config.annotation_dim
    return Places(values @ decoder.lstm.weight[:, m : m + D].T, decoder.L_z(values))


def look(
    decoder: Decoder, places: Places, state: State, word: int, seen: np.ndarray | None = None
) -> tuple[State, Tensor]:
    """The state after, and the next word's logits (K, V), when hypothesis k looked at place ``seen[k]``.

    Args:
        state: h_{t-1}, c_{t-1}, (1, K, n); or (1, 1, n), one past for all.
        word: y_{t-1}, an id.
        seen: places (K,); None for each of the L places once.
    """
    recurrent, output = places.recurrent, places.output  # (L, 4n), (L, m)
    if seen is not None:
        recurrent, output = recurrent[seen], output[seen]  # (K, 4n), (K, m)
    m, D = decoder.config.embedding_dim, decoder.config.annotation_dim
    h, c, embedded = state.h[0], state.c[0], decoder.E.weight[word]  # (K, n), (K, n), (m,)
    beta = decoder.f_beta(h).sigmoid()  # (K, 1)
    weight = decoder.lstm.weight
    before = weight[:, :m] @ embedded + h @ weight[:, m + D :].T + decoder.lstm.bias  # (K, 4n)
    pre = (before + beta * recurrent).unflatten(-1, (4, -1))  # (K, 4, n): input, forget, output, candidate
    i, f, o = pre[:, :3].sigmoid().unbind(1)  # (K, n) each
    c = f * c + i * pre[:, 3].tanh()
    h = o * c.tanh()
    deep = (embedded + decoder.L_h(h) + beta * output).tanh()  # (K, m)
    return State(h.unsqueeze(0), c.unsqueeze(0)), decoder.L_o(deep)
