"""What went wrong, at a glance (figure 5): pictures beside the map of the word that gives the mistake away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sat.drawing.figure import FAINT, Figure, Image, Text
from sat.drawing.layout import GAP, MARGIN, Mark, aspect, check, check_step, fitting, recipe, shrunk, tiles, underlined
from sat.drawing.overlay import View
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace

WIDTH, HEIGHT = 132.0, 99.0  # points; what a picture and its map are fitted into
ALONE = 176.0  # points; room for a caption below a picture that has no map beside it
BETWEEN = 18.0  # points between two mistakes
WORDS, NOTE = 9.5, 7.0  # sizes of type in points


@dataclass(frozen=True, eq=False)
class Mistake:
    """A caption that went wrong.

    Attributes:
        picture, trace: what was captioned, and how.
        step: the word to underline, from 0.
        name: of the picture, as the data set has it.
        cider: of the caption, times 100.
    """

    picture: Picture
    trace: Trace
    step: int
    name: str
    cider: float


def montage(mistakes: Sequence[Mistake], view: View | None = None, *, columns: int | None = None) -> Figure:
    """Each picture beside the map of one word, and under both the caption with that word underlined.

    Pictures keep their shapes; those of a row stand on one line. Without attention there is the picture alone.

    Args:
        mistakes: in rows from the upper left.
        view: how the maps are drawn, on a scale of each caption's own.
        columns: mistakes a row; None means two, or three where no model has maps.

    Raises:
        UserError: there is nothing to draw, a caption lacks its word, or a trace is of another picture.
    """
    view = view or View()
    if not mistakes:
        raise UserError("There is no mistake to draw: name at least one picture.")
    for mistake in mistakes:
        check(mistake.picture, [mistake.trace])
        check_step(mistake.trace, mistake.step)
    mapped = any(mistake.trace.attention != "none" for mistake in mistakes)
    columns = min(columns or (2 if mapped else 3), len(mistakes))
    cell = 2 * WIDTH + GAP if mapped else ALONE
    marks: list[Mark] = []
    y = MARGIN
    for first in range(0, len(mistakes), columns):
        row = mistakes[first : first + columns]
        base = y + max(_size(mistake)[1] for mistake in row)
        for i, mistake in enumerate(row):
            drawn, end = _cell(mistake, view, MARGIN + i * (cell + BETWEEN), base, cell)
            marks += drawn
            y = max(y, end)
        y += BETWEEN
    width = 2 * MARGIN + columns * (cell + BETWEEN) - BETWEEN
    said = "; ".join(f"{m.trace.caption} ({m.trace.words[m.step]!r} in {m.name})" for m in mistakes)
    models = ", ".join(dict.fromkeys(mistake.trace.model for mistake in mistakes))
    return Figure(
        width,
        y - BETWEEN + MARGIN,
        tuple(marks),
        f"Mistakes of {models}, each with the map of one word: {said}",
        {"figure": "mistakes", "view": asdict(view), "mistakes": [_made(mistake, view) for mistake in mistakes]},
    )


def _cell(mistake: Mistake, view: View, x: float, base: float, width: float) -> tuple[list[Mark], float]:
    """One mistake, its pictures standing on ``base``, and where it ends; all in points."""
    wide, high = _size(mistake)
    maps = tiles(mistake.picture, mistake.trace, view, wide, high)
    shown = [shrunk(mistake.picture, wide, high), *([] if maps is None else [maps[mistake.step]])]
    left = x + (width - len(shown) * (wide + GAP) + GAP) / 2
    marks: list[Mark] = [
        Image(pixels, left + i * (wide + GAP), base - high, wide, high) for i, pixels in enumerate(shown)
    ]
    text, y = underlined(mistake.trace.words, mistake.step, x, base, width, WORDS)
    note = f"{mistake.name}, CIDEr {mistake.cider:.1f}"
    y += NOTE + GAP / 2
    marks += [*text, Text(note, x + width / 2, y, fitting(note, NOTE, width), "middle", FAINT)]
    return marks, y


def _size(mistake: Mistake) -> tuple[float, float]:
    """Width and height of the picture, in points, as large as fits."""
    shape = aspect(mistake.picture)
    width = min(WIDTH, HEIGHT * shape)
    return width, width / shape


def _made(mistake: Mistake, view: View) -> dict[str, object]:
    """What somebody needs to make this part of the figure again."""
    made = recipe("mistake", mistake.picture, [mistake.trace], view)
    return {
        "picture": mistake.name,
        "picture_sha256": made["picture_sha256"],
        **made["models"][0],
        "word": mistake.step + 1,
        "cider": round(mistake.cider, 4),
    }
