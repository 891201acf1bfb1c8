"""Signs that the figures' font does not have, as strokes of a pen.

A glyph is written in SVG's way in hundredths of the type size, y upwards from the baseline: ``M`` moves, ``L`` draws a
line, ``C`` a cubic curve. Small letters are 50 high, capitals 70.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_SEGMENTS = 8  # straight lines a curve


@dataclass(frozen=True, eq=False)
class Glyph:
    """A sign: its width and its strokes, points (N, 2) each, in parts of the type size, y upwards."""

    width: float
    strokes: tuple[np.ndarray, ...]


# Width, path.
_PATHS: dict[str, tuple[int, str]] = {
    "alpha": (62, "M 53 49 C 46 28 38 0 23 0 C 10 0 6 13 6 25 C 6 38 12 50 24 50 C 39 50 41 4 56 1"),
    "beta": (
        58,
        "M 10 -19 L 10 52 C 10 66 19 72 28 72 C 38 72 45 66 45 56 C 45 46 38 40 26 40 "
        "C 42 40 51 32 51 20 C 51 8 42 0 30 0 C 21 0 14 4 10 10",
    ),
    "gamma": (54, "M 3 47 C 14 53 20 44 24 30 L 30 2 C 33 -10 31 -20 26 -20 C 20 -20 21 -10 27 2 L 50 49"),
    "delta": (
        56,
        "M 46 68 C 38 73 20 73 20 62 C 20 52 50 46 50 24 C 50 10 41 0 28 0 C 15 0 6 9 6 23 C 6 38 16 48 34 46",
    ),
    "lambda": (54, "M 6 71 C 16 73 20 66 23 58 L 46 4 C 47 1 49 0 52 1 M 27 46 L 6 0"),
    "sigma": (62, "M 58 49 L 27 49 C 13 49 6 37 6 24 C 6 10 14 0 27 0 C 40 0 48 10 48 24 C 48 36 42 45 34 49"),
    "theta": (54, "M 27 72 C 12 72 6 54 6 36 C 6 17 12 0 27 0 C 42 0 48 17 48 36 C 48 54 42 72 27 72 M 7 36 L 47 36"),
    "partial": (
        56,
        "M 14 66 C 20 72 30 74 37 68 C 46 60 50 45 50 31 C 50 12 41 0 27 0 C 15 0 6 8 6 20 C 6 33 15 41 27 41 "
        "C 38 41 47 34 50 24",
    ),
    "nabla": (68, "M 6 70 L 62 70 L 34 0 L 6 70"),
    "sum": (74, "M 64 66 L 64 76 L 8 76 L 38 30 L 6 -16 L 66 -16 L 66 -5"),
    "prod": (80, "M 6 76 L 74 76 M 18 76 L 18 -16 M 62 76 L 62 -16 M 9 -16 L 27 -16 M 53 -16 L 71 -16"),
    "odot": (
        66,
        "M 33 51 C 18 51 8 40 8 26 C 8 12 18 1 33 1 C 48 1 58 12 58 26 C 58 40 48 51 33 51 "
        "M 30 26 L 36 26 M 33 23 L 33 29",
    ),
    "cdot": (30, "M 13 27 L 17 27 M 13 24 L 17 24"),
    "times": (58, "M 14 8 L 44 42 M 14 42 L 44 8"),
    "minus": (58, "M 9 25 L 49 25"),
    "approx": (
        62,
        "M 9 32 C 16 42 22 41 31 35 C 40 29 46 29 53 38 M 9 14 C 16 24 22 23 31 17 C 40 11 46 11 53 20",
    ),
    "le": (62, "M 51 52 L 10 33 L 51 14 M 10 2 L 51 2"),
    "ge": (62, "M 10 52 L 51 33 L 10 14 M 10 2 L 51 2"),
    "sim": (62, "M 9 22 C 16 34 22 33 31 26 C 40 19 46 18 53 30"),
    "propto": (66, "M 58 44 C 46 44 40 7 22 7 C 12 7 7 15 7 25 C 7 36 12 44 22 44 C 40 44 46 7 58 7"),
    "in": (60, "M 50 49 L 32 49 C 17 49 9 38 9 25 C 9 12 17 1 32 1 L 50 1 M 9 25 L 48 25"),
    "to": (84, "M 8 25 L 76 25 M 60 39 C 64 32 69 27 76 25 C 69 23 64 18 60 11"),
}


@lru_cache(maxsize=64)
def glyph(name: str) -> Glyph:
    """The sign of that name.

    Raises:
        KeyError: there is none.
    """
    width, path = _PATHS[name]
    return Glyph(width / 100, tuple(np.array(points) / 100 for points in _strokes(path)))


def names() -> tuple[str, ...]:
    """What there is."""
    return tuple(_PATHS)


def _strokes(path: str) -> list[list[tuple[float, float]]]:
    found: list[list[tuple[float, float]]] = []
    for command, body in re.findall(r"([MLC])([^MLC]*)", path):
        numbers = [float(part) for part in body.split()]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        if command == "M":
            found.append(points)
        elif command == "L":
            found[-1] += points
        else:
            found[-1] += _curve(found[-1][-1], *points)
    return found


def _curve(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> list[tuple[float, float]]:
    """Points of a cubic curve after its first."""
    t = np.linspace(0, 1, _SEGMENTS + 1)[1:, None]
    points = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * np.array(d)
    return [(float(x), float(y)) for x, y in points]
