"""The modality-biased log-bilinear model of Kiros, Salakhutdinov and Zemel (ICML 2014), "Log Bilinear" in the table.

It has no state that grows: the next word is predicted from the last N words and the picture, all linearly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sat.config import ModelConfig
from sat.models.decoder import Annotations, Decoder, State, StepOutput, linear
from sat.vocabulary import START


class WordVectors(nn.Module):
    """r_hat . r_w + b_w for every word w, with the same vectors r_w (V, m) by which words are read."""

    def __init__(self, vectors: nn.Embedding) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(vectors.num_embeddings))
        self._vectors = (vectors,)  # in a tuple it is no part of this layer: the vectors are stored and counted once

    @property
    def weight(self) -> Tensor:
        """The vectors, (V, m)."""
        return self._vectors[0].weight

    def forward(self, predicted: Tensor) -> Tensor:
        """Scores (..., V) for predictions r_hat (..., m)."""
        return F.linear(predicted, self.weight, self.bias)


class LogBilinear(Decoder):
    """r_hat = sum_{k=1..N} C_k r_{y_{t-k}} + C_m x, p(y_t = w) ~ exp(r_hat . r_w + b_w).

    x is the mean annotation; before the caption stand N start words. Of the state, h is the prediction r_hat (B, K, m)
    and c holds what the next one is made from: C_m x, then the vectors of the last N words, the newest first,
    (B, K, (1 + N) m).
    """

    recurrence = "log-bilinear"

    def _make(self, config: ModelConfig) -> None:
        D, m = config.annotation_dim, config.embedding_dim
        self.C = nn.Linear(config.last_words * m, m, bias=False)  # C_1 to C_N side by side
        self.C_m = nn.Linear(D, m, bias=False)
        self.L_o = WordVectors(self.E)

    def _initialise(self) -> None:
        pass  # the layers' own is as good

    def start(self, annotations: Annotations, hypotheses: int = 1) -> State:
        """C_m x as the prediction from no word at all, and N start words."""
        picture = self.C_m(self.context_dropout(annotations.mean)).float()  # (B, m)
        words = self.E.weight[START].float().repeat(len(picture), self.config.last_words)  # (B, N m)
        h, c = picture, torch.cat([picture, words], dim=-1)
        return State(*(t.unsqueeze(1).expand(-1, hypotheses, -1) for t in (h, c)))

    def recur(self, state: State, inputs: list[Tensor]) -> tuple[State, None]:
        """The prediction from the last N words, of which the oldest has made room for the new one; no gates."""
        m = self.config.embedding_dim
        picture, older = state.c[..., :m], state.c[..., m:-m]
        words = torch.cat([*inputs, older], dim=-1)  # (B, K, N m)
        predicted = linear(self.C, self.dropout(words)).float() + picture  # (B, K, m)
        return State(predicted, torch.cat([picture, words], dim=-1)), None

    def deep_output(self, embedded: Tensor, h: Tensor, z: Tensor | None) -> Tensor:
        """The prediction r_hat, (B, K, m)."""
        return self.dropout(h)

    def summands(self, word: Tensor, out: StepOutput) -> dict[str, Tensor]:
        """``word`` C_1 r_{y_{t-1}}, ``state`` what the words before it add, and ``picture`` C_m x, (B, K, m) each."""
        m = self.config.embedding_dim
        picture, newest = out.state.c[..., :m], out.state.c[..., m : 2 * m]
        own = F.linear(newest, self.C.weight[:, :m])
        return {"word": own, "state": out.state.h - own - picture, "picture": picture}

    def squash(self, total: Tensor) -> Tensor:
        """Nothing: everything is linear."""
        return total
