"""Necessity against one shuffle at a time."""

from __future__ import annotations

import numpy as np
import pytest

from sat.analysis.necessity import necessity
from sat.errors import UserError

from .small import L, captioned, js, plain_steps


def test_necessity_is_the_mean_divergence_of_shuffles(attending):
    captioner, raw, trace = attending
    for step in range(len(trace.words)):
        found = captioner.analyse(necessity, raw, trace, step, shuffles=9, seed=4)
        own = np.exp(plain_steps(captioner, raw, trace)[step])
        used = trace.steps[step].glimpse.flatten()
        rng = np.random.default_rng(4)
        apart = []
        for _ in range(9):
            weights = used[rng.permutation(L)]
            apart.append(js(own, np.exp(plain_steps(captioner, raw, trace, {step: weights})[step])))
        flat = np.exp(plain_steps(captioner, raw, trace, {step: np.full(L, 1 / L)})[step])
        np.testing.assert_allclose(found.shuffles, apart, atol=1e-6)
        assert found.shuffled == pytest.approx(np.mean(apart), abs=1e-6)
        assert found.uniform == pytest.approx(js(own, flat), abs=1e-6)
        assert found.word == trace.words[step]
        assert found.word_probability == pytest.approx(np.exp(trace.steps[step].log_prob), abs=1e-5)
        assert found.shuffles.min() >= 0 and found.shuffles.max() <= np.log(2)


def test_flat_attention_is_not_necessary():
    captioner, raw, trace = captioned("soft")
    captioner.decoder.score.v.data.zero_()
    trace = captioner.read(raw, trace.words)
    found = captioner.analyse(necessity, raw, trace, 1)
    assert len(found.shuffles) == 50
    assert found.uniform == pytest.approx(0, abs=1e-9) and found.shuffled == pytest.approx(0, abs=1e-9)


def test_without_attention_there_is_none():
    captioner, raw, trace = captioned("none")
    with pytest.raises(UserError, match="has no attention"):
        captioner.analyse(necessity, raw, trace, 0)
