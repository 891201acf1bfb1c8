"""What one annotation sees: its patch of the picture, and the cells of other pictures that are most like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sat.errors import UserError
from sat.models.encoder import Geometry


@dataclass(frozen=True)
class Patch:
    """Where a cell lies on the square picture, edges in fractions of the side; both may be cut by the border.

    Attributes:
        cell: the square of the grid itself, as (top, left, bottom, right).
        field: the square of pixels that can influence it.
        share: of the picture inside the field.
    """

    cell: tuple[float, float, float, float]
    field: tuple[float, float, float, float]
    share: float


@dataclass(frozen=True)
class Neighbour:
    """A cell of a picture that is like the one asked about; ``cosine`` of the angle between the annotations."""

    picture: str
    row: int
    column: int
    cosine: float


def patch(geometry: Geometry, row: int, column: int, side: int = 224) -> Patch:
    """The patch of a cell.

    Args:
        side: of the square picture in pixels, that the geometry was measured at.

    Raises:
        UserError: there is no such cell.
    """
    if not (0 <= row < geometry.rows and 0 <= column < geometry.columns):
        raise UserError(f"The grid has {geometry.rows} rows and {geometry.columns} columns: choose one of its cells.")
    height, width = 1 / geometry.rows, 1 / geometry.columns
    half = geometry.receptive_field / side / 2
    y, x = (row + 0.5) * height, (column + 0.5) * width
    field = (max(y - half, 0.0), max(x - half, 0.0), min(y + half, 1.0), min(x + half, 1.0))
    return Patch(
        cell=(row * height, column * width, (row + 1) * height, (column + 1) * width),
        field=field,
        share=(field[2] - field[0]) * (field[3] - field[1]),
    )


def cosines(values: np.ndarray, annotation: np.ndarray) -> np.ndarray:
    """Cosines (L,) of annotations (L, D) with one of them (D,); 0 where one has no length."""
    lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(annotation)
    return np.where(lengths > 0, values @ annotation / np.where(lengths > 0, lengths, 1.0), 0.0)


def nearest(
    annotation: np.ndarray, gallery: Sequence[tuple[str, np.ndarray]], columns: int, count: int = 8
) -> tuple[Neighbour, ...]:
    """The cells that are most like one annotation, at most one a picture and its neighbourhood of 3 x 3.

    Args:
        annotation: standardised, (D,); the training split's mean is then 0, and a cosine above 0 means that both
            differ from the usual in the same way.
        gallery: names of pictures and their standardised annotations (L, D), rows of the grid first.
        columns: of the grid.
    """
    found = [
        Neighbour(name, i // columns, i % columns, float(c))
        for name, values in gallery
        for i, c in enumerate(cosines(values, annotation))
    ]
    found.sort(key=lambda n: -n.cosine)
    kept: list[Neighbour] = []
    for n in found:
        if len(kept) == count:
            break
        if not any(n.picture == k.picture and abs(n.row - k.row) < 2 and abs(n.column - k.column) < 2 for k in kept):
            kept.append(n)
    return tuple(kept)
