"""The paper's figures from traces: every word with its map (figure 2), and one word with its map (figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import cv2
import numpy as np

from sat.drawing.figure import FAINT, Figure, Image, Line, Text, pixels, text_width
from sat.drawing.overlay import View, blend, layers, maps_of
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace

TILE = 72.0  # points; width of a map in the strip
PANEL = 200.0  # points; width of a picture in the figure of one word
GAP, MARGIN = 4.0, 8.0
WORD, LABEL, CAPTION = 9.0, 8.0, 12.0  # sizes of type in points
NO_MAPS = "no attention: it sees the whole picture once, before the first word"


def strip(picture: Picture, traces: Sequence[Trace], view: View | None = None, *, columns: int = 10) -> Figure:
    """Every word with its map, one block of rows a model (figure 2).

    Args:
        picture: what all of them captioned; it stands in front of the first row.
        traces: from top to bottom; soft over hard as in the paper, if you like.
        view: how the maps are drawn, on a scale of each caption's own.
        columns: maps a row; longer captions go on below.

    Raises:
        UserError: there is nothing to draw, or a trace is of another picture.
    """
    view = view or View()
    _check(picture, traces)
    tile_height = TILE / _aspect(picture)
    gutter = max(text_width(t.model, LABEL) for t in traces) + 2 * GAP if len(traces) > 1 else 0.0
    longest = max((len(t.words) for t in traces if t.attention != "none"), default=6)
    columns = -(-longest // -(-longest // columns))  # rows of about the same length
    across = columns + 1  # the picture itself comes first
    left = MARGIN + gutter
    width = left + across * (TILE + GAP) - GAP + MARGIN
    marks: list[Image | Text | Line] = []
    y = MARGIN
    for row, trace in enumerate(traces):
        top = y
        if row == 0:
            marks.append(Image(_shrunk(picture, TILE, tile_height), left, y + WORD + GAP, TILE, tile_height))
        if len(traces) > 1:
            marks.append(Text(trace.model, left - 2 * GAP, top + WORD, LABEL, "end", FAINT))
        first = left + TILE + GAP
        tiles = _tiles(picture, trace, view, TILE, tile_height)
        if tiles is None:
            for words in _lines([*trace.words, *f"({NO_MAPS})".split()], WORD, width - MARGIN - first):
                marks.append(Text(" ".join(words), first, y + WORD, WORD))
                y += WORD * 1.4
            y = max(y, top + WORD + 2 * GAP + (tile_height if row == 0 else 0))
            continue
        for start in range(0, len(tiles), columns):
            for i, (word, tile) in enumerate(tiles[start : start + columns]):
                x = first + i * (TILE + GAP)
                size = min(WORD, WORD * TILE / max(text_width(word, WORD), 1e-6))
                marks.append(Text(word, x + TILE / 2, y + WORD, size, "middle"))
                marks.append(Image(tile, x, y + WORD + GAP, TILE, tile_height))
            y += WORD + GAP + tile_height + 2 * GAP
        if not tiles:
            y += WORD + GAP + tile_height + 2 * GAP
    title = "Where the model looked for every word: " + "; ".join(f"{t.model}: {t.caption}" for t in traces)
    return Figure(
        width,
        y - 2 * GAP + MARGIN,
        tuple(marks),
        title,
        recipe("strip", picture, traces, view),
        frames=lambda: _animation(picture, traces, view),
    )


def focus(picture: Picture, trace: Trace, step: int, view: View | None = None) -> Figure:
    """The picture, the map of one word beside it, and the caption with that word underlined (figure 3).

    Args:
        step: which word, from 0.

    Raises:
        UserError: there is no such word, or the trace is of another picture.
    """
    view = view or View()
    _check(picture, [trace])
    _check_step(trace, step)
    height = PANEL / _aspect(picture)
    tiles = _tiles(picture, trace, view, PANEL, height)
    pictures = [_shrunk(picture, PANEL, height)] + ([] if tiles is None else [tiles[step][1]])
    width = 2 * MARGIN + len(pictures) * (PANEL + GAP) - GAP
    marks: list[Image | Text | Line] = [
        Image(p, MARGIN + i * (PANEL + GAP), MARGIN, PANEL, height) for i, p in enumerate(pictures)
    ]
    text, y = _caption(trace, step, MARGIN, MARGIN + height, width - 2 * MARGIN)
    title = f"{trace.model}: {trace.caption}; the map of {trace.words[step]!r}, word {step + 1}"
    made = {**recipe("focus", picture, [trace], view), "word": step + 1}
    return Figure(width, y + MARGIN, (*marks, *text), title, made, frames=lambda: _animation(picture, [trace], view))


def recipe(kind: str, picture: Picture, traces: Sequence[Trace], view: View) -> dict[str, object]:
    """What somebody needs to make the figure again."""
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


def _animation(picture: Picture, traces: Sequence[Trace], view: View) -> tuple[Figure, ...]:
    """One frame a word: the models side by side, each with its map and its caption so far underlined."""
    height = PANEL / _aspect(picture)
    tiles = [_tiles(picture, trace, view, PANEL, height) for trace in traces]
    plain = _shrunk(picture, PANEL, height)
    frames = []
    for step in range(max(len(t.words) for t in traces)):
        marks: list[Image | Text | Line] = []
        bottom = 0.0
        for column, trace in enumerate(traces):
            x = MARGIN + column * (PANEL + 2 * GAP)
            at = min(step, len(trace.words) - 1)
            maps = tiles[column]
            marks.append(Image(plain if maps is None or at < 0 else maps[at][1], x, MARGIN, PANEL, height))
            text, y = _caption(trace, at, x, MARGIN + height, PANEL)
            marks += text
            bottom = max(bottom, y)
        width = 2 * MARGIN + len(traces) * (PANEL + 2 * GAP) - 2 * GAP
        frames.append(Figure(width, bottom + MARGIN, tuple(marks), f"word {step + 1}"))
    return tuple(frames)


def _caption(trace: Trace, step: int, x: float, y: float, width: float) -> tuple[list[Text | Line], float]:
    """The caption in centred lines below ``y``, one word underlined, and where it ends."""
    marks: list[Text | Line] = []
    first = 0  # index of the line's first word
    for words in _lines(trace.words, CAPTION, width):
        y += CAPTION * 1.4
        line = " ".join(words)
        marks.append(Text(line, x + width / 2, y, CAPTION, "middle"))
        if first <= step < first + len(words):
            before = " ".join([*words[: step - first], ""])
            start = x + (width - text_width(line, CAPTION)) / 2 + text_width(before, CAPTION)
            end = start + text_width(words[step - first], CAPTION)
            marks.append(Line(start, y + 2.2, end, y + 2.2, 1.0))
        first += len(words)
    return marks, y + 3


def _lines(words: Sequence[str], size: float, width: float) -> list[list[str]]:
    """Words broken into lines that fit."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and text_width(" ".join([*lines[-1], word]), size) > width:
            lines.append([])
        lines[-1].append(word)
    return lines


