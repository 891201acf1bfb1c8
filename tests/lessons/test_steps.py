"""A step in numbers against the equations in numpy, as it was and with something in it set by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sat.errors import UserError
from sat.lessons.steps import GATES, step_numbers, step_with

from .slow import COLUMNS, ROWS, VOCABULARY, L, one_step, places, scene_of, slow_steps


def test_every_number_is_that_of_the_equations(any_scene):
    slow = slow_steps(any_scene)
    for t, want in enumerate(slow):
        found = any_scene.look(step_numbers, t)
        assert (found.previous, found.word) == (want["word"], want["chosen"])
        pairs = {
            "gates": found.gates, "c_before": found.cell_before, "c": found.cell, "h_before": found.hidden_before,
            "h": found.hidden, "logits": found.logits, "log_probs": found.log_probs, "y": found.parts["word"],
            "hidden": found.parts["hidden"],
        }  # fmt: skip
        if any_scene.attends:
            pairs |= {"e": found.scores, "alpha": found.alpha, "used": found.weights, "beta": found.beta}
            pairs |= {"z": found.z, "picture": found.parts["picture"]}
        else:
            assert found.scores is found.alpha is found.weights is found.beta is found.z is None
        for name, value in pairs.items():
            np.testing.assert_allclose(value, want[name], atol=2e-5, err_msg=name)


def changed(scene, step, **more):
    before = slow_steps(scene)[step]
    a = places(scene.captioner, scene.raw)
    more = {"used": before.get("used"), **more}
    return one_step(scene.captioner, a, before["h_before"], before["c_before"], before["word"], **more)


def test_nothing_set_is_the_step_as_it_was(any_scene):
    for step in (0, len(any_scene.trace.words)):
        found = any_scene.look(step_with, step)
        np.testing.assert_allclose(found.log_probs, slow_steps(any_scene)[step]["log_probs"], atol=2e-5)
        assert found.probability == pytest.approx(found.before) and found.divergence == pytest.approx(0, abs=1e-9)
        assert found.word == any_scene.words[step]


def test_a_step_with_other_attention_is_the_decoders_own(attending):
    weights = np.arange(1.0, L + 1).reshape(ROWS, COLUMNS)
    found = attending.look(step_with, 1, alpha=weights)
    want = changed(attending, 1, used=weights.ravel() / weights.sum())
    np.testing.assert_allclose(found.log_probs, want["log_probs"], atol=2e-5)
    np.testing.assert_allclose(found.alpha, weights / weights.sum(), atol=1e-6)
    chosen = VOCABULARY.encode([attending.words[1]])[0]
    assert found.probability == pytest.approx(np.exp(want["log_probs"][chosen]), abs=1e-5)
    assert found.before == pytest.approx(np.exp(slow_steps(attending)[1]["log_probs"][chosen]), abs=1e-5)
    best = max((w for w in range(len(VOCABULARY)) if w not in (0, 1, 3)), key=lambda w: want["log_probs"][w])
    assert found.top[0] == (VOCABULARY.words[best], pytest.approx(np.exp(want["log_probs"][best]), abs=1e-5))


def test_scores_set_by_hand_go_through_the_softmax(attending):
    scores = np.linspace(-2, 900, L).reshape(ROWS, COLUMNS)  # large ones must not overflow
    found = attending.look(step_with, 0, scores=scores)
    np.testing.assert_allclose(found.alpha.ravel(), np.eye(L)[-1], atol=1e-6)
    scores = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    weights = np.exp(scores) / np.exp(scores).sum()
    by_scores, by_alpha = (attending.look(step_with, 0, **{k: v}) for k, v in (("scores", scores), ("alpha", weights)))
    np.testing.assert_allclose(by_scores.log_probs, by_alpha.log_probs, atol=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_a_step_with_another_gate_is_the_decoders_own(attending, beta):
    found = attending.look(step_with, 2, beta=beta)
    np.testing.assert_allclose(found.log_probs, changed(attending, 2, beta=beta)["log_probs"], atol=2e-5)
    assert found.beta == pytest.approx(beta)
    if beta == 0:  # then it does not matter where it looks
        other = attending.look(step_with, 2, beta=0.0, alpha=np.ones((ROWS, COLUMNS)))
        np.testing.assert_allclose(other.log_probs, found.log_probs, atol=1e-6)


@pytest.mark.parametrize("gate", GATES)
def test_gates_set_by_hand(any_scene, gate):
    found = any_scene.look(step_with, 1, gates={gate: 0.25})
    want = changed(any_scene, 1, gates={GATES.index(gate): 0.25})
    np.testing.assert_allclose(found.log_probs, want["log_probs"], atol=2e-5)


def test_another_word_before(any_scene):
    before, a = slow_steps(any_scene)[1], places(any_scene.captioner, any_scene.raw)
    for name, id in (("red", VOCABULARY.encode(["red"])[0]), ("<start>", 1)):
        found = any_scene.look(step_with, 1, previous=name)
        want = one_step(any_scene.captioner, a, before["h_before"], before["c_before"], id, before.get("used"))
        np.testing.assert_allclose(found.log_probs, want["log_probs"], atol=2e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": np.ones((ROWS, COLUMNS + 1))},
        {"alpha": np.full((ROWS, COLUMNS), np.nan)},
        {"alpha": np.zeros((ROWS, COLUMNS))},
        {"alpha": -np.ones((ROWS, COLUMNS))},
        {"alpha": np.ones((ROWS, COLUMNS)), "scores": np.ones((ROWS, COLUMNS))},
        {"scores": np.full((ROWS, COLUMNS), np.inf)},
        {"beta": 1.1},
        {"beta": float("nan")},
        {"gates": {"sideways": 0.5}},
        {"gates": {"forget": -0.1}},
        {"gates": {"candidate": -1.1}},
        {"previous": "zebra"},
    ],
)
def test_what_cannot_be_set_is_refused_in_one_sentence(attending, wrong):
    with pytest.raises(UserError) as caught:
        attending.look(step_with, 1, **wrong)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_without_attention_there_is_none_to_set():
    scene = scene_of("none")
    for wrong in ({"alpha": np.ones((ROWS, COLUMNS))}, {"scores": np.ones((ROWS, COLUMNS))}, {"beta": 0.5}):
        with pytest.raises(UserError, match="has no attention"):
            scene.look(step_with, 1, **wrong)
    with pytest.raises(UserError, match="choose one of them"):
        scene.look(step_with, 99)
