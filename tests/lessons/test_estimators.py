"""REINFORCE at one step against torch's gradients, place by place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.errors import UserError
from sat.lessons.averages import averages
from sat.lessons.backward import by_weights, score_parts
from sat.lessons.chapters.hard import bias, noise, reinforce, sampling
from sat.lessons.estimators import (
    EXPECTED,
    MIXED,
    NAMES,
    NO_BASELINE,
    OWN_MEAN,
    RUNNING,
    convergence,
    estimators,
)
from sat.models.decoder import State

from .slow import L, one_step, places, scene_of, slow_steps


def state_before(scene, step):
    """h_{t-1} and c_{t-1}, (1, 1, n), and y_{t-1}, for torch."""
    slow = slow_steps(scene)[step]
    h, c = (torch.tensor(slow[name], dtype=torch.float32).view(1, 1, -1) for name in ("h_before", "c_before"))
    return State(h, c), torch.tensor([[slow["word"]]]), slow["chosen"]


def gradients(scene, step):
    """By torch: of log alpha_s with respect to v for each s, (L, A), and of log p(word) in the soft pass, (A,)."""
    decoder = scene.captioner.decoder
    state, word, chosen = state_before(scene, step)
    v = decoder.score.v.requires_grad_(True)
    try:
        annotations = decoder.annotate(scene.raw)
        log_alpha = decoder.score(annotations.keys, state.h)[0, 0].log_softmax(-1)
        each = [torch.autograd.grad(log_alpha[s], v, retain_graph=True)[0].double().numpy() for s in range(L)]
        out = decoder.step(state, word, annotations, context="expected")
        through = torch.autograd.grad(out.logits[0, 0].log_softmax(-1)[chosen], v)[0].double().numpy()
    finally:
        v.requires_grad_(False)
    return np.stack(each), through


def slow_rewards(scene, step):
    slow, a = slow_steps(scene)[step], places(scene.captioner, scene.raw)
    before = (slow["h_before"], slow["c_before"], slow["word"])
    rewards = [one_step(scene.captioner, a, *before, np.eye(L)[i])["log_probs"][slow["chosen"]] for i in range(L)]
    soft = one_step(scene.captioner, a, *before, slow["alpha"])["log_probs"][slow["chosen"]]
    return slow["alpha"], np.array(rewards), soft


def test_score_parts_are_the_equations(attending):
    for step, slow in enumerate(slow_steps(attending)):
        found = attending.look(score_parts, step)
        np.testing.assert_allclose(found.u, slow["u"], atol=1e-5)
        np.testing.assert_allclose(found.scores, slow["e"], atol=3e-5)
        np.testing.assert_allclose(found.alpha, slow["alpha"], atol=1e-5)


def test_the_gradient_through_the_expected_context_is_torchs(attending):
    for step, slow in enumerate(slow_steps(attending)):
        parts = attending.look(score_parts, step)
        found = parts.by_v(attending.look(by_weights, step, slow["alpha"]))
        _, through = gradients(attending, step)
        np.testing.assert_allclose(found, through, atol=1e-4 * max(1, np.abs(through).max()))


def test_the_gradient_by_weights_by_finite_differences(attending):
    step = 1
    slow, a = slow_steps(attending)[step], places(attending.captioner, attending.raw)
    before = (slow["h_before"], slow["c_before"], slow["word"])
    weights = np.linspace(0.1, 0.3, L)  # any will do, they need not sum to one
    found = attending.look(by_weights, step, weights)
    for i in range(L):
        ends = [
            one_step(attending.captioner, a, *before, weights + sign * 1e-5 * np.eye(L)[i])["log_probs"][slow["chosen"]]
            for sign in (1, -1)
        ]
        assert found[i] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-4)


def test_mean_and_variance_by_a_loop_with_torchs_gradients(attending):
    whole = attending.look(averages)
    running = np.mean([a @ r for a, r, _ in (slow_rewards(attending, t) for t in range(len(attending.words)))])
    for step in range(len(attending.words)):
        found = attending.look(estimators, step, whole)
        alpha, rewards, soft = slow_rewards(attending, step)
        each, through = gradients(attending, step)
        exact = sum(a * r * g for a, r, g in zip(alpha, rewards, each, strict=True))
        np.testing.assert_allclose(found.exact, exact, atol=2e-4)
        own = sum(a * r for a, r in zip(alpha, rewards, strict=True))
        for name, b in {NO_BASELINE: 0.0, RUNNING: running, OWN_MEAN: own, EXPECTED: soft}.items():
            samples = [(r - b) * g for r, g in zip(rewards, each, strict=True)]
            mean = sum(a * s for a, s in zip(alpha, samples, strict=True))
            variance = sum(a * ((s - mean) ** 2).sum() for a, s in zip(alpha, samples, strict=True))
            assert found.by_name[name].baseline == pytest.approx(b, abs=1e-4)
            np.testing.assert_allclose(found.by_name[name].mean, mean, atol=2e-4)
            assert found.by_name[name].variance == pytest.approx(variance, rel=1e-3, abs=1e-5)
            assert found.variance_with(b) == pytest.approx(variance, rel=1e-3, abs=1e-5)
            assert found.by_name[name].bias < 1e-6  # whatever the baseline
        halves = [(a / 2, (r - soft) * g) for a, r, g in zip(alpha, rewards, each, strict=True)] + [(0.5, through)]
        mean = sum(w * s for w, s in halves)
        variance = sum(w * ((s - mean) ** 2).sum() for w, s in halves)
        np.testing.assert_allclose(found.by_name[MIXED].mean, mean, atol=2e-4)
        assert found.by_name[MIXED].variance == pytest.approx(variance, rel=1e-3, abs=1e-4)
        off = np.linalg.norm(mean - exact) / np.linalg.norm(exact)
        assert found.by_name[MIXED].bias == pytest.approx(off, rel=5e-3, abs=1e-3)


def test_no_constant_baseline_beats_the_best(attending):
    found = attending.look(estimators, 1, attending.look(averages))
    least = found.variance_with(found.best_baseline)
    for b in np.linspace(found.best_baseline - 3, found.best_baseline + 3, 21):
        assert found.variance_with(b) >= least - 1e-9
    assert found.variance_ratio(NO_BASELINE) == 1


def test_averages_of_samples_come_closer(attending):
    found = attending.look(estimators, 1, attending.look(averages))
    counts, off = convergence(found, OWN_MEAN, 50, seed=4)
    assert list(counts) == [1, 2, 5, 10, 20, 50]
    drawn = np.random.default_rng(4).choice(L, 50, p=found.alpha / found.alpha.sum())
    b = found.by_name[OWN_MEAN].baseline
    for n, value in zip(counts, off, strict=True):
        mean = np.mean([(found.rewards[s] - b) * found.directions[s] for s in drawn[:n]], axis=0)
        assert value == pytest.approx(np.linalg.norm(mean - found.exact) / np.linalg.norm(found.exact), rel=1e-9)
    ends = [convergence(found, OWN_MEAN, 5000, seed=seed)[1][-1] for seed in range(20)]
    expected = found.by_name[OWN_MEAN].samples / 5000  # the mean of the squares
    assert np.mean(np.square(ends)) == pytest.approx(expected, rel=0.8)


def test_where_all_places_are_alike_there_is_nothing_to_estimate():
    scene = scene_of("soft")
    scene.raw[:] = scene.raw[:, :1]
    trace = scene.captioner.read(scene.raw, scene.trace.words)
    scene = type(scene)(scene.captioner, scene.raw, trace, 1)
    found = scene.look(estimators, 1, scene.look(averages))
    assert np.isnan(found.by_name[OWN_MEAN].bias) and found.by_name[OWN_MEAN].variance == pytest.approx(0, abs=1e-9)
    assert np.isnan(convergence(found, OWN_MEAN, 10)[1]).all()
    for screen in (reinforce, bias, noise):
        with pytest.raises(UserError, match="alike"):
            screen(scene)


def test_the_screens_show_these_numbers(attending):
    step = attending.step
    found = attending.look(estimators, step, attending.look(averages))
    shown, biased = reinforce(attending), bias(attending)
    assert shown.number("plain") == found.by_name[NO_BASELINE].variance
    assert shown.number("ratio") == found.by_name[OWN_MEAN].variance / found.by_name[NO_BASELINE].variance
    assert shown.number("size") == pytest.approx(np.linalg.norm(found.exact))
    assert [row[0] for row in shown.tables[0].rows] == list(NAMES)
    mixed = found.by_name[MIXED]
    cosine = mixed.mean @ found.exact / np.linalg.norm(mixed.mean) / np.linalg.norm(found.exact)
    assert biased.number("cosine") == pytest.approx(cosine) and biased.number("mixed_bias") == mixed.bias


def test_glimpses_are_counted(attending):
    alpha = slow_steps(attending)[attending.step]["alpha"]
    found = sampling(attending)
    counts = found.maps[0].values.ravel()
    assert counts.sum() == found.number("draws") == 200
    assert found.number("different") == np.count_nonzero(counts)
    assert found.number("expected") == pytest.approx(200 * alpha.max(), abs=1e-3)
    assert found.number("seen") == counts[alpha.argmax()]
    np.testing.assert_allclose(counts / 200, alpha, atol=0.12)  # three standard deviations
