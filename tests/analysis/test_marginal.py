"""The four next-word distributions against loops over places and the identities that tie them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.analysis.marginal import NAMES, truth
from sat.errors import UserError

from .small import VOCABULARY, L, captioned, js, plain_steps


def slow(captioner, raw, trace, step):
    """p(w given a_i) by a loop over places, and the four distributions from it."""
    log_probs = [plain_steps(captioner, raw, trace, {step: np.eye(L)[i]})[step] for i in range(L)]
    alpha = captioner.analyse(lambda r: r.at(step).out.alpha[0, 0].double().numpy(), raw, trace)
    marginal = sum(a * np.exp(p) for a, p in zip(alpha, log_probs, strict=True))
    mean_logit = sum(a * p for a, p in zip(alpha, log_probs, strict=True))  # logits up to each place's own constant
    nwgm = np.exp(mean_logit) / np.exp(mean_logit).sum()
    soft = np.exp(plain_steps(captioner, raw, trace, {step: alpha})[step])
    return alpha, log_probs, {"marginal": marginal, "nwgm": nwgm, "soft": soft}


def test_all_equal_a_loop_over_places(attending):
    captioner, raw, trace = attending
    for step in (0, 1, len(trace.words)):
        found = captioner.analyse(truth, raw, trace, step, "dog", samples=200, top=9)
        alpha, log_probs, expected = slow(captioner, raw, trace, step)
        dog = VOCABULARY.encode(["dog"])[0]
        drawn = np.random.default_rng(0).choice(L, size=200, p=alpha / alpha.sum())
        expected["sampled"] = np.mean([np.exp(log_probs[i]) for i in drawn], axis=0)
        for name in NAMES:
            assert expected[name].sum() == pytest.approx(1, abs=1e-6)
            assert found.probability[name] == pytest.approx(expected[name][dog], abs=1e-5)
            for word, p in found.top[name]:
                assert p == pytest.approx(expected[name][VOCABULARY.words.index(word)], abs=1e-5)
            assert [p for _, p in found.top[name]] == sorted((p for _, p in found.top[name]), reverse=True)
        for i, one in enumerate(NAMES):
            for j, two in enumerate(NAMES):
                assert found.divergences[i, j] == pytest.approx(js(expected[one], expected[two]), abs=1e-6)
        bound = sum(a * p[dog] for a, p in zip(alpha, log_probs, strict=True))
        assert found.lower_bound == pytest.approx(bound, abs=1e-4)
        assert found.lower_bound <= found.log_marginal + 1e-9  # Jensen
        assert found.log_marginal == pytest.approx(np.log(expected["marginal"][dog]), abs=1e-4)


def test_nwgm_is_the_softmax_of_the_mean_logit(attending):
    """And the weighted geometric mean of the places' distributions, normalised."""
    captioner, raw, trace = attending
    found = captioner.analyse(truth, raw, trace, 1, top=9)
    alpha, log_probs, _ = slow(captioner, raw, trace, 1)
    geometric = np.prod([np.exp(p) ** a for a, p in zip(alpha, log_probs, strict=True)], axis=0)
    for word, p in found.top["nwgm"]:
        assert p == pytest.approx(geometric[VOCABULARY.words.index(word)] / geometric.sum(), abs=1e-5)


def test_where_all_places_are_equal_all_agree():
    captioner, raw, trace = captioned("soft")
    raw = raw[:, :1].expand(-1, L, -1)
    trace = captioner.read(raw, trace.words)
    found = captioner.analyse(truth, raw, trace, 1)
    assert found.divergences.max() < 1e-9 and found.spread == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found.monte_carlo.error[1:], 0, atol=1e-6)


def test_monte_carlo_comes_closer_within_its_error(attending):
    captioner, raw, trace = attending
    alpha, log_probs, _ = slow(captioner, raw, trace, 1)
    word = VOCABULARY.encode(trace.words[1:2])[0]
    p = np.exp([row[word] for row in log_probs])
    exact = float(alpha @ p)
    sigmas = []
    for seed in range(30):
        mc = captioner.analyse(truth, raw, trace, 1, samples=1000, seed=seed).monte_carlo
        assert list(mc.samples) == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
        drawn = np.random.default_rng(seed).choice(L, size=1000, p=alpha / alpha.sum())
        for n, estimate, error in zip(mc.samples, mc.estimate, mc.error, strict=True):
            assert estimate == pytest.approx(p[drawn[:n]].mean(), abs=1e-5)
            if n > 1:
                assert error == pytest.approx(p[drawn[:n]].std(ddof=1) / np.sqrt(n), abs=1e-5)
        assert np.isnan(mc.error[0]) and mc.divergence[-1] < mc.divergence[0]
        if mc.error[-1] > 1e-9:
            sigmas.append((mc.estimate[-1] - exact) / mc.error[-1])
    assert len(sigmas) == 30 and np.mean(np.abs(sigmas) < 2) > 0.8 and 0.6 < np.std(sigmas) < 1.5


def test_bad_numbers_of_samples_are_refused(attending):
    captioner, raw, trace = attending
    for samples in (0, 100_001):
        with pytest.raises(UserError, match="samples"):
            captioner.analyse(truth, raw, trace, 0, samples=samples)
    blind, raw, trace = captioned("none")
    with pytest.raises(UserError, match="has no attention"):
        blind.analyse(truth, raw, trace, 0)
    assert torch.is_inference_mode_enabled() is False
