"""What a screen shows: values, tables, charts, maps and trees, as plain data that a page or a handout draws.

Arrays are numpy; ``to_dict`` of each makes it JSON-ready. Nothing here computes anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from sat.images import Picture

Cell = str | int | float | None
Fact = str | int | float | bool
_DIGITS = 6  # of a number, at most
_NEGATIVE = re.compile(r"(?<![\w)\]-])-(?=\d)")  # not that of BLEU-4, 2015-06 or (a)-1


@dataclass(frozen=True)
class Value:
    """One number or word.

    Attributes:
        name: what texts and tests call it.
        value: not rounded.
        label: in plain words; without one it is there for texts and tests only and is not shown.
        unit: behind the number; ``%`` makes a fraction a percentage.
        digits: behind the point.
    """

    name: str
    value: Fact
    label: str = ""
    unit: str = ""
    digits: int = 3

    @property
    def text(self) -> str:
        """The value as it is shown."""
        if isinstance(self.value, str | bool):
            return str(self.value)
        if self.unit == "%":
            return with_minus(f"{rounded(100 * self.value, max(self.digits - 2, 0))} %")
        shown = f"{self.value:,}" if isinstance(self.value, int) else rounded(self.value, self.digits)
        return with_minus(f"{shown} {self.unit}".rstrip())


@dataclass(frozen=True)
class Table:
    """Rows of cells; ``None`` is an empty cell. ``digits`` behind the point of its floats."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    digits: int = 3

    def text(self, row: int) -> list[str]:
        """The cells of a row as they are shown."""
        return [
            "" if cell is None else with_minus(rounded(cell, self.digits)) if isinstance(cell, float) else str(cell)
            for cell in self.rows[row]
        ]


@dataclass(frozen=True, eq=False)
class Series:
    """Points of a chart: x and y, float64 (N,); y may hold NaN where there is nothing to show."""

    name: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Chart:
    """Lines or bars.

    Attributes:
        ticks: what stands at x = 0, 1, 2, ...; empty for a plain number axis.
        log_x, log_y: on a logarithmic axis.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    kind: Literal["line", "bar"] = "line"
    ticks: tuple[str, ...] = ()
    log_y: bool = False
    log_x: bool = False


@dataclass(frozen=True, eq=False)
class Map:
    """Numbers over a picture, float64 (rows, columns).

    Attributes:
        signed: drawn in two colours around 0.
        shared: drawn from 0 to the largest number of all maps of the screen, so that they can be compared.
        picture: what it lies over; None is the scene's own.
    """

    title: str
    values: np.ndarray
    signed: bool = False
    shared: bool = False
    picture: Picture | None = None


@dataclass(frozen=True, eq=False)
class Grid:
    """Numbers of rows over columns that are no places of the picture, float64 (rows, columns), with their names."""

    title: str
    values: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Patch:
    """A cell of a picture, to be cut out and looked at.

    Attributes:
        title: what stands below it.
        picture: the name of a picture of the scene's gallery; empty for the scene's own.
        box: top, left, bottom, right, in fractions of the picture.
    """

    title: str
    picture: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Node:
    """A node of a tree.

    Attributes:
        parent: another's index, -1 for a root.
        chosen: drawn strongly; final: nothing can follow.
        map: where the model looked for it, float64 (rows, columns); None where it did not.
    """

    parent: int
    label: str
    value: float
    chosen: bool = False
    final: bool = False
    map: np.ndarray | None = None


@dataclass(frozen=True)
class Tree:
    """Nodes, parents before children."""

    title: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Numbers:
    """The live part of a screen.

    Attributes:
        values: in the order of display.
        filled: the screen's formula with the numbers put in, LaTeX.
        tables, charts, maps, grids, patches, trees: to be drawn below.
    """

    values: tuple[Value, ...]
    filled: str = ""
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    maps: tuple[Map, ...] = ()
    grids: tuple[Grid, ...] = ()
    patches: tuple[Patch, ...] = ()
    trees: tuple[Tree, ...] = ()

    @property
    def facts(self) -> dict[str, Fact]:
        """Every value by its name, not rounded."""
        return {value.name: value.value for value in self.values}

    @property
    def shown(self) -> tuple[Value, ...]:
        """The values that have a label."""
        return tuple(value for value in self.values if value.label)

    def number(self, name: str) -> float:
        """A value that is a number, by its name."""
        return float(self.facts[name])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record; what is not a finite number becomes null."""
        return {
            "facts": {name: plain(value) for name, value in self.facts.items()},
            "shown": [[value.label, value.text] for value in self.shown],
            "filled": self.filled,
            "tables": [{"title": t.title, "columns": t.columns, "rows": plain(t.rows)} for t in self.tables],
            "charts": [
                {
                    "title": c.title,
                    "x": c.x_label,
                    "y": c.y_label,
                    "kind": c.kind,
                    "ticks": list(c.ticks),
                    "log_y": c.log_y,
                    "log_x": c.log_x,
                    "series": [{"name": s.name, "x": plain(s.x), "y": plain(s.y)} for s in c.series],
                }
                for c in self.charts
            ],
            "maps": [{"title": m.title, "values": plain(m.values), "signed": m.signed} for m in self.maps],
            "grids": [
                {"title": g.title, "values": plain(g.values), "rows": list(g.rows), "columns": list(g.columns)}
                for g in self.grids
            ],
            "patches": [[p.title, p.picture, plain(p.box)] for p in self.patches],
            "trees": [
                {
                    "title": t.title,
                    "nodes": [[n.parent, n.label, plain(n.value), n.chosen] for n in t.nodes],
                }
                for t in self.trees
            ],
        }


def with_minus(text: str) -> str:
    """The text with a real minus sign before its negative numbers."""
    return _NEGATIVE.sub("−", text)


def rounded(number: float, digits: int = 3) -> str:
    """A number for a reader: rounded, or in powers of ten where rounding would leave nothing of it.

    Args:
        digits: behind the point; fewer where there would be more than six in all.
    """
    if not math.isfinite(number):
        return "none" if math.isnan(number) else "infinite"
    if number and abs(number) < 0.5 * 10.0**-digits:
        return f"{number:.1e}"
    before = len(str(int(abs(number)))) if abs(number) >= 1 else 0
    text = f"{number:.{min(digits, max(_DIGITS - before, 0))}f}"
    return text.lstrip("-") if float(text) == 0 else text


def latex(number: float, digits: int = 3) -> str:
    """The same for a formula."""
    text = rounded(number, digits)
    if "e" in text and text[0] in "-0123456789":
        mantissa, exponent = text.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return text if text[0] in "-0123456789" else rf"\text{{{text}}}"


def latex_word(word: str) -> str:
    """A word for a formula, quoted; what LaTeX would read as commands is left out."""
    kept = "".join(c for c in word if c.isalnum() or c in "-'.<>")
    return rf"\text{{{kept}}}"


def plain(value: Any) -> Any:
    """JSON-ready: arrays and tuples become lists, numpy numbers Python's, NaN and infinities null."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
