"""Erasing a box: inside it is gone, outside nothing moves, shown and seen alike."""

from __future__ import annotations

import numpy as np
import pytest

from sat.analysis.erase import erase
from sat.decoding.interventions import edit
from sat.errors import UserError
from sat.images import from_array


@pytest.fixture
def noise():
    return from_array(np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8))


def test_mean_filling_is_exact_and_nothing_else_changes(noise):
    box = edit({"kind": "erase", "top": 2, "left": 3, "bottom": 4, "right": 7, "fill": "mean"})
    gone = erase(noise, [box], (14, 14))
    inside = np.zeros((224, 224), bool)
    inside[32:64, 48:112] = True
    mean = noise.square.reshape(-1, 3).mean(0).round().astype(np.uint8)
    np.testing.assert_array_equal(gone.square[inside], np.broadcast_to(mean, (inside.sum(), 3)))
    np.testing.assert_array_equal(gone.square[~inside], noise.square[~inside])
    changed = (gone.display != noise.display).any(-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max() + 1) == (round(300 * 2 / 14), round(300 * 4 / 14))
    assert (columns.min(), columns.max() + 1) == (round(500 * 3 / 14), round(500 * 7 / 14))
    assert gone.digest != noise.digest


def test_blurring_takes_the_detail_and_keeps_the_colour(noise):
    box = edit({"kind": "erase", "top": 32, "left": 32, "bottom": 160, "right": 160, "unit": "pixels"})
    gone = erase(noise, [box], (14, 14))
    inside = (slice(32, 160), slice(32, 160))
    assert gone.square[inside].std() < noise.square[inside].std() / 10
    assert np.abs(gone.square[inside].mean((0, 1)) - noise.square[inside].mean((0, 1))).max() < 3
    outside = np.ones((224, 224), bool)
    outside[inside] = False
    np.testing.assert_array_equal(gone.square[outside], noise.square[outside])


def test_cells_and_pixels_are_one_box(noise):
    cells = edit({"kind": "erase", "top": 1, "left": 2, "bottom": 5, "right": 14})
    pixels = edit({"kind": "erase", "top": 16, "left": 32, "bottom": 80, "right": 224, "unit": "pixels"})
    assert erase(noise, [cells], (14, 14)).digest == erase(noise, [pixels], (7, 7)).digest


def test_a_box_beyond_the_picture_is_refused_and_one_over_its_edge_is_cut(noise):
    over = edit({"kind": "erase", "top": 13, "left": 13, "bottom": 99, "right": 99, "fill": "mean"})
    changed = (erase(noise, [over], (14, 14)).square != noise.square).any(-1)
    assert not changed[:208].any() and not changed[:, :208].any() and changed[208:, 208:].mean() > 0.9
    beyond = edit({"kind": "erase", "top": 14, "left": 0, "bottom": 15, "right": 1})
    with pytest.raises(UserError, match="outside the picture"):
        erase(noise, [beyond], (14, 14))


def test_the_smallest_box_takes_a_pixel(noise):
    speck = edit({"kind": "erase", "top": 0.001, "left": 0.001, "bottom": 0.002, "right": 0.002, "fill": "mean"})
    assert (erase(noise, [speck], (14, 14)).square != noise.square).any(-1).sum() == 1
