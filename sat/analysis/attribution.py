"""What the logit of a word is made of.

The deep output is n_w = L_o,w tanh(s) + b_w with s = E y_{t-1} + (L_h h_t + b_h) + L_z z_t. The sum s is linear in its
parts; the tanh is not, and is shared out in proportion: each part contributes L_o,w (part * tanh(s) / s). That is its
integrated gradient along the straight line from s = 0 to s, so the contributions add up to the logit exactly. And
z_t = beta_t sum_i w_i a_i is linear in the places, so the image's part is shared out among them just as exactly.

It is the last layer that is taken apart: what the LSTM made of the picture, at this step or before, counts as hidden
state. The places' whole effect at a step is ``faithfulness``'s to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sat.analysis.reading import Reading, as_map


@dataclass(frozen=True, eq=False)
class Attribution:
    """The logit of a word, or how far it lies above another's, in parts that add up to it.

    Attributes:
        step: from 0; word, against: the word, and the one it is set against (None: its logit alone).
        total: n_word, or n_word - n_against.
        previous_word, hidden_state, image, bias: its parts; ``bias`` holds b_w and what goes through b_h.
        cells: float32 (rows, columns), the image's part by place, signed; None without attention.
    """

    step: int
    word: str
    against: str | None
    total: float
    previous_word: float
    hidden_state: float
    image: float
    bias: float
    cells: np.ndarray | None


def attribute(reading: Reading, step: int, word: str | None = None, against: str | None = None) -> Attribution:
    """Take the logit of a word at a step apart.

    Args:
        word: None means the one that was written there.
        against: why ``word`` and not this one.

    Raises:
        UserError: there is no such step, or the model does not know the words.
    """
    decoder, moment = reading.decoder, reading.at(step)
    chosen = reading.word_at(step, word)
    row, offset = decoder.L_o.weight[chosen], decoder.L_o.bias[chosen]  # (m,), ()
    if against is not None:
        other = reading.word_at(step, against)
        row, offset = row - decoder.L_o.weight[other], offset - decoder.L_o.bias[other]
    parts = {name: part.reshape(-1) for name, part in decoder.summands(moment.word, moment.out).items()}  # (m,) each
    total = torch.stack(list(parts.values())).sum(0)
    scaled = row * _ratio(decoder.squash(total), total)  # (m,): what a unit of s is worth
    shares = {name: float(scaled @ part) for name, part in parts.items()}
    cells = None
    if moment.out.weights is not None and moment.out.beta is not None:
        worth = reading.annotations.values[0] @ (scaled @ decoder.L_z.weight)  # (L,)
        cells = as_map(reading, moment.out.beta[0, 0] * moment.out.weights[0, 0] * worth)
    assert moment.out.logits is not None
    logits = moment.out.logits[0, 0]
    return Attribution(
        step=step,
        word=reading.vocabulary.words[chosen],
        against=against,
        total=float(logits[chosen] - (0.0 if against is None else logits[other])),
        previous_word=shares.get("word", 0.0),
        hidden_state=shares["state"],
        image=shares.get("picture", 0.0),
        bias=shares.get("bias", 0.0) + float(offset),
        cells=cells,
    )


def _ratio(squashed: Tensor, s: Tensor) -> Tensor:
    """tanh(s) / s, 1 at 0; 1 where nothing is squashed."""
    small = s.abs() < 1e-4  # there tanh(s) is s to single precision
    return torch.where(small, torch.ones_like(s), squashed / torch.where(small, torch.ones_like(s), s))
