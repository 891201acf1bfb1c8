"""Maps in words."""

from __future__ import annotations

import numpy as np
import pytest

from sat.drawing.words import describe, first_content_word


def blob(row: float, column: float, width: float) -> np.ndarray:
    y, x = np.indices((14, 14))
    alpha = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return alpha / alpha.sum()


@pytest.mark.parametrize(
    ("row", "column", "where"),
    [
        (1, 1, "the upper left"),
        (1, 7, "the top"),
        (2, 12, "the upper right"),
        (7, 1, "the left"),
        (6.5, 6.5, "the centre"),
        (7, 12, "the right"),
        (12, 1, "the lower left"),
        (12, 7, "the bottom"),
        (12, 12, "the lower right"),
    ],
)
def test_it_says_where(row, column, where):
    assert describe(blob(row, column, 0.8)) == f"looks at {where}, concentrated"
    assert describe(blob(row, column, 2.5)) == f"looks at {where}, spread out"


def test_it_says_when_there_is_nothing_to_point_at():
    assert describe(np.full((14, 14), 1 / 196)) == "looks everywhere about equally"


def test_a_glimpse_is_one_place():
    alpha = np.zeros((14, 14))
    alpha[13, 0] = 1
    assert describe(alpha) == "looks at one place, at the lower left"


def test_first_content_word():
    assert first_content_word(["a", "brown", "dog"]) == 1
    assert first_content_word(["two", "of", "the", "dogs"]) == 3
    assert first_content_word(["a"]) == 0
    assert first_content_word([]) == 0
