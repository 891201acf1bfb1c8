"""A chapter on one sheet of paper: texts, formulas, maps and questions, numbers and answers below the fold.

The sheet is A4. What does not fit is set smaller, down to a size that can still be read; beyond that the sheet grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from sat.drawing.difference import FIRST_HUE, SECOND_HUE
from sat.drawing.export import figure_bytes
from sat.drawing.figure import FAINT, INK, Figure, Image, Line, Text, fold, pixels, text_width
from sat.drawing.overlay import View, blend, heat_colours, layers, maps_of
from sat.lessons.chapter import Chapter
from sat.lessons.engine import Filled, fill_chapter
from sat.lessons.numbers import Map
from sat.lessons.scene import Scene
from sat.lessons.typeset.layout import typeset
from sat.lessons.typeset.linear import linear

WIDTH, HEIGHT = 595.28, 841.89  # A4 in points
MARGIN = 40.0
SIZES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)  # of the type, tried in turn
TITLE, HEAD, BODY, SMALL = 17.0, 10.5, 8.4, 7.0  # points
PICTURE, MAP = 118.0, 62.0  # points; widths
_LETTERS = "ABCDEFGH"
_VALUES = 8  # of a screen, at most
_ABOVE, _BELOW = np.array(FIRST_HUE), np.array(SECOND_HUE)  # 0: the colours of the page, blue and orange


def handout(chapter: Chapter, scene: Scene) -> bytes:
    """The sheet as a PDF file. Computes every screen, the slow ones too."""
    return figure_bytes(sheet(chapter, scene), ".pdf")


def sheet(chapter: Chapter, scene: Scene) -> Figure:
    """The sheet as a figure, which can be written in other formats too."""
    filled = fill_chapter(chapter, scene)
    laid = None
    for size in SIZES:
        laid = _Sheet(chapter, scene, filled, size)
        if laid.y <= HEIGHT - MARGIN:
            break
    assert laid is not None
    return Figure(
        WIDTH,
        max(HEIGHT, laid.y + MARGIN),
        tuple(laid.marks),
        f"{chapter.title}: {chapter.purpose}",
        {
            "handout": chapter.slug,
            "model": scene.captioner.name,
            "picture_sha256": scene.trace.picture,
            "caption": scene.trace.caption,
            "step": scene.step + 1,
            "formulas": [linear(f.screen.formula) for f in filled],
        },
    )


@dataclass
class _Sheet:
    """The page as it is laid out from top to bottom; ``y`` is where it has come to."""

    chapter: Chapter
    scene: Scene
    filled: Sequence[Filled]
    size: float
    y: float = MARGIN
    marks: list[Image | Text | Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._head()
        for number, screen in enumerate(self.filled, start=1):
            self._screen(number, screen)
        self._answers()

    def _head(self) -> None:
        top = self.y
        width = WIDTH - 2 * MARGIN
        bottom = top
        if self.scene.picture is not None:
            tile = _picture(self.scene, PICTURE)
            height = min(PICTURE * tile.shape[0] / tile.shape[1], PICTURE)
            across = height * tile.shape[1] / tile.shape[0]
            self.marks.append(Image(tile, WIDTH - MARGIN - across, top, across, height))
            bottom, width = top + height, width - across - 14
        self.y += TITLE
        self.marks.append(Text(self.chapter.title, MARGIN, self.y, TITLE))
        self.y += 4
        self._text(self.chapter.purpose, BODY + 1, width)
        self.y += 4
        self._text(f"Model: {self.scene.captioner.name}", SMALL + 0.5, width, FAINT)
        words = [f"[{w}]" if t == self.scene.step else w for t, w in enumerate(self.scene.words)]
        self._text(f"Caption, the word that is looked at in brackets: {' '.join(words)}", SMALL + 0.5, width, FAINT)
        self.y = max(self.y, bottom) + 4

    def _screen(self, number: int, filled: Filled) -> None:
        self.y += 6 * self.size
        self.marks.append(Line(MARGIN, self.y, WIDTH - MARGIN, self.y, 0.4, FAINT))
        screen, found = filled.screen, filled.numbers
        top = self.y + 6 * self.size
        self.y = top
        maps = found.maps[:2] if found is not None else ()
        width = WIDTH - 2 * MARGIN - len(maps) * (MAP * self.size + 10)
        lowest = max([self._map(m, i, top) for i, m in enumerate(reversed(maps))], default=top)
        self._text(f"{number}. {screen.title}", HEAD * self.size, width)
        for paragraph in screen.text.split("\n\n"):
            self._text(paragraph.replace("*", ""), BODY * self.size, width)
        self._formula(screen.formula, (BODY + 2) * self.size, width, INK)
        if found is None:
            self._text(filled.missing, BODY * self.size, width, FAINT)
        if filled.question is not None:
            self._text(f"Predict: {filled.question.prompt}", BODY * self.size, width)
            self._options(filled.question.options, width)
        known = f"How do we know? {screen.known.code}, {screen.known.test}"
        self._text(known, SMALL * self.size * 0.9, width, FAINT)
        self.y = max(self.y, lowest)

    def _answers(self) -> None:
        """Numbers and answers together, below a line to fold at: the numbers give the answers away."""
        self.y += 7 * self.size
        self.marks.append(Line(MARGIN, self.y, WIDTH - MARGIN, self.y, 0.8))
        width = WIDTH - 2 * MARGIN
        self._text("Fold here. Below: the answers and the numbers.", SMALL * self.size, width, FAINT)
        for number, filled in enumerate(self.filled, start=1):
            found, question = filled.numbers, filled.question
            if found is None:
                continue
            shown = "; ".join(f"{value.label}: {value.text}" for value in found.shown[:_VALUES])
            answer = "" if question is None else f" {_LETTERS[question.answer]}. {question.reveal}"
            self.y += 3 * self.size
            self._text(f"{number}{answer}", SMALL * self.size, width)
            self._formula(found.filled, (SMALL + 0.8) * self.size, width, INK)
            self._text(f"{shown}.", SMALL * self.size, width, FAINT)

    def _text(self, text: str, size: float, width: float, colour: str = INK) -> None:
        for line in wrap(text, size, width):
            self.y += size * 1.27
            self.marks.append(Text(line, MARGIN, self.y, size, colour=colour))

    def _formula(self, latex: str, size: float, width: float, colour: str) -> None:
        box = typeset(latex, size)
        if box.width > width:
            box = typeset(latex, size * width / box.width)
        self.y += 5 * self.size + box.above
        for mark in box.at(MARGIN, self.y):
            self.marks.append(
                Text(mark.string, mark.x, mark.y, mark.size, mark.anchor, colour)
                if isinstance(mark, Text)
                else Line(mark.x0, mark.y0, mark.x1, mark.y1, mark.width, colour)
            )
        self.y += box.below

    def _options(self, options: Sequence[str], width: float) -> None:
        size = BODY * self.size
        x, box = MARGIN, size * 0.75
        self.y += size * 1.35
        for letter, option in zip(_LETTERS, options, strict=False):
            text = f"{letter} {option}"
            needed = box + 4 + text_width(text, size) + 12
            if x > MARGIN and x + needed > MARGIN + width:
                x, self.y = MARGIN, self.y + size * 1.35
            corners = [(x, self.y), (x + box, self.y), (x + box, self.y - box), (x, self.y - box), (x, self.y)]
            self.marks += [Line(*a, *b, 0.6) for a, b in pairwise(corners)]
            self.marks.append(Text(wrap(text, size, width - box - 4)[0], x + box + 4, self.y, size))
            x += needed

    def _map(self, found: Map, column: int, top: float) -> float:
        """Draw a map at the right edge; the lower end of its title."""
        side = MAP * self.size
        x = WIDTH - MARGIN - side - column * (side + 10)
        height = min(side * found.values.shape[0] / found.values.shape[1], 2 * side)
        self.marks.append(Image(coloured(found), x, top, side, height))
        y, size = top + height, SMALL * self.size * 0.85
        for line in wrap(found.title, size, side)[:4]:
            y += size * 1.25
            self.marks.append(Text(line, x, y, size, colour=FAINT))
        return y


def wrap(text: str, size: float, width: float) -> list[str]:
    """Lines of a text that fit a width; a word that is too long for a line is cut."""
    lines, filled = [""], 0.0  # of the last line, in parts of the size
    for word in fold(text).split():
        while _breadth(word) * size > width and len(word) > 1:
            word = word[:-1]
        if lines[-1] and (filled + _breadth(" ") + _breadth(word)) * size > width:
            lines.append("")
        filled = filled + _breadth(" ") + _breadth(word) if lines[-1] else _breadth(word)
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


@lru_cache(maxsize=8192)
def _breadth(word: str) -> float:
    """Width of a word set at size 1: the same words are laid out at several sizes."""
    return text_width(word, 1.0)


def coloured(found: Map) -> np.ndarray:
    """A map in colours, uint8 (H, W, 3), every cell as a square of pixels."""
    values = np.nan_to_num(found.values)
    if found.signed:
        top = float(np.abs(values).max()) or 1.0
        share = np.abs(values / top)[..., None]  # (rows, columns, 1)
        colours = np.where(values[..., None] < 0, _BELOW, _ABOVE) * share + 255 * (1 - share)
        cells = np.rint(colours).astype(np.uint8)
    else:
        bottom, top = min(float(values.min()), 0.0), float(values.max())
        level = (values - bottom) / (top - bottom) if top > bottom else np.zeros_like(values)
        cells = heat_colours()[np.rint(level * 255).astype(np.int64)]
    side = max(1, 224 // max(cells.shape[:2]))
    return cells.repeat(side, axis=0).repeat(side, axis=1)


def _picture(scene: Scene, width: float) -> np.ndarray:
    """The picture with the map of the scene's word over it, at print resolution."""
    assert scene.picture is not None
    aspect = float(np.clip(scene.picture.aspect, 0.2, 5.0))
    size = (pixels(width), pixels(width / aspect))
    shrinks = size[0] < scene.picture.display.shape[1]
    small = cv2.resize(scene.picture.display, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    view = View()
    maps = maps_of(scene.trace, view)
    if maps is None or scene.step >= len(maps):
        return small
    return blend(small, layers(maps, view)[scene.step])
