"""Differences of maps: where the colours land, what they stand for, and that nothing is drawn where maps agree."""

from __future__ import annotations

import numpy as np
import pytest

from sat.drawing.difference import (
    FIRST_HUE,
    FIRST_INK,
    FULL,
    SECOND_HUE,
    SECOND_INK,
    WASH,
    colour_bar,
    difference_layer,
    greyed,
    legend,
    top_of_differences,
)
from sat.drawing.figure import Image, Text, text_width
from sat.drawing.overlay import blend, upsample
from sat.errors import UserError


def one_hot(row: int, column: int, grid: tuple[int, int] = (14, 14)) -> np.ndarray:
    alpha = np.zeros(grid, np.float32)
    alpha[row, column] = 1
    return alpha


def test_equal_maps_are_only_washed_with_white(rng):
    alpha = rng.dirichlet(np.ones(196)).reshape(14, 14)
    layer = difference_layer(alpha, alpha, 0.01)
    assert layer.shape == (224, 224, 4) and layer.dtype == np.float32
    np.testing.assert_allclose(layer, WASH, atol=1e-6)  # premultiplied white
    np.testing.assert_allclose(difference_layer(alpha, alpha, 0.0), WASH, atol=1e-6)


def test_the_ends_of_the_scale_are_the_two_hues():
    a, b = one_hot(3, 2), one_hot(10, 11)
    layer = difference_layer(a, b, 1.0, sigma=None)
    assert layer.shape == (14, 14, 4)
    np.testing.assert_allclose(layer[3, 2], [*(FULL * np.array(FIRST_HUE) / 255), FULL], atol=1e-6)
    np.testing.assert_allclose(layer[10, 11], [*(FULL * np.array(SECOND_HUE) / 255), FULL], atol=1e-6)
    np.testing.assert_allclose(layer[0, 0], WASH, atol=1e-6)
    half = difference_layer(a / 2, np.zeros((14, 14)), 1.0, sigma=None)[3, 2]
    opacity = (WASH + FULL) / 2
    np.testing.assert_allclose(half, [*(opacity * (1 + np.array(FIRST_HUE) / 255) / 2), opacity], atol=1e-6)


def test_only_the_difference_counts_and_turning_it_round_swaps_the_hues(rng):
    a, b = (rng.dirichlet(np.ones(196)).reshape(14, 14) for _ in range(2))
    np.testing.assert_allclose(difference_layer(a, b, 0.01), difference_layer(np.zeros_like(a), b - a, 0.01), atol=1e-6)
    there, back = difference_layer(a, b, 0.01), difference_layer(b, a, 0.01)
    np.testing.assert_allclose(there[..., 3], back[..., 3], atol=1e-6)
    firsts = upsample(a, (224, 224)) - upsample(b, (224, 224)) > 1e-4
    bluer = there[..., 2] > there[..., 0]
    assert bluer[firsts].all() and not (back[..., 2] > back[..., 0])[firsts].any()


def test_beyond_the_top_the_colour_stays():
    layer = difference_layer(np.zeros((14, 14)), one_hot(5, 5), 0.25, sigma=None)
    np.testing.assert_allclose(layer[5, 5, 3], FULL, atol=1e-6)
    assert (layer <= 1).all() and (layer >= 0).all()


def test_the_top_is_the_largest_smoothed_difference(rng):
    differences = [rng.normal(size=(14, 14)) for _ in range(3)]
    assert top_of_differences(differences, None) == pytest.approx(max(np.abs(d).max() for d in differences))
    smooth = max(np.abs(upsample(d, (224, 224), 20.0)).max() for d in differences)
    assert top_of_differences(differences, 20.0) == pytest.approx(smooth, rel=1e-5)
    assert top_of_differences([]) == 0


def test_the_strongest_colour_lands_on_the_cell():
    picture = np.full((150, 300, 3), (200, 120, 90), np.uint8)
    drawn = blend(greyed(picture), difference_layer(one_hot(4, 1), one_hot(9, 12), 1.0, sigma=8.0)).astype(int)
    for cell, channel in (((4, 1), 2), ((9, 12), 0)):
        colour = drawn[..., channel] - drawn[..., 2 - channel]
        row, column = np.unravel_index(int(np.argmax(colour)), colour.shape)
        assert abs(row * 14 / 150 - cell[0] - 0.5) < 1 and abs(column * 14 / 300 - cell[1] - 0.5) < 1


def test_the_colour_bar_is_symmetric_about_white():
    bar = colour_bar(201, 3).astype(int)
    assert bar.shape == (3, 201, 3) and (bar[:, 100] == 255).all()
    assert bar[0, 0, 2] > bar[0, 0, 0] and bar[0, -1, 0] > bar[0, -1, 2]
    light = bar[0] @ (0.2126, 0.7152, 0.0722)
    assert np.abs(light[:101] - light[:99:-1]).max() < 20  # the sides weigh about the same
    assert (np.diff(light[:101]) >= -1).all() and (np.diff(light[100:]) <= 1).all()


@pytest.mark.parametrize("colour", [FIRST_INK, SECOND_INK])
def test_small_print_in_the_two_colours_can_be_read(colour):
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ (0.2126, 0.7152, 0.0722) + 0.05) >= 4.5  # WCAG's ratio for text, on white


@pytest.mark.parametrize("names", [("soft", "hard"), ("a model with a very long name indeed", "b")])
def test_the_legend_keeps_to_its_width(names):
    marks, end = legend(names, 2.34, 8.0, 100.0, 120.0)
    texts = [mark for mark in marks if isinstance(mark, Text)]
    assert [t.string for t in texts if "uniform" in t.string] == ["2.3 x uniform"] * 2
    left, right = texts[:2]
    assert left.x == 8 and right.x == 128 and right.anchor == "end"
    assert text_width(left.string, left.size) + text_width(right.string, right.size) < 120
    (bar,) = [mark for mark in marks if isinstance(mark, Image)]
    assert left.y < bar.y and bar.y + bar.height < end


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((14, 14)), np.zeros((7, 7))),
        (np.zeros((2, 14, 14)), np.zeros((2, 14, 14))),
        (np.zeros((0, 0)), np.zeros((0, 0))),
        (np.zeros((2, 2)), np.full((2, 2), np.nan)),
    ],
)
def test_maps_that_cannot_be_compared_are_refused(a, b):
    with pytest.raises(UserError, match="same grid"):
        difference_layer(a, b, 1.0)
