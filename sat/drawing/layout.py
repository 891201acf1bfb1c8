"""What the figures share: sizes, the picture and its maps at print resolution, captions with a word underlined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from sat.drawing.figure import INK, PAPER, Image, Line, Text, pixels, text_width
from sat.drawing.overlay import View, blend, layers, maps_of
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace

Mark = Image | Text | Line
TILE = 72.0  # points; width of a map where every word has one
PANEL = 200.0  # points; width of a picture in the figure of one word
GAP, MARGIN = 4.0, 8.0
WORD, LABEL, CAPTION = 9.0, 8.0, 12.0  # sizes of type in points
NO_MAPS = "no attention: it sees the whole picture once, before the first word"


def aspect(picture: Picture) -> float:
    """Width over height, within what a figure can show: a picture of one line is drawn five times as wide as high."""
    return float(np.clip(picture.aspect, 0.2, 5.0))


def shrunk(picture: Picture, width: float, height: float) -> np.ndarray:
    """The picture at print resolution for a rectangle in points, never enlarged beyond need; uint8 (H, W, 3)."""
    size = (pixels(width), pixels(height))
    shrinks = size[0] < picture.display.shape[1]
    return cv2.resize(picture.display, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def tiles(picture: Picture, trace: Trace, view: View, width: float, height: float) -> list[np.ndarray] | None:
    """For every word the picture under its map, for a rectangle in points, uint8 (H, W, 3); None without attention."""
    if trace.attention == "none":
        return None
    maps = maps_of(trace, view)
    if maps is None:
        return []
    small = shrunk(picture, width, height)
    return [blend(small, layer, nearest=view.style == "cells") for layer in layers(maps, view)]


def broken(words: Sequence[str], size: float, width: float) -> list[list[str]]:
    """Words broken into lines that fit, all in points; a word that is wider stands alone."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and text_width(" ".join([*lines[-1], word]), size) > width:
            lines.append([])
        lines[-1].append(word)
    return lines


def balanced(words: Sequence[str], size: float, width: float) -> list[list[str]]:
    """Words broken into as few lines as fit, of about the same length: no word is left alone on the last."""
    lines = broken(words, size, width)
    longest = max(text_width(" ".join(line), size) for line in lines)
    low, high = 0.0, min(width, longest)
    while len(lines) > 1 and high - low > 1:
        middle = (low + high) / 2
        if len(broken(words, size, middle)) > len(lines):
            low = middle
        else:
            high = middle
    return broken(words, size, high)


def fitting(string: str, size: float, width: float) -> float:
    """The size of type, at most ``size``, at which a line is no wider than ``width``; all in points."""
    return min(size, size * width / max(text_width(string, size), 1e-6))


def underlined(
    words: Sequence[str], step: int | None, x: float, y: float, width: float, size: float = CAPTION
) -> tuple[list[Text | Line], float]:
    """The caption in centred lines below ``y``, one word (or none) underlined, and where it ends."""
    marks: list[Text | Line] = []
    first = 0  # index of the line's first word
    for part in balanced(words, size, width):
        y += size * 1.4
        line = " ".join(part)
        shown = fitting(line, size, width)  # smaller only where a single word is too wide
        marks.append(Text(line, x + width / 2, y, shown, "middle"))
        if step is not None and first <= step < first + len(part):
            before = " ".join([*part[: step - first], ""])
            start = x + (width - text_width(line, shown)) / 2 + text_width(before, shown)
            end = start + text_width(part[step - first], shown)
            marks.append(Line(start, y + 2.2, end, y + 2.2, 1.0))
        first += len(part)
    return marks, y + 3


def outline(x: float, y: float, width: float, height: float) -> list[Line]:
    """A rectangle of lines, dark on a white surround: seen on bright places and on dark ones."""
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y))
    return [
        Line(*start, *end, thick, colour)
        for colour, thick in ((PAPER, 1.5), (INK, 0.6))
        for start, end in pairwise(corners)
    ]


def recipe(kind: str, picture: Picture, traces: Sequence[Trace], view: View) -> dict[str, Any]:
    """What somebody needs to make the figure again, JSON-ready."""
    return {
        "figure": kind,
        "picture_sha256": picture.digest,
        "view": asdict(view),
        "models": [
            {
                "model": t.model,
                "attention": t.attention,
                "context": t.context,
                "decoding": t.decoding,
                "caption": t.caption,
            }
            for t in traces
        ],
    }


def check(picture: Picture, traces: Sequence[Trace]) -> None:
    """Refuse what cannot be drawn: no word at all, or a trace of another picture."""
    if not traces or not any(t.steps for t in traces):
        raise UserError("There is no word to draw: caption the picture first.")
    for trace in traces:
        if trace.picture != picture.digest:
            raise UserError(f"The trace of {trace.model} is of another picture: caption this one again.")


def check_step(trace: Trace, step: int) -> None:
    """Refuse a word that the caption does not have."""
    if not 0 <= step < len(trace.words):
        raise UserError(f"The caption has {len(trace.words)} words: choose one from 1 to {len(trace.words)}.")
