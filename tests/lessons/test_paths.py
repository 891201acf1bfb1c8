"""Sampled paths against all of them: every way of looking at a short caption is enumerated."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sat.errors import UserError
from sat.lessons.averages import averages
from sat.lessons.chapters.hard import lower_bound, noise
from sat.lessons.paths import CREDITS, bound, gradient_variances, sample_paths
from sat.lessons.scene import Scene

from .slow import L, one_step, places, scene_of, slow_steps

WORDS = 2  # of the caption that is enumerated: L ** 3 paths with its end


def short(attention: str) -> Scene:
    """A scene whose caption has two words."""
    scene = scene_of(attention)
    trace = scene.captioner.read(scene.raw, scene.trace.words[:WORDS])
    return Scene(scene.captioner, scene.raw, trace, 1)


def walk(scene: Scene, path: tuple[int, ...]) -> list[dict]:
    """The steps along one path."""
    a, slow = places(scene.captioner, scene.raw), slow_steps(scene)
    h, c, found = slow[0]["h_before"], slow[0]["c_before"], []
    for step, place in zip(slow, path, strict=True):
        out = one_step(scene.captioner, a, h, c, step["word"], np.eye(L)[place])
        u, alpha = out["u"], out["alpha"]
        found.append(
            {
                "alpha": alpha[place],
                "reward": out["log_probs"][step["chosen"]],
                "direction": u[place] - sum(w * row for w, row in zip(alpha, u, strict=True)),
            }
        )
        h, c = out["h"], out["c"]
    return found


@pytest.fixture(scope="module", params=["soft", "hard"])
def enumerated(request):
    """A scene, and of all its paths the probability (P,), the rewards (P, T) and the directions (P, T, A)."""
    scene = short(request.param)
    steps = [walk(scene, path) for path in product(range(L), repeat=WORDS + 1)]
    p = np.array([np.prod([s["alpha"] for s in path]) for path in steps])
    rewards = np.array([[s["reward"] for s in path] for path in steps])
    directions = np.array([[s["direction"] for s in path] for path in steps])
    assert p.sum() == pytest.approx(1)
    return scene, p, rewards, directions


def test_a_path_is_the_steps_along_its_places(enumerated):
    scene, *_ = enumerated
    guide = scene.look(averages).place_log_probs
    for found in (scene.look(sample_paths, 6, 1), scene.look(sample_paths, 6, 1, guide=guide)):
        for k in range(6):
            for t, slow in enumerate(walk(scene, tuple(found.places[k]))):
                assert found.prior[k, t] == pytest.approx(np.log(slow["alpha"]), abs=1e-4)
                assert found.rewards[k, t] == pytest.approx(slow["reward"], abs=1e-4)
                np.testing.assert_allclose(found.directions[k, t], slow["direction"], atol=1e-4)


def test_paths_are_drawn_by_their_probability(enumerated):
    scene, p, *_ = enumerated
    found = scene.look(sample_paths, 1000, 3)
    np.testing.assert_array_equal(found.prior, found.proposal)
    index = found.places @ L ** np.arange(WORDS, -1, -1)
    counts = np.bincount(index, minlength=len(p)) / 1000
    assert np.abs(counts - p).max() < 4 * np.sqrt(p.max() / 1000)
    # The guided ones by alpha times exp(guide), at each step.
    guide = scene.look(averages).place_log_probs
    guided = scene.look(sample_paths, 400, 3, guide=guide)
    first = slow_steps(scene)[0]["alpha"] * np.exp(guide[0])
    np.testing.assert_allclose(np.exp(guided.proposal[:, 0]), (first / first.sum())[guided.places[:, 0]], atol=1e-5)
    share = np.bincount(guided.places[:, 0], minlength=L) / 400
    np.testing.assert_allclose(share, first / first.sum(), atol=0.1)


def test_bound_and_marginal_by_enumeration(enumerated):
    scene, p, rewards, _ = enumerated
    lower = float(p @ rewards.sum(1))
    log_marginal = float(np.log(p @ np.exp(rewards.sum(1))))
    assert lower <= log_marginal
    guide = scene.look(averages).place_log_probs
    off_lower, off_marginal = [], []
    for seed in range(12):
        prior, guided = scene.look(sample_paths, 200, seed), scene.look(sample_paths, 200, seed + 100, guide=guide)
        found = bound(prior, guided)
        off_lower.append((found.lower - lower) / found.lower_error)
        off_marginal.append((found.log_marginal - log_marginal) / found.error)
        assert 1 <= found.effective <= 200
    for off in (off_lower, off_marginal):  # in standard errors
        assert np.abs(off).max() < 4 and np.abs(np.mean(off)) < 4 / np.sqrt(12) and 0.3 < np.std(off) < 2
    same = bound(prior, prior)  # the plain estimate: the mean of p(y given s, a) over paths of the model's own
    assert same.log_marginal == pytest.approx(np.log(np.exp(prior.rewards.sum(1)).mean()), abs=1e-9)


def test_gradient_variances_by_enumeration(enumerated):
    scene, p, rewards, directions = enumerated
    whole = np.repeat(rewards.sum(1, keepdims=True), WORDS + 1, axis=1)
    to_come = rewards[:, ::-1].cumsum(1)[:, ::-1]
    exact, means = {}, {}
    credits = (whole, whole - p @ whole, to_come - p @ to_come, rewards - p @ rewards)
    for name, credit in zip(CREDITS, credits, strict=True):
        G = (credit[..., None] * directions).sum(1)  # (P, A)
        means[name] = p @ G
        exact[name] = float(p @ ((G - means[name]) ** 2).sum(1))
    # A baseline and leaving out the words before change nothing on average; leaving out those after does.
    for name in CREDITS[1:3]:
        np.testing.assert_allclose(means[name], means[CREDITS[0]], atol=1e-9)
    assert np.linalg.norm(means[CREDITS[3]] - means[CREDITS[0]]) > 1e-6
    several = [gradient_variances(scene.look(sample_paths, 1000, seed)) for seed in range(6)]
    for name in CREDITS:
        assert np.mean([v[name] for v in several]) == pytest.approx(exact[name], rel=0.15)


def test_the_screens_show_these_numbers(attending):
    found = attending.look(averages)
    shown = lower_bound(attending)
    assert shown.number("step_lower") == found.bound()[attending.step]
    assert shown.number("step_lower") <= shown.number("step_log") + 1e-6
    prior = attending.look(sample_paths, 64, 0)
    whole = bound(prior, attending.look(sample_paths, 64, 1, guide=found.place_log_probs))
    assert (shown.number("lower"), shown.number("log_marginal")) == (whole.lower, whole.log_marginal)
    variances = gradient_variances(prior)
    quiet = noise(attending)
    assert quiet.number("plain") == variances[CREDITS[0]]
    assert quiet.number("ratio_3") == variances[CREDITS[3]] / variances[CREDITS[0]]


def test_numbers_of_paths_that_make_no_sense_are_refused(attending):
    for count in (0, 1001):
        with pytest.raises(UserError, match="paths"):
            attending.look(sample_paths, count)
    with pytest.raises(UserError, match="at least two"):
        gradient_variances(attending.look(sample_paths, 1))
    with pytest.raises(UserError, match="has no attention"):
        scene_of("none").look(sample_paths)
