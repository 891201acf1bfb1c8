"""A formula as marks of a figure: texts in the figures' font, strokes for what that has not, lines for bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sat.drawing.figure import Line, Text, text_width
from sat.lessons.typeset.glyphs import glyph
from sat.lessons.typeset.parse import Bar, Fence, Fraction, Item, Root, Row, Scripts, Space, Symbol, parse

SMALL = 0.7  # sub- and superscripts, of the size of their base
_LEAST = 5.0  # points: nothing is set smaller
_PEN = 0.062  # width of a stroke, of the type size
_AXIS = 0.25  # height of fraction bars, of the type size
_ASCENT, _DESCENT = 0.74, 0.22  # of a line of type

Mark = Text | Line


@dataclass(frozen=True)
class Box:
    """Marks around a baseline that begins at (0, 0), y downwards as in a figure; all in points."""

    width: float
    above: float
    below: float
    marks: tuple[Mark, ...]

    def at(self, x: float, y: float) -> tuple[Mark, ...]:
        """The marks moved."""
        return tuple(_moved(mark, x, y) for mark in self.marks)


def typeset(latex: str, size: float) -> Box:
    """A formula at a size in points.

    Raises:
        ValueError: it is not one of the formulas that can be read.
    """
    return _row(parse(latex), size)


def _item(item: Item, size: float, tight: bool = False) -> Box:
    if isinstance(item, Row):
        return _row(item, size, tight)
    if isinstance(item, Symbol):
        return _symbol(item, size)
    if isinstance(item, Scripts):
        return _scripts(item, size)
    if isinstance(item, Fraction):
        return _fraction(item, size)
    if isinstance(item, Fence):
        return _fence(item, size)
    if isinstance(item, Space):
        return Box(item.width * size, 0, 0, ())
    return _barred(item, size)


def _symbol(symbol: Symbol, size: float) -> Box:
    if symbol.glyph:
        sign = glyph(symbol.glyph)
        marks: list[Mark] = []
        for stroke in sign.strokes:
            for (x0, y0), (x1, y1) in pairwise(stroke):
                marks.append(Line(x0 * size, -y0 * size, x1 * size, -y1 * size, _PEN * size))
        tall = symbol.glyph in ("sum", "prod")
        return Box(sign.width * size, (0.8 if tall else _ASCENT) * size, _DESCENT * size, tuple(marks))
    text = Text(symbol.text, 0, 0, size)
    return Box(text_width(symbol.text, size), _ASCENT * size, _DESCENT * size, (text,))


def _row(row: Row, size: float, tight: bool = False) -> Box:
    """The items side by side; ``tight`` leaves out the room around signs, as in sub- and superscripts."""
    boxes: list[tuple[Box, float, float]] = []
    x, before = 0.0, ""
    for item in row.items:
        kind = _kind(item)
        x += _room(before, kind) * size * (0.2 if tight else 1.0)
        box = _item(item, size, tight)
        boxes.append((box, x, 0.0))
        x += box.width
        # A sign with nothing to add to or subtract from belongs to what follows.
        unary = kind == "sign" and before in ("", "relation", "sign", "open", "comma")
        before = "open" if unary else kind
    return _joined(boxes, x)


def _kind(item: Item) -> str:
    if isinstance(item, Symbol):
        return item.kind
    if isinstance(item, Scripts):
        inner = _kind(item.base)
        return inner if inner == "operator" else "close" if inner == "close" else "letter"
    if isinstance(item, Fence):
        return "open"
    return "space" if isinstance(item, Space) else "letter"


def _room(before: str, kind: str) -> float:
    """The room between two neighbours, in parts of the type size."""
    if "space" in (before, kind) or before in ("", "open") or kind in ("close", "comma"):
        return 0.0
    if "relation" in (before, kind):
        return 0.28
    if kind == "sign" and before in ("comma", "sign"):
        return 0.2 if before == "comma" else 0.0
    if "sign" in (before, kind):
        return 0.22
    if before == "comma":
        return 0.2
    if kind == "open":
        return 0.04 if before == "operator" else 0.02
    return 0.16 if "operator" in (before, kind) else 0.05  # letters side by side are factors, not a word


def _scripts(item: Scripts, size: float) -> Box:
    base = _item(item.base, size)
    small = max(SMALL * size, min(size, _LEAST))
    parts, end = [(base, 0.0, 0.0)], base.width
    if item.sub is not None:
        sub = _item(item.sub, small, True)
        parts.append((sub, base.width + 0.03 * size, 0.2 * size))
        end = max(end, base.width + 0.03 * size + sub.width)
    if item.sup is not None:
        sup = _item(item.sup, small, True)
        parts.append((sup, base.width + 0.05 * size, -0.4 * size - sup.below * 0.3))
        end = max(end, base.width + 0.05 * size + sup.width)
    return _joined(parts, end)


def _fraction(item: Fraction, size: float) -> Box:
    inner = max(0.86 * size, min(size, _LEAST))
    above, below = _item(item.above, inner), _item(item.below, inner)
    width = max(above.width, below.width) + 0.2 * size
    axis, gap = -_AXIS * size, 0.13 * size
    bar = Line(0.04 * size, axis, width - 0.04 * size, axis, 0.05 * size)
    parts = [
        (above, (width - above.width) / 2, axis - gap - above.below * 0.9),
        (below, (width - below.width) / 2, axis + gap + below.above * 0.95),
    ]
    return _joined(parts, width, (bar,))


def _fence(item: Fence, size: float) -> Box:
    body = _item(item.body, size)
    height = max((body.above + body.below) / (_ASCENT + _DESCENT), size)
    drop = (body.below - body.above) / 2 + (_ASCENT - _DESCENT) / 2 * height
    left, right = (_symbol(Symbol(side, "open"), height) for side in (item.left, item.right))
    parts = [(left, 0.0, drop), (body, left.width, 0.0), (right, left.width + body.width, drop)]
    return _joined(parts, left.width + body.width + right.width)


def _barred(item: Root | Bar, size: float) -> Box:
    """Something under a line; a root's line begins with its hook."""
    body = _item(item.body, size)
    top, pen = -body.above - 0.06 * size, 0.05 * size
    if isinstance(item, Bar):
        top = -0.6 * size if isinstance(item.body, Symbol) and item.body.text.islower() else top
        line = Line(0.05 * size, top, body.width - 0.02 * size, top, pen)
        return _joined([(body, 0.0, 0.0)], body.width, (line,))
    hook = 0.5 * size
    points = [(0.04 * size, -0.28 * size), (0.16 * size, -0.36 * size), (0.3 * size, body.below), (hook, top)]
    points.append((hook + body.width + 0.05 * size, top))
    lines = [Line(*a, *b, pen) for a, b in pairwise(points)]
    return _joined([(body, hook + 0.03 * size, 0.0)], hook + body.width + 0.1 * size, lines)


def _joined(parts: Sequence[tuple[Box, float, float]], width: float, more: Sequence[Mark] = ()) -> Box:
    """Boxes at their places in one."""
    marks = [mark for box, x, y in parts for mark in box.at(x, y)]
    ends = [(line.y0, line.y1) for line in more if isinstance(line, Line)]
    above = max([0.0, *(box.above - y for box, _, y in parts), *(-min(pair) for pair in ends)])
    below = max([0.0, *(box.below + y for box, _, y in parts), *(max(pair) for pair in ends)])
    return Box(width, above, below, (*marks, *more))


def _moved(mark: Mark, x: float, y: float) -> Mark:
    if isinstance(mark, Text):
        return replace(mark, x=mark.x + x, y=mark.y + y)
    return replace(mark, x0=mark.x0 + x, y0=mark.y0 + y, x1=mark.x1 + x, y1=mark.y1 + y)
