"""A figure before it is written: pictures, text and lines at places measured in points (1/72 inch).

One description serves every format, so a PNG, an SVG and a PDF of a figure agree. Text is set in Aileron Regular
(public domain, part of Pillow), whose widths are the same wherever the figure is opened.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from PIL import ImageFont

Anchor = Literal["start", "middle", "end"]
INK = "#1a1f24"
FAINT = "#6a737b"
PAPER = "#ffffff"
DPI = 300  # of PNG files and of the pictures inside SVG and PDF files

_LIKENESSES = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "…": "...", "×": "x"}
)


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels, uint8 (H, W, 3), filling a rectangle given by its upper left corner, in points."""

    pixels: np.ndarray
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Text:
    """One line of text; ``y`` is the baseline, ``x`` what the anchor says."""

    string: str
    x: float
    y: float
    size: float
    anchor: Anchor = "start"
    colour: str = INK


@dataclass(frozen=True)
class Line:
    """A straight line."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float = 0.8
    colour: str = INK


@dataclass(frozen=True, eq=False)
class Figure:
    """A page of marks.

    Attributes:
        width, height: in points.
        marks: drawn in this order, x to the right and y downwards.
        title: one line, the text that stands for the figure where it cannot be seen.
        recipe: how it was made (models, picture, settings), JSON-ready; written into every file.
        frames: the figures of its animation, made only when a GIF is written; None for a still figure.
    """

    width: float
    height: float
    marks: tuple[Image | Text | Line, ...]
    title: str
    recipe: dict[str, Any] = field(default_factory=dict)
    frames: Callable[[], tuple[Figure, ...]] | None = None


def pixels(points: float) -> int:
    """Points to whole pixels at print resolution, at least one."""
    return max(1, round(points * DPI / 72))


@lru_cache(maxsize=64)
def font(size: float) -> ImageFont.FreeTypeFont:
    """The figures' font at a size in pixels."""
    loaded = ImageFont.load_default(size)
    assert isinstance(loaded, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return loaded


def text_width(string: str, size: float) -> float:
    """Width of a line of text in points, unhinted, the same in every format."""
    return font(1000).getlength(fold(string)) * size / 1000


def fold(string: str) -> str:
    """Text in the characters that the font has (ASCII): accents are dropped, what is left over becomes ``?``."""
    plain = unicodedata.normalize("NFKD", string.translate(_LIKENESSES))
    kept = (c for c in plain if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in kept)
