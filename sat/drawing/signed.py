"""Maps with a sign, such as what speaks for and against a word: blue above 0, orange below."""

from __future__ import annotations

import numpy as np

from sat.drawing.difference import difference_layer, greyed
from sat.drawing.overlay import blend


def signed_overlay(picture: np.ndarray, values: np.ndarray, top: float, sigma: float) -> np.ndarray:
    """The picture, uint8 (H, W, 3), in grey, with a signed map (rows, columns) over it.

    Args:
        top: the absolute value that has the full colour.
        sigma: of the Gaussian, in pixels at 224.
    """
    return blend(greyed(picture), difference_layer(values, np.zeros_like(values), top, sigma))
