"""Next-word distributions set against each other."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sat.evaluation.attention import divergence as map_divergence
from sat.vocabulary import PAD, START, UNKNOWN, Vocabulary


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in nats (0 to ln 2) of distributions over the last axis (V)."""
    return map_divergence(np.asarray(p)[..., None, :], np.asarray(q)[..., None, :])


def probabilities(log_probs: Tensor) -> np.ndarray:
    """float64 probabilities that sum to one, of log-probabilities (..., V)."""
    p = log_probs.double().exp()
    return (p / p.sum(-1, keepdim=True)).cpu().numpy()


def writable(log_probs: Tensor) -> Tensor:
    """Log-probabilities (..., V) with -inf for what is never written: <pad>, <start> and <unk>."""
    blocked = torch.zeros(log_probs.shape[-1], dtype=torch.bool, device=log_probs.device)
    blocked[[PAD, START, UNKNOWN]] = True
    return log_probs.masked_fill(blocked, -torch.inf)


def top_words(log_probs: Tensor, vocabulary: Vocabulary, count: int) -> tuple[tuple[str, float], ...]:
    """The best words that may be written, with their probabilities, of log-probabilities (V,)."""
    best, ids = writable(log_probs).topk(min(count, log_probs.shape[-1] - 3))
    pairs = zip(ids.tolist(), best.exp().tolist(), strict=True)
    return tuple((vocabulary.words[i], p) for i, p in pairs)