def _tiles(
    picture: Picture, trace: Trace, view: View, width: float, height: float
) -> list[tuple[str, np.ndarray]] | None:
    """Every word with the picture under its map at print resolution; None without attention."""
    if trace.attention == "none":
        return None
    maps = maps_of(trace, view)
    if maps is None:
        return []
    small = _shrunk(picture, width, height)
    nearest = view.style == "cells"
    return [(w, blend(small, layer, nearest=nearest)) for w, layer in zip(trace.words, layers(maps, view), strict=True)]


def _shrunk(picture: Picture, width: float, height: float) -> np.ndarray:
    """The picture at print resolution for a rectangle in points, never enlarged beyond need."""
    size = (pixels(width), pixels(height))
    shrinks = size[0] < picture.display.shape[1]
    return cv2.resize(picture.display, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _aspect(picture: Picture) -> float:
    """Width over height, within what a figure can show: a picture of one line is drawn five times as wide as high."""
    return float(np.clip(picture.aspect, 0.2, 5.0))


def _check(picture: Picture, traces: Sequence[Trace]) -> None:
    if not traces or not any(t.steps for t in traces):
        raise UserError("There is no word to draw: caption the picture first.")
    for trace in traces:
        if trace.picture != picture.digest:
            raise UserError(f"The trace of {trace.model} is of another picture: caption this one again.")


def _check_step(trace: Trace, step: int) -> None:
    if not 0 <= step < len(trace.words):
        raise UserError(f"The caption has {len(trace.words)} words: choose one from 1 to {len(trace.words)}.")
