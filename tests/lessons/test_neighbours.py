"""What a cell sees: patches by hand, neighbours by a loop."""

from __future__ import annotations

import numpy as np
import pytest

from sat.errors import UserError
from sat.lessons.chapters.grid import field, focus, grid, neighbours
from sat.lessons.neighbours import cosines, nearest, patch
from sat.models.encoder import Geometry

from .slow import COLUMNS, ROWS, places, raw_of, scene_of, slow_steps

GEOMETRY = Geometry(4, 8, 28, 56)


def test_a_patch_by_hand():
    found = patch(GEOMETRY, 1, 2)
    assert found.cell == (0.25, 0.25, 0.5, 0.375)
    # Centre at (0.375, 0.3125); 56 of 224 pixels are a quarter of the side.
    assert found.field == pytest.approx((0.25, 0.1875, 0.5, 0.4375))
    assert found.share == pytest.approx(1 / 16)


def test_a_patch_is_cut_at_the_border_and_may_be_everything():
    assert patch(GEOMETRY, 0, 0).field == pytest.approx((0, 0, 0.25, 0.1875))
    assert patch(Geometry(14, 14, 16, 1115), 7, 7).share == 1
    for wrong in ((4, 0), (0, 8), (-1, 0)):
        with pytest.raises(UserError, match="choose one of its cells"):
            patch(GEOMETRY, *wrong)


def test_the_nearest_cells_by_a_loop():
    rng = np.random.default_rng(2)
    gallery = [(name, rng.normal(size=(ROWS * COLUMNS, 5))) for name in ("one", "two")]
    asked = rng.normal(size=5)
    found = nearest(asked, gallery, COLUMNS, count=3)
    every = sorted(
        (
            (float(row @ asked / np.linalg.norm(row) / np.linalg.norm(asked)), name, i // COLUMNS, i % COLUMNS)
            for name, values in gallery
            for i, row in enumerate(values)
        ),
        reverse=True,
    )
    kept = []
    for cosine, name, row, column in every:
        if all(n != name or max(abs(r - row), abs(c - column)) > 1 for _, n, r, c in kept):
            kept.append((cosine, name, row, column))
    for one, (cosine, name, row, column) in zip(found, kept, strict=False):
        assert (one.picture, one.row, one.column) == (name, row, column)
        assert one.cosine == pytest.approx(cosine)
    assert len(found) == min(3, len(kept))


def test_cells_without_length_are_like_nothing():
    np.testing.assert_array_equal(cosines(np.zeros((3, 4)), np.ones(4)), np.zeros(3))
    np.testing.assert_allclose(cosines(np.array([[2.0, 0], [0, 3], [-1, 0]]), np.array([5.0, 0])), [1, 0, -1])
    assert nearest(np.ones(4), [], 3) == ()


def test_the_screens_show_these_numbers(any_scene):
    a = places(any_scene.captioner, any_scene.raw)
    lengths = np.sqrt((a**2).sum(1))
    shown = grid(any_scene)
    np.testing.assert_allclose(shown.maps[0].values.ravel(), lengths, rtol=1e-4)
    assert shown.number("strongest") == pytest.approx(lengths.max(), rel=1e-4)
    place = focus(any_scene)
    assert place == (slow_steps(any_scene)[1]["alpha"].argmax() if any_scene.attends else 1 * COLUMNS + 1)
    row, column = divmod(int(place), COLUMNS)
    found = neighbours(any_scene)
    cosine = (a @ a[place] / lengths / lengths[place]).reshape(ROWS, COLUMNS)
    np.testing.assert_allclose(found.maps[0].values, cosine, atol=1e-5)
    beside = [cosine[r, c] for r in range(ROWS) for c in range(COLUMNS) if abs(r - row) + abs(c - column) == 1]
    assert found.number("beside") == pytest.approx(np.mean(beside), abs=1e-5)
    assert found.number("all") == pytest.approx(cosine.mean(), abs=1e-5)


def test_a_gallery_is_searched():
    scene = scene_of("soft", gallery=(("other", raw_of(5)), ("same", scene_of("soft").raw)))
    found = neighbours(scene)
    best = found.tables[0].rows[0]
    row, column = divmod(focus(scene), COLUMNS)
    assert best[:3] == ("same", row + 1, column + 1) and best[3] == pytest.approx(1)


def test_the_field_is_the_encoders(tiny_captioners, photo):
    from sat.lessons.scene import set_scene

    scene = set_scene(tiny_captioners["soft-tiny"], photo)
    found, geometry = field(scene), scene.captioner.geometry
    assert found.number("side") == geometry.receptive_field
    want = patch(geometry, int(found.number("row")) - 1, int(found.number("column")) - 1)
    assert found.number("share") == want.share and found.number("field_top") == want.field[0]
