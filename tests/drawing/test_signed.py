"""Maps with a sign over a picture: blue above 0, orange below, grey where they are 0."""

from __future__ import annotations

import numpy as np

from sat.drawing.signed import signed_overlay


def test_blue_is_above_0_and_orange_below():
    picture = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    values = np.zeros((6, 9))
    values[:3, :3], values[:3, 6:] = 1.0, -0.5
    drawn = signed_overlay(picture, values, 1.0, sigma=0.0).astype(int)
    assert drawn.shape == picture.shape
    above, below, far = drawn[12, 12], drawn[12, 78], drawn[45:, 30:60]
    assert above[2] - above[0] > 100 and below[0] - below[2] > 40
    assert (far[..., 0] == far[..., 1]).all() and (far[..., 1] == far[..., 2]).all()


def test_nothing_to_show_is_grey():
    drawn = signed_overlay(np.full((20, 30, 3), (200, 10, 10), np.uint8), np.zeros((3, 5)), 0.0, sigma=20.0)
    assert (drawn[..., 0] == drawn[..., 1]).all() and (drawn[..., 1] == drawn[..., 2]).all()
