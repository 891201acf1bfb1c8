"""Where to look: the score, the distribution over places and the context vector (sections 3.1.2 and 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional as F

from sat.config import Context

_CACHED = 2**17  # numbers that stay in a processor's cache while they are worked on


class AdditiveScore(nn.Module):
    """e_ti = v^T tanh(W_a a_i + W_h h_{t-1}), the f_att of section 3.1.2."""

    def __init__(self, annotation_dim: int, hidden_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.W_a = nn.Linear(annotation_dim, attention_dim)
        self.W_h = nn.Linear(hidden_dim, attention_dim, bias=False)
        self.v = nn.Parameter(torch.empty(attention_dim))
        nn.init.uniform_(self.v, -(attention_dim**-0.5), attention_dim**-0.5)

    def forward(self, keys: Tensor, hidden: Tensor) -> Tensor:
        """Scores (B, K, L) of the places of B pictures for K hypotheses each.

        Args:
            keys: W_a a_i, (B, L, A), computed once a picture.
            hidden: h_{t-1}, (B, K, n).
        """
        return self.of_query(keys, self.W_h(hidden))

    def of_query(self, keys: Tensor, query: Tensor) -> Tensor:
        """Scores (B, K, L) for what stands in place of W_h h_{t-1}, (B, K, A)."""
        scores = _Score.apply(keys, query, self.v)  # (B, K, L)
        return scores if self.training else scores - self.v.sum()


class _Score(Function):
    """v^T tanh(k_i + q) + sum_j v_j, float32 (B, K, L), for keys (B, L, A), queries (B, K, A) and v (A,).

    tanh(x) + 1 = 2 sigmoid(2x): the same to rounding, and torch's sigmoid is six times faster than its tanh on a CPU;
    the constant falls out of the softmax. Hidden layers (B, K, L, A) are the largest tensors of the model, so they are
    made for a few pictures at a time, which fit in the cache, and made again for the gradient rather than kept.
    """

    @staticmethod
    def forward(ctx: Any, keys: Tensor, query: Tensor, v: Tensor) -> Tensor:
        ctx.save_for_backward(keys, query, v)
        with torch.autocast(keys.device.type, enabled=False):
            twice = v.float().mul(2)  # (A,)
            return torch.cat([_hidden(k, q) @ twice for k, q in _few(keys, query)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keys, query, v = ctx.saved_tensors
        to_keys, to_query, to_v = [], [], torch.zeros_like(v, dtype=torch.float32)
        for k, q, g in _few(keys, query, grad):
            hidden = _hidden(k, q)  # (b, K, L, A)
            to_v += hidden.flatten(0, 2).t().mv(g.flatten())
            slope = hidden.addcmul_(hidden, hidden, value=-1).mul_(g.unsqueeze(-1))  # (b, K, L, A)
            to_keys.append(slope.sum(1))
            to_query.append(slope.sum(2))
        scale = v.float().mul(4)
        into_keys, into_query = (torch.cat(parts).mul_(scale) for parts in (to_keys, to_query))
        return into_keys.to(keys.dtype), into_query.to(query.dtype), to_v.mul_(2).to(v.dtype)


def _hidden(keys: Tensor, query: Tensor) -> Tensor:
    """sigmoid(2 (k_i + q)), float32 (B, K, L, A)."""
    return torch.add(query.float().mul(2).unsqueeze(2), keys.float().unsqueeze(1), alpha=2).sigmoid_()


def _few(keys: Tensor, query: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The tensors, a few pictures at a time; a GPU takes all at once."""
    each = query.shape[1] * keys.shape[1] * keys.shape[2]  # numbers in a picture's hidden layers
    count = max(len(keys), 1) if keys.is_cuda else max(_CACHED // max(each, 1), 1)
    return zip(*(t.split(count) for t in (keys, query, *others)), strict=True)


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
