"""Where to look: the score, the distribution over places and the context vector (sections 3.1.2 and 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sat.config import Context


class AdditiveScore(nn.Module):
    """e_ti = v^T tanh(W_a a_i + W_h h_{t-1}), the f_att of section 3.1.2."""

    def __init__(self, annotation_dim: int, hidden_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.W_a = nn.Linear(annotation_dim, attention_dim)
        self.W_h = nn.Linear(hidden_dim, attention_dim, bias=False)
        self.v = nn.Parameter(torch.empty(attention_dim).uniform_(-1, 1) / attention_dim**0.5)

    def forward(self, keys: Tensor, hidden: Tensor) -> Tensor:
        """Scores (B, K, L) of the places of B pictures for K hypotheses each.

        Args:
            keys: W_a a_i, (B, L, A), computed once a picture.
            hidden: h_{t-1}, (B, K, n).
        """
        query = self.W_h(hidden)  # (B, K, A)
        if self.training:
            # tanh(x) = 2 sigmoid(2x) - 1: the constant falls out of the softmax, and the sigmoid is cheaper.
            mixed = torch.sigmoid(keys.mul(2).unsqueeze(1) + query.mul(2).unsqueeze(2))  # (B, K, L, A)
            return mixed @ self.v.mul(2).to(mixed.dtype)  # (B, K, L)
        return torch.tanh(keys.unsqueeze(1) + query.unsqueeze(2)) @ self.v  # (B, K, L)


def weights(alpha: Tensor, context: Context, generator: torch.Generator | None = None) -> Tensor:
    """The weights (..., L) that make the context z = sum_i w_i a_i.

    ``expected`` is alpha itself (equation 13); ``argmax`` and ``sample`` are one-hot (equations 8 and 9).
    """
    if context == "expected":
        return alpha
    if context == "argmax":
        place = alpha.argmax(-1)  # (...)
    else:
        flat = alpha.detach().reshape(-1, alpha.shape[-1]).float()  # (N, L)
        place = torch.multinomial(flat, 1, generator=generator).view(alpha.shape[:-1])  # (...)
    return F.one_hot(place, alpha.shape[-1]).to(alpha.dtype)
