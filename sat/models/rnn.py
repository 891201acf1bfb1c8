"""The recurrent generator of Karpathy and Fei-Fei (CVPR 2015), the row "BRNN" of the paper's table.

Their bidirectional network aligns regions with words; what writes captions is this: a plain recurrent network that is
shown the picture at its first step and never again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sat.config import ModelConfig
from sat.models.decoder import Annotations, Decoder, State, StepOutput, linear


class RecurrentGenerator(Decoder):
    """h_t = f(W_hx E y_{t-1} + W_hh h_{t-1} + b_h + 1(t = 1) W_hi x), p(y_t) ~ exp(W_oh h_t + b_o), f the ReLU.

    x is the mean annotation and h_0 is 0. Of the state, c is what the picture adds to the *next* step: W_hi x before
    the first, then 0.
    """

    recurrence = "rnn"

    def _make(self, config: ModelConfig) -> None:
        D, n, m = config.annotation_dim, config.hidden_dim, config.embedding_dim
        self.W_h = nn.Linear(m + n, n)  # W_hx, W_hh and b_h
        self.W_hi = nn.Linear(D, n, bias=False)
        self.L_o = nn.Linear(n, config.vocabulary_size)  # W_oh and b_o

    def _initialise(self) -> None:
        nn.init.zeros_(self.L_o.bias)
        nn.init.zeros_(self.W_h.bias)
        nn.init.eye_(self.W_h.weight[:, -self.config.hidden_dim :])  # a ReLU then passes on what it was given

    def start(self, annotations: Annotations, hypotheses: int = 1) -> State:
        """h_0 = 0, and W_hi x waiting for the first step, each (B, K, n)."""
        picture = self.W_hi(self.context_dropout(annotations.mean)).float()  # (B, n)
        picture = picture.unsqueeze(1).expand(-1, hypotheses, -1)
        return State(torch.zeros_like(picture), picture)

    def recur(self, state: State, inputs: list[Tensor]) -> tuple[State, None]:
        """The new state; there are no gates."""
        pre = linear(self.W_h, torch.cat([*inputs, state.h], dim=-1)).float()  # (B, K, n)
        return State(torch.relu(pre + state.c), torch.zeros_like(state.c)), None

    def deep_output(self, embedded: Tensor, h: Tensor, z: Tensor | None) -> Tensor:
        """h_t itself, (B, K, n): the words are read off the state."""
        return self.dropout(h)

    def summands(self, word: Tensor, out: StepOutput) -> dict[str, Tensor]:
        """``state``, h_t, (B, K, n)."""
        return {"state": out.state.h}

    def squash(self, total: Tensor) -> Tensor:
        """Nothing: the output is linear in the state."""
        return total
