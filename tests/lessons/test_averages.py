"""The three averages of every word against loops over places, and against the truth panel."""

from __future__ import annotations

import numpy as np
import pytest

from sat.analysis.marginal import truth
from sat.errors import UserError
from sat.lessons.averages import NAMES, averages
from sat.lessons.chapters.expectation import errors, expectation, linear, three
from tests.analysis.small import js

from .slow import L, one_step, places, scene_of, slow_steps


def slow_averages(scene, step):
    """log p over the vocabulary from each place (L, V), and the three distributions."""
    before, a = slow_steps(scene)[step], places(scene.captioner, scene.raw)
    rows = [
        one_step(scene.captioner, a, before["h_before"], before["c_before"], before["word"], np.eye(L)[i])["log_probs"]
        for i in range(L)
    ]
    alpha = before["alpha"]
    soft = one_step(scene.captioner, a, before["h_before"], before["c_before"], before["word"], alpha)["log_probs"]
    mean = sum(w * row for w, row in zip(alpha, rows, strict=True))
    return np.stack(rows), {
        "marginal": sum(w * np.exp(row) for w, row in zip(alpha, rows, strict=True)),
        "nwgm": np.exp(mean) / np.exp(mean).sum(),
        "soft": np.exp(soft),
    }


def test_averages_equal_a_loop_over_places(attending):
    found = attending.look(averages)
    assert found.words == attending.words
    for step, slow in enumerate(slow_steps(attending)):
        rows, expected = slow_averages(attending, step)
        np.testing.assert_allclose(found.alpha[step], slow["alpha"], atol=1e-6)
        np.testing.assert_allclose(found.place_log_probs[step], rows[:, slow["chosen"]], atol=3e-5)
        bound = sum(w * row[slow["chosen"]] for w, row in zip(slow["alpha"], rows, strict=True))
        assert found.bound()[step] == pytest.approx(bound, abs=3e-5)
        for name in NAMES:
            assert found.probability[name][step] == pytest.approx(expected[name][slow["chosen"]], abs=1e-5)
            if name != "marginal":
                apart = js(expected["marginal"], expected[name])
                assert found.divergence[name][step] == pytest.approx(apart, abs=1e-6)
                off = abs(expected[name] - expected["marginal"])[slow["chosen"]]
                assert found.error(name)[step] == pytest.approx(off, abs=1e-5)


def test_averages_are_those_of_the_truth_panel(attending):
    found = attending.look(averages)
    for step in range(len(found.words)):
        panel = attending.look(truth, step, samples=1)
        for name in NAMES:
            assert found.probability[name][step] == pytest.approx(panel.probability[name], abs=2e-6)
        assert found.divergence["nwgm"][step] == pytest.approx(panel.divergences[0, 1], abs=2e-6)
        assert found.divergence["soft"][step] == pytest.approx(panel.divergences[0, 2], abs=2e-6)
        assert found.bound()[step] == pytest.approx(panel.lower_bound, abs=1e-5)


def test_some_steps_alone(attending):
    whole, some = attending.look(averages), attending.look(averages, (2, 0))
    assert some.words == (whole.words[2], whole.words[0])
    np.testing.assert_allclose(some.place_log_probs, whole.place_log_probs[[2, 0]], atol=1e-7)
    np.testing.assert_allclose(some.divergence["soft"], whole.divergence["soft"][[2, 0]], atol=1e-9)


def test_without_attention_there_is_nothing_to_average():
    with pytest.raises(UserError, match="has no attention"):
        scene_of("none").look(averages)


def test_the_screens_show_these_numbers(attending):
    step, slow = attending.step, slow_steps(attending)[attending.step]
    rows, expected = slow_averages(attending, step)
    p, alpha = np.exp(rows[:, slow["chosen"]]), slow["alpha"]
    glimpses = expectation(attending)
    assert glimpses.number("highest") == pytest.approx(p.max(), abs=1e-5)
    assert glimpses.number("lowest") == pytest.approx(p.min(), abs=1e-5)
    assert glimpses.number("looked") == pytest.approx(p[alpha.argmax()], abs=1e-5)
    assert glimpses.number("mean") == pytest.approx(alpha @ p, abs=1e-5)
    assert glimpses.number("spread") == pytest.approx(np.sqrt(alpha @ p**2 - (alpha @ p) ** 2), abs=1e-5)
    np.testing.assert_allclose(glimpses.maps[0].values.ravel(), p, atol=1e-5)
    shown = three(attending)
    for name in NAMES:
        assert shown.number(name) == pytest.approx(expected[name][slow["chosen"]], abs=1e-5)
    assert shown.number("soft_divergence") == pytest.approx(js(expected["marginal"], expected["soft"]), abs=1e-6)
    every = [slow_averages(attending, t)[1] for t in range(len(attending.words))]
    mean = np.mean([js(e["marginal"], e["nwgm"]) for e in every])
    assert errors(attending).number("nwgm") == pytest.approx(mean, abs=1e-6)


def test_scatter_by_a_loop(attending):
    slow, a = slow_steps(attending)[attending.step], places(attending.captioner, attending.raw)
    z = slow["alpha"] @ a
    scatter = np.sqrt(sum(w * ((row - z) ** 2).sum() for w, row in zip(slow["alpha"], a, strict=True)))
    found = linear(attending)
    assert found.number("scatter") == pytest.approx(slow["beta"] * scatter, rel=1e-4)
    assert found.number("mean") == pytest.approx(slow["beta"] * np.linalg.norm(z), rel=1e-4)
    assert found.number("ratio") == pytest.approx(scatter / np.linalg.norm(z), rel=1e-4)
