"""The screens on recurrence, the LSTM, attention and one step against the equations in numpy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sat.lessons import recurrence
from sat.lessons.chapters import attention, lstm, one_step, recurrent
from sat.lessons.chapters.shared import effective
from sat.lessons.scene import Scene
from tests.analysis.small import js
from tests.lessons import slow
from tests.lessons.slow import COLUMNS, ROWS, VOCABULARY, L, places, scene_of, slow_steps, weights_of


def entropy(p):
    return -sum(float(x) * np.log(x) for x in p if x > 0)


def test_unrolled_states_move_as_the_equations_say(any_scene):
    steps = slow_steps(any_scene)
    moved = [np.linalg.norm(s["h"] - s["h_before"]) for s in steps]
    found = recurrent.unroll(any_scene)
    np.testing.assert_allclose([row[3] for row in found.tables[0].rows], moved, atol=1e-4)
    assert (
        found.number("most") == int(np.argmax(moved)) and found.facts["most_word"] == any_scene.words[np.argmax(moved)]
    )
    p = weights_of(any_scene.captioner)
    assert found.number("weights") == p["lstm.weight"].size + p["lstm.bias"].size
    assert [row[1] for row in found.tables[0].rows] == ["<start>", *any_scene.trace.words]


def test_the_small_networks_are_those_of_the_measurement():
    scene = scene_of(seed=3)
    x = recurrence.inputs(seed=3)
    simple = recurrence.simple(radius=0.9, seed=3)
    assert recurrent.forget(scene).number("left") == recurrence.influence(simple, x)[20]
    assert recurrent.gradients(scene).number("small") == recurrence.gains(simple, x)[20]
    assert recurrent.gradients(scene).number("large") == recurrence.gains(recurrence.simple(radius=2.0, seed=3), x)[20]
    shown = recurrent.lstm_gradients(scene)
    for name, bias in (("less", 1.0), ("more", 3.0)):
        assert shown.number(name) == recurrence.gains(recurrence.lstm(forget_bias=bias, seed=3), x)[20]


def test_gates_are_summed_up(any_scene):
    step = slow_steps(any_scene)[1]
    found = lstm.gates(any_scene)
    for k, name in enumerate(("input", "forget", "output")):
        assert found.number(name) == np.mean(step["gates"][k] > 0.5)
    for row, values in zip(found.tables[0].rows, [*step["gates"], step["c_before"], step["c"], step["h"]], strict=True):
        np.testing.assert_allclose(row[1:4], [values.mean(), values.min(), values.max()], atol=1e-5)
    np.testing.assert_allclose(found.charts[0].series[1].y, np.sort(step["gates"][1]), atol=1e-5)


def test_what_is_kept_and_written_makes_the_cell(any_scene):
    found = lstm.keep(any_scene)
    shares = []
    for step in slow_steps(any_scene):
        i, f, _, g = step["gates"]
        np.testing.assert_allclose(f * step["c_before"] + i * g, step["c"], atol=1e-9)
        kept, written = np.abs(f * step["c_before"]).mean(), np.abs(i * g).mean()
        shares.append(written / (kept + written))
    np.testing.assert_allclose(found.charts[0].series[0].y, shares, atol=1e-5)
    step = slow_steps(any_scene)[1]
    unit = int(np.abs(step["gates"][0] * step["gates"][3]).argmax())
    assert found.number("unit") == unit + 1 and found.number("share") == pytest.approx(shares[1], abs=1e-5)
    assert found.number("after") == pytest.approx(step["c"][unit], abs=1e-5)


def test_memory_is_the_product_of_forget_gates(any_scene):
    steps = slow_steps(any_scene)
    for t in range(len(steps)):
        found = lstm.memory(any_scene.at(t))
        want = [
            np.mean(np.prod([steps[j]["gates"][1] for j in range(k + 1, t + 1)] or [np.ones(6)], axis=0))
            for k in range(t + 1)
        ]
        np.testing.assert_allclose([row[1] for row in found.tables[0].rows], want, atol=1e-5)
        assert found.number("left") == pytest.approx(want[0], abs=1e-5)


def test_the_mean_holds_its_part_of_the_squares(any_scene):
    a = places(any_scene.captioner, any_scene.raw)
    mean = a.mean(0)
    rest = sum(((row - mean) ** 2).sum() for row in a)
    found = attention.bottleneck(any_scene)
    assert found.number("kept") == pytest.approx(1 - rest / (a**2).sum(), abs=1e-5)
    apart = [np.sqrt(((row - mean) ** 2).sum()) for row in a]
    np.testing.assert_allclose(found.maps[0].values.ravel(), apart, rtol=1e-4)


def test_the_softmax_screen_shows_alpha_and_what_is_read(attending):
    step, a = slow_steps(attending)[1], places(attending.captioner, attending.raw)
    found = attention.weighted_sum(attending)
    alpha = step["alpha"]
    assert found.number("most") == pytest.approx(alpha.max(), abs=1e-5)
    assert found.number("times") == pytest.approx(alpha.max() * L, abs=1e-4)
    assert found.number("spread") == pytest.approx(np.exp(entropy(alpha)), rel=1e-4)
    z, mean = alpha @ a, a.mean(0)
    assert found.number("cosine") == pytest.approx(z @ mean / np.linalg.norm(z) / np.linalg.norm(mean), abs=1e-4)
    assert found.number("shift") < 1e-6
    np.testing.assert_allclose(found.maps[0].values.ravel(), alpha, atol=1e-5)


def test_the_dot_product_screen_compares_with_a_longer_query(attending):
    step, a, p = slow_steps(attending)[1], places(attending.captioner, attending.raw), weights_of(attending.captioner)
    query, keys = p["score.W_h.weight"] @ step["h_before"], a @ p["score.W_a.weight"].T + p["score.W_a.bias"]
    scores = keys @ query / np.sqrt(len(query))
    for name, factor in (("spread", 1), ("double", 2)):
        raised = np.exp(factor * (scores - scores.max()))
        assert attention.dot_product(attending).number(name) == pytest.approx(
            np.exp(entropy(raised / raised.sum())), rel=1e-3
        )


def test_adding_h_outside_the_tanh_leaves_every_map_the_same(attending):
    steps, a, p = slow_steps(attending), places(attending.captioner, attending.raw), weights_of(attending.captioner)
    found = attention.additive(attending)
    ours = [js(x["alpha"], y["alpha"]) for x, y in pairwise(steps)]
    assert found.number("moves") == pytest.approx(np.mean(ours), abs=1e-5)
    maps = []
    for step in steps:
        outside = np.tanh(a @ p["score.W_a.weight"].T + p["score.W_a.bias"]) + np.tanh(
            p["score.W_h.weight"] @ step["h_before"]
        )
        raised = np.exp(outside @ p["score.v"])
        maps.append(raised / raised.sum())
    assert np.ptp(np.stack(maps), axis=0).max() < 1e-9 and found.number("moves_trap") < 1e-9
    assert found.number("spread") == pytest.approx(np.exp(entropy(steps[1]["alpha"])), rel=1e-4)


def test_one_step_from_score_to_context(attending):
    step, a = slow_steps(attending)[1], places(attending.captioner, attending.raw)
    e, alpha = step["e"], step["alpha"]
    found = one_step.score(attending)
    assert found.number("highest") == pytest.approx(e.max(), abs=1e-4)
    assert found.number("ratio") == pytest.approx(alpha.max() / alpha.min(), rel=1e-3)
    row, column = divmod(int(e.argmax()), COLUMNS)
    assert found.facts["best"] == f"row {row + 1}, column {column + 1}"
    assert one_step.softmax(attending).number("entropy") == pytest.approx(entropy(alpha), abs=1e-4)
    found = one_step.context(attending)
    assert found.number("length") == pytest.approx(np.linalg.norm(step["used"] @ a), rel=1e-4)
    before = (step["h_before"], step["c_before"], step["word"])
    flat = slow.one_step(attending.captioner, a, *before, np.full(L, 1 / L))["log_probs"]
    assert found.number("flat") == pytest.approx(np.exp(flat[step["chosen"]]), abs=1e-5)
    assert found.number("divergence") == pytest.approx(js(np.exp(step["log_probs"]), np.exp(flat)), abs=1e-5)
    assert found.facts["used"] == (
        "one place" if attending.captioner.attention == "hard" else "the weighted sum of all places"
    )


def test_one_step_with_its_gates_turned(attending):
    step, a = slow_steps(attending)[1], places(attending.captioner, attending.raw)
    before = (step["h_before"], step["c_before"], step["word"])

    def p(**more):
        out = slow.one_step(attending.captioner, a, *before, step["used"], **more)["log_probs"]
        return np.exp(out[step["chosen"]]), out

    found = one_step.gate(attending)
    assert found.number("beta") == pytest.approx(step["beta"], abs=1e-5)
    for name, beta in (("shut", 0.0), ("open", 1.0)):
        assert found.number(name) == pytest.approx(p(beta=beta)[0], abs=1e-5)
    curve = found.charts[0].series[0]
    np.testing.assert_allclose(curve.y, [p(beta=b)[0] for b in curve.x], atol=1e-5)
    log_probs = p(beta=0.0)[1].copy()
    log_probs[[0, 1, 3]] = -np.inf
    assert found.facts["shut_word"] == VOCABULARY.words[int(log_probs.argmax())]
    found = one_step.recurrence(attending)
    assert found.number("forgotten") == pytest.approx(p(gates={1: 0.0})[0], abs=1e-5)
    assert found.number("deaf") == pytest.approx(p(gates={0: 0.0})[0], abs=1e-5)
    assert found.number("moved") == pytest.approx(np.linalg.norm(step["h"] - step["h_before"]), abs=1e-4)


def test_the_deep_outputs_parts_add_up(any_scene):
    step = slow_steps(any_scene)[1]
    found = one_step.output(any_scene)
    best = step["log_probs"].copy()
    best[[0, 1, 3]] = -np.inf
    order = np.argsort(-best)
    rival = order[0] if order[0] != step["chosen"] else order[1]
    assert found.facts["against"] == VOCABULARY.words[rival]
    assert found.number("total") == pytest.approx(step["logits"][step["chosen"]] - step["logits"][rival], abs=1e-3)
    parts = [found.number(f"part_{name}") for name in ("word", "state", "picture", "bias")]
    assert sum(parts) == pytest.approx(found.number("total"), abs=1e-3)
    assert found.number("strongest") == int(np.argmax(parts[:3]))
    words = [word for word, _ in found.tables[0].rows]
    assert words == [VOCABULARY.words[i] for i in order[:5]]


def test_effective_places():
    assert effective(np.full(8, 1 / 8)) == pytest.approx(8) and effective(np.eye(8)[2]) == pytest.approx(1)
    assert isinstance(scene_of("none"), Scene) and ROWS * COLUMNS == L
