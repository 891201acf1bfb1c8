"""Entropies and divergences worked by hand."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from sat.evaluation.attention import attention_statistics, divergence

LEFT, RIGHT = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
EVEN = np.array([[0.5, 0.5]])


def test_divergence_by_hand() -> None:
    assert divergence(LEFT, RIGHT) == pytest.approx(log(2))
    assert divergence(EVEN, EVEN) == 0
    # Their mean is (3/4, 1/4); the entropies are 0 and ln 2.
    by_hand = -0.75 * log(0.75) - 0.25 * log(0.25) - log(2) / 2
    assert divergence(LEFT, EVEN) == pytest.approx(by_hand)
    assert divergence(EVEN, LEFT) == pytest.approx(by_hand)
    assert divergence(np.stack([LEFT, EVEN]), np.stack([RIGHT, EVEN])) == pytest.approx([log(2), 0])


def test_statistics_are_means_over_words_and_over_pairs_of_words() -> None:
    found = attention_statistics([np.stack([LEFT, RIGHT, RIGHT]), np.stack([EVEN])])
    assert found["entropy"] == pytest.approx(log(2) / 4)  # four words, of which one looks at both places
    assert found["uniform_entropy"] == pytest.approx(log(2))
    assert found["effective_places"] == pytest.approx(exp(log(2) / 4))
    assert found["step_divergence"] == pytest.approx(log(2) / 2)  # two pairs, of which one moves; none across captions


def test_uniform_attention_uses_every_place() -> None:
    found = attention_statistics([np.full((3, 14, 14), 1 / 196, np.float32)])
    assert found["entropy"] == pytest.approx(found["uniform_entropy"])
    assert found["effective_places"] == pytest.approx(196)
    assert found["step_divergence"] == pytest.approx(0)


def test_what_cannot_be_measured_is_none() -> None:
    assert set(attention_statistics([]).values()) == {None}
    assert attention_statistics([np.stack([EVEN])])["step_divergence"] is None
