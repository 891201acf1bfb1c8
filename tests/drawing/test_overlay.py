"""Maps drawn over pictures: where they land, what they sum to, and that they are the authors' own."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.transform import pyramid_expand

from sat.drawing.overlay import (
    CONTOUR_LEVELS,
    SCALES,
    STYLES,
    View,
    expansion,
    heat_colours,
    layers,
    levels,
    overlay,
    top_of_scale,
    upsample,
)
from sat.errors import UserError

SHAPES = [(224, 224), (300, 400), (640, 360), (97, 1024), (14, 14), (1, 1), (500, 3)]


def one_hot(row: int, column: int, rows: int = 14, columns: int = 14) -> np.ndarray:
    alpha = np.zeros((rows, columns), np.float32)
    alpha[row, column] = 1
    return alpha


@pytest.mark.parametrize("shape", SHAPES[:4])
@pytest.mark.parametrize("cell", [(0, 0), (13, 13), (0, 13), (3, 9), (7, 2)])
@pytest.mark.parametrize("sigma", [0.0, 8.0])
def test_the_brightest_pixel_lies_in_the_attended_cell(shape, cell, sigma):
    row, column = np.unravel_index(np.argmax(upsample(one_hot(*cell), shape, sigma)), shape)
    assert (row * 14 // shape[0], column * 14 // shape[1]) == cell


@pytest.mark.parametrize("style", ["paper", "heat", "cells"])
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_every_style_is_brightest_where_the_model_looks(style, shape):
    grey = np.full((*shape, 3), 90, np.uint8)
    drawn = overlay(grey, one_hot(4, 10)[None], 0, View(style=style, sigma=8.0)).astype(float).sum(axis=2)
    row, column = np.unravel_index(np.argmax(drawn), shape)
    assert (int((row + 0.5) * 14 / shape[0]), int((column + 0.5) * 14 / shape[1])) == (4, 10)


@pytest.mark.parametrize("grid", [(14, 14), (7, 7), (14, 7), (28, 28)])
def test_a_constant_map_stays_constant(grid):
    flat = np.full(grid, 1 / (grid[0] * grid[1]), np.float32)
    np.testing.assert_allclose(upsample(flat, (120, 200)), flat[0, 0], rtol=1e-5)


def test_every_pixel_is_an_average_of_cells():
    for sigma in (0.0, 5.0, 20.0, 60.0):
        matrix = expansion(14, 224, sigma)
        assert matrix.min() >= 0
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)


def test_it_equals_the_notebooks_pyramid_expand(rng):
    for _ in range(5):
        alpha = rng.dirichlet(np.full(196, 0.05)).reshape(14, 14)
        theirs = pyramid_expand(alpha, upscale=16, sigma=20)
        ours = upsample(alpha, (224, 224), sigma=20)
        error = np.mean((ours - theirs) ** 2)
        assert 10 * np.log10(theirs.max() ** 2 / error) >= 40  # dB; in truth the same to single precision
        np.testing.assert_allclose(ours, theirs, atol=1e-6 * theirs.max())


def test_the_shared_scale_keeps_a_flat_map_flat_and_dim():
    alphas = np.stack([np.full((14, 14), 1 / 196), one_hot(6, 6)])
    shared, own = levels(alphas, View(scale="shared")), levels(alphas, View(scale="own"))
    assert shared[1].max() == 1 and shared[0].max() < 0.2
    assert np.ptp(shared[0]) < 1e-6
    assert own[1].max() == 1 and own[1].min() == 0
    assert top_of_scale(alphas, View(style="cells")) == pytest.approx(196)


def test_every_style_and_scale_draws_every_shape(rng):
    alphas = rng.dirichlet(np.full(196, 0.1), size=2).reshape(2, 14, 14)
    for style in STYLES:
        for scale in SCALES:
            for shape in SHAPES:
                picture = np.full((*shape, 3), 128, np.uint8)
                drawn = overlay(picture, alphas, 1, View(style=style, scale=scale))
                assert drawn.shape == picture.shape and drawn.dtype == np.uint8


def test_strength_nought_leaves_the_picture_alone(rng):
    picture = rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    alphas = rng.dirichlet(np.full(196, 0.1), size=1).reshape(1, 14, 14)
    for style in STYLES:
        np.testing.assert_array_equal(overlay(picture, alphas, 0, View(style=style, strength=0.0)), picture)


def test_the_paper_overlay_is_white_times_the_map(rng):
    picture = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    alphas = rng.dirichlet(np.full(196, 0.1), size=3).reshape(3, 14, 14)
    m = levels(alphas, View())[2][..., None]
    expected = 0.2 * picture + 0.8 * 255 * m
    assert np.abs(overlay(picture, alphas, 2, View(strength=0.8)) - expected).max() <= 1


def test_contours_follow_the_levels():
    """Along the middle row of a ramp the lines stand where the ramp passes a quarter, half and three quarters."""
    ramp = np.tile(np.linspace(0, 1, 14), (14, 1))[None]
    view = View(style="contour", sigma=0.0, strength=1.0)
    row = layers(ramp, view)[0, 224, :, 0]
    value = levels(ramp, view)[0, 224]
    lines = [float(value[i]) for i in range(1, len(row) - 1) if row[i] == row[max(0, i - 6) : i + 7].max() > 0.9]
    assert all(min(abs(v - c) for c in CONTOUR_LEVELS) < 0.01 for v in lines)
    assert {min(CONTOUR_LEVELS, key=lambda c: abs(c - v)) for v in lines} == set(CONTOUR_LEVELS)
    assert layers(np.full((1, 14, 14), 1 / 196), view).max() == 0  # no line on a plateau


def test_heat_colours_rise_in_lightness():
    light = heat_colours().astype(float) @ (0.2126, 0.7152, 0.0722)
    assert heat_colours().shape == (256, 3)
    assert (np.diff(light) > -1).all() and light[-1] - light[0] > 200


@pytest.mark.parametrize(
    "wrong", [{"style": "neon"}, {"scale": "log"}, {"sigma": -1.0}, {"strength": 2.0}, {"show": "all"}]
)
def test_a_wrong_view_is_refused(wrong):
    with pytest.raises(UserError):
        View(**wrong)


@pytest.mark.parametrize("wrong", [np.zeros((0, 14, 14)), np.zeros((14, 14)), np.full((1, 14, 14), np.nan)])
def test_wrong_maps_are_refused(wrong):
    with pytest.raises(UserError):
        levels(wrong, View())
