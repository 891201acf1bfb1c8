"""Coverage and its penalty against sums over the maps and the training loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.captioner import load
from sat.data import shapes
from sat.errors import UserError
from sat.images import from_array
from sat.lessons.chapters.doubly import PAIR, PICTURE, compare, covered, penalty, two_models
from sat.lessons.coverage import coverage, of_maps
from sat.lessons.scene import Scene
from sat.training.losses import doubly_stochastic
from sat.training.settings import train_config

from .slow import COLUMNS, ROWS, L, scene_of, slow_steps


def slow_coverage(scene):
    return sum(step["alpha"] for step in slow_steps(scene)).reshape(ROWS, COLUMNS)


def test_coverage_is_the_sum_of_the_maps(attending):
    found, want = attending.look(coverage), slow_coverage(attending)
    np.testing.assert_allclose(found.map, want, atol=1e-5)
    assert found.steps == len(attending.words)
    assert found.map.sum() == pytest.approx(found.steps, abs=1e-5)
    share = found.steps / L
    assert found.ignored == np.mean(want < share / 2)
    shown = covered(attending)
    assert shown.number("most") == pytest.approx(want.max(), abs=1e-5)
    assert shown.number("least") == pytest.approx(want.min(), abs=1e-5)
    assert shown.number("share") == pytest.approx(share)


def test_the_penalty_is_floor_and_unevenness(attending):
    want = slow_coverage(attending)
    found = attending.look(coverage)
    assert found.penalty == pytest.approx(np.mean((1 - want) ** 2), abs=1e-5)
    assert found.penalty == pytest.approx(found.floor + found.uneven, rel=1e-6)
    tensor = torch.tensor(want).reshape(1, 1, L)
    assert found.penalty == pytest.approx(float(doubly_stochastic(tensor, torch.tensor([[1]]))), abs=1e-5)
    assert penalty(attending).number("sum") == pytest.approx(((1 - want) ** 2).sum(), abs=1e-4)
    # No attention can do better than an even one.
    even = of_maps(np.full((found.steps, ROWS, COLUMNS), 1 / L))
    assert even.penalty == pytest.approx(found.floor) and even.uneven == pytest.approx(0) and even.ignored == 0


def test_coverage_by_hand():
    maps = np.array([[[1.0, 0.0]], [[0.5, 0.5]]])
    found = of_maps(maps, "x")
    np.testing.assert_allclose(found.map, [[1.5, 0.5]])
    assert (found.penalty, found.floor, found.uneven) == (0.25, 0.0, 0.25)


def test_two_models_reading_one_caption():
    scene, other = scene_of("soft"), scene_of("hard")
    shown = two_models(Scene(scene.captioner, scene.raw, scene.trace, 1, beside=(other.captioner,)))
    trace = other.captioner.read(scene.raw, scene.trace.words)
    second = Scene(other.captioner, scene.raw, trace, 0)
    np.testing.assert_allclose(shown.maps[0].values, slow_coverage(scene), atol=1e-5)
    np.testing.assert_allclose(shown.maps[1].values, slow_coverage(second), atol=1e-5)
    assert shown.number("evener") == int(slow_coverage(scene).var() > slow_coverage(second).var())
    mine, theirs = compare(scene, second)
    assert (mine.model, theirs.model) == ("soft-tiny", "hard-tiny")


def test_the_shipped_pair_differs_in_the_term_alone():
    plain, even = (train_config(preset) for preset in PAIR)
    same = {"name", "model", "doubly_stochastic"}
    assert plain.model_dump(exclude=same) == even.model_dump(exclude=same)
    assert plain.model.model_dump(exclude={"name"}) == even.model.model_dump(exclude={"name"})
    assert plain.doubly_stochastic == 0 < even.doubly_stochastic


def test_the_pair_is_shown_on_shapes_whatever_the_example(monkeypatch):
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)
    scene = scene_of("soft")
    shown = two_models(Scene(scene.captioner, scene.raw, scene.trace, 1, beside=tuple(load(name) for name in PAIR)))
    assert (shown.facts["first"], shown.facts["second"]) == PAIR
    picture = from_array(shapes.picture(0, "test", PICTURE)[0])
    assert all(m.picture is not None and m.picture.digest == picture.digest for m in shown.maps)
    maps = load(PAIR[0]).caption(picture).alphas
    end = shown.maps[0].values.sum() - len(maps)  # the step that ends the caption
    assert end == pytest.approx(1, abs=1e-4) and (shown.maps[0].values >= maps.sum(0) - 1e-5).all()
    assert shown.number("evener") == 1 and shown.number("first_uneven") > 5 * shown.number("second_uneven")
    assert [row[0] for row in shown.tables[1].rows] == list(PAIR)


def test_without_a_second_model_it_is_said():
    with pytest.raises(UserError, match="no second model"):
        two_models(scene_of("soft"))
    with pytest.raises(UserError, match="has no attention"):
        scene_of("none").look(coverage)
