"""Taking a box out of a picture, in what the model sees and in what is shown alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import cv2
import numpy as np

from sat.decoding.interventions import Erase
from sat.errors import UserError
from sat.images import Picture

BLUR = 0.25  # sigma of the blur, of the longer side of the box


def erase(picture: Picture, boxes: Iterable[Erase], grid: tuple[int, int]) -> Picture:
    """The picture without the boxes, one after the other.

    What is shown is repainted from what the model sees, so that inside a box both hold the same.

    Args:
        grid: rows and columns, for boxes given in cells.

    Raises:
        UserError: a box lies outside the picture.
    """
    square, display = picture.square.copy(), picture.display.copy()
    height, width = display.shape[:2]
    size = len(square)
    for box in boxes:
        rows, columns = grid if box.unit == "cells" else (size, size)
        edges = np.array([box.top / rows, box.left / columns, box.bottom / rows, box.right / columns]).clip(0, 1)
        top, left, bottom, right = edges  # in parts of the side
        inside = _pixels(top, bottom, size), _pixels(left, right, size)
        shown = _pixels(top, bottom, height), _pixels(left, right, width)
        if top == bottom or left == right:
            raise UserError("The box to erase lies outside the picture: draw it on the picture.")
        if box.fill == "mean":
            filled = np.broadcast_to(square.mean((0, 1)).round().astype(np.uint8), square.shape)
        else:
            sigma = max(BLUR * size * max(bottom - top, right - left), 1.0)
            filled = cv2.GaussianBlur(square, (0, 0), sigma)
        square[inside] = filled[inside]
        display[shown] = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)[shown]
    digest = hashlib.sha256(square.tobytes()).hexdigest()
    return Picture(display=display, square=square, digest=digest)


def _pixels(low: float, high: float, size: int) -> slice:
    """The pixels of an interval in parts of the side, at least one."""
    first = min(round(low * size), size - 1)
    return slice(first, max(round(high * size), first + 1))
