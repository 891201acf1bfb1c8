"""Dot-product attention on this model's own numbers, as an illustration: none of it was trained for it.

Scaled dot-product attention is softmax(q . k / sqrt(d)). Over places the query is W_h h_{t-1} and the keys are
W_a a_i, which this model was trained to *add* and not to multiply; over words, the LSTM's states stand for queries,
keys and values alike, each word looking at itself and those before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.analysis.reading import Reading
from sat.errors import UserError
from sat.lessons.steps import array


@dataclass(frozen=True, eq=False)
class OverPlaces:
    """A query over the places of the picture; additive as the model does it, and by dot product.

    Attributes:
        query: W_h h_{t-1}, (A,); keys: W_a a_i, (L, A).
        additive: alpha as the model has it, (L,). dot: softmax of the scaled dot products, (L,).
        heads: the same in each of H parts of the A numbers, (H, L).
    """

    query: np.ndarray
    keys: np.ndarray
    additive: np.ndarray
    dot: np.ndarray
    heads: np.ndarray


@dataclass(frozen=True, eq=False)
class OverWords:
    """Self-attention over the words of a caption and its end.

    Attributes:
        scaled, unscaled: weights, (T + 1, T + 1), row t looking at columns 0 to t; each row sums to one.
    """

    scaled: np.ndarray
    unscaled: np.ndarray


def over_places(reading: Reading, step: int, heads: int = 1) -> OverPlaces:
    """Both kinds of attention at a step.

    Raises:
        UserError: there is no such step, no attention, or more heads than numbers.
    """
    moment, alpha = reading.attending(step)
    assert reading.annotations.keys is not None
    keys, query = array(reading.annotations.keys[0]), array(reading.decoder.score.W_h(moment.state.h)[0, 0])
    if not 1 <= heads <= len(query):
        raise UserError(f"The query has {len(query)} numbers: choose from 1 to so many heads.")
    parts = np.array_split(np.arange(len(query)), heads)
    return OverPlaces(
        query=query,
        keys=keys,
        additive=array(alpha),
        dot=scaled_dot(query, keys),
        heads=np.stack([scaled_dot(query[part], keys[:, part]) for part in parts]),
    )


def over_words(reading: Reading) -> OverWords:
    """Self-attention over the hidden states h_1 to h_{T+1}, each word seeing those up to itself."""
    h = np.stack([array(moment.out.state.h[0, 0]) for moment in reading.moments])  # (T + 1, n)
    scores = h @ h.T
    seen = np.tril(np.ones_like(scores, dtype=bool))
    return OverWords(
        scaled=softmax(np.where(seen, scores / np.sqrt(h.shape[1]), -np.inf)),
        unscaled=softmax(np.where(seen, scores, -np.inf)),
    )


def scaled_dot(query: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """softmax(k_i . q / sqrt(d)), (L,), of a query (d,) and keys (L, d)."""
    return softmax(keys @ query / np.sqrt(len(query)))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)
