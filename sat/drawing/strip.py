"""The paper's figures from traces: every word with its map (figure 2), and one word with its map (figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

from sat.drawing.figure import FAINT, Figure, Image, Line, Text, text_width
from sat.drawing.layout import (
    GAP,
    LABEL,
    MARGIN,
    NO_MAPS,
    PANEL,
    TILE,
    WORD,
    aspect,
    broken,
    check,
    check_step,
    fitting,
    recipe,
    shrunk,
    tiles,
    underlined,
)
from sat.drawing.overlay import View
from sat.images import Picture
from sat.trace import Trace


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
    check(picture, traces)
    tile_height = TILE / aspect(picture)
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
            marks.append(Image(shrunk(picture, TILE, tile_height), left, y + WORD + GAP, TILE, tile_height))
        if len(traces) > 1:
            marks.append(Text(trace.model, left - 2 * GAP, top + WORD, LABEL, "end", FAINT))
        first = left + TILE + GAP
        maps = tiles(picture, trace, view, TILE, tile_height)
        if maps is None:
            for words in broken([*trace.words, *f"({NO_MAPS})".split()], WORD, width - MARGIN - first):
                marks.append(Text(" ".join(words), first, y + WORD, WORD))
                y += WORD * 1.4
            y = max(y, top + WORD + 2 * GAP + (tile_height if row == 0 else 0))
            continue
        for start in range(0, len(maps), columns):
            for i, tile in enumerate(maps[start : start + columns]):
                word, x = trace.words[start + i], first + i * (TILE + GAP)
                marks.append(Text(word, x + TILE / 2, y + WORD, fitting(word, WORD, TILE), "middle"))
                marks.append(Image(tile, x, y + WORD + GAP, TILE, tile_height))
            y += WORD + GAP + tile_height + 2 * GAP
        if not maps:
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
    check(picture, [trace])
    check_step(trace, step)
    height = PANEL / aspect(picture)
    maps = tiles(picture, trace, view, PANEL, height)
    pictures = [shrunk(picture, PANEL, height)] + ([] if maps is None else [maps[step]])
    width = 2 * MARGIN + len(pictures) * (PANEL + GAP) - GAP
    marks: list[Image | Text | Line] = [
        Image(p, MARGIN + i * (PANEL + GAP), MARGIN, PANEL, height) for i, p in enumerate(pictures)
    ]
    text, y = underlined(trace.words, step, MARGIN, MARGIN + height, width - 2 * MARGIN)
    title = f"{trace.model}: {trace.caption}; the map of {trace.words[step]!r}, word {step + 1}"
    made = {**recipe("focus", picture, [trace], view), "word": step + 1}
    return Figure(width, y + MARGIN, (*marks, *text), title, made, frames=lambda: _animation(picture, [trace], view))


def _animation(picture: Picture, traces: Sequence[Trace], view: View) -> tuple[Figure, ...]:
    """One frame a word: the models side by side, each with its map and its caption so far underlined."""
    height = PANEL / aspect(picture)
    drawn = [tiles(picture, trace, view, PANEL, height) for trace in traces]
    plain = shrunk(picture, PANEL, height)
    frames = []
    for step in range(max(len(t.words) for t in traces)):
        marks: list[Image | Text | Line] = []
        bottom = 0.0
        for column, trace in enumerate(traces):
            x = MARGIN + column * (PANEL + 2 * GAP)
            at = min(step, len(trace.words) - 1)
            maps = drawn[column]
            marks.append(Image(plain if maps is None or at < 0 else maps[at], x, MARGIN, PANEL, height))
            text, y = underlined(trace.words, at, x, MARGIN + height, PANEL)
            marks += text
            bottom = max(bottom, y)
        width = 2 * MARGIN + len(traces) * (PANEL + 2 * GAP) - 2 * GAP
        frames.append(Figure(width, bottom + MARGIN, tuple(marks), f"word {step + 1}"))
    return tuple(frames)
