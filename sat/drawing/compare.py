"""Two captions of one picture, word against word: both models' maps, their difference, and what it amounts to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from sat.drawing.difference import (
    FIRST_INK,
    SECOND_INK,
    difference_layer,
    greyed,
    legend,
    top_of_differences,
)
from sat.drawing.figure import FAINT, Figure, Image, Line, Text
from sat.drawing.layout import (
    GAP,
    LABEL,
    MARGIN,
    NO_MAPS,
    PANEL,
    TILE,
    WORD,
    Mark,
    aspect,
    broken,
    check,
    fitting,
    outline,
    recipe,
    shrunk,
    underlined,
)
from sat.drawing.overlay import View, blend, layers, maps_of, top_of_scale
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace

LEAD = TILE + 3 * GAP  # points; the column of the picture and of the labels
NUMBER, NOTE = 7.5, 7.0  # sizes of type in points
BAR = 220.0  # points; width of the scale of the differences
FEWEST = 3  # words that a figure has room for, however short the captions
INKS = (FIRST_INK, SECOND_INK)


class Aligned(Protocol):
    """Two words that belong together, as ``sat.analysis.compare.Pair`` describes them.

    Attributes:
        first, second: positions of the words; None where one caption has nothing to set against the other's word.
        divergence: Jensen-Shannon divergence of the two maps, in nats; None without two maps.
        entropies: of the two maps, in nats; None without a map.
        difference: (rows, columns), second map minus first, on the finer of the two grids; None without two maps.
    """

    @property
    def first(self) -> int | None: ...
    @property
    def second(self) -> int | None: ...
    @property
    def divergence(self) -> float | None: ...
    @property
    def entropies(self) -> tuple[float | None, float | None]: ...
    @property
    def difference(self) -> np.ndarray | None: ...


def comparison(
    picture: Picture,
    first: Trace,
    second: Trace,
    pairs: Sequence[Aligned],
    view: View | None = None,
    *,
    same_text: bool = False,
    columns: int = 10,
) -> Figure:
    """A column for every pair of words: the maps of both models, their difference, and under it the Jensen-Shannon
    divergence of the two maps and the effective number of places exp(H) of each.

    The maps are always the attention *distributions*, which the numbers are of; the glimpse of hard attention is
    outlined in them. A shared scale is shared by both captions, so that the flatter model looks flatter. The scale of
    the differences is one for all words and symmetric about zero.

    Args:
        pairs: the words that belong together, ``sat.analysis.compare.compare(first, second).pairs``.
        view: how the maps are drawn; its ``show`` does not matter.
        same_text: the second model read the first one's caption.
        columns: words a row; longer captions go on below.

    Raises:
        UserError: there is nothing to draw, neither model has attention, or a trace is of another picture.
    """
    check(picture, [first, second])
    if first.attention == second.attention == "none":
        raise UserError(f"Neither {first.model} nor {second.model} has attention: compare models that have maps.")
    view = replace(view or View(), show="distribution")
    page = _Page(picture, (first, second), pairs, view, same_text)
    rows = -(-len(pairs) // columns)
    columns = -(-len(pairs) // rows)  # rows of about the same length
    width = 2 * MARGIN + LEAD + max(columns, FEWEST) * (TILE + GAP) - GAP
    marks: list[Mark] = []
    y = MARGIN
    for start in range(0, len(pairs), columns):
        block, y = page.block(pairs[start : start + columns], y, with_picture=start == 0)
        marks += block
    notes, y = page.notes(y, width - 2 * MARGIN)
    title = f"Where two models looked, word against word: {first.model}: {first.caption}; " + (
        f"{second.model}, reading the same" if same_text else f"{second.model}: {second.caption}"
    )
    made = {**recipe("compare", picture, [first, second], view), "same_text": same_text}
    return Figure(width, y + MARGIN, (*marks, *notes), title, made, frames=page.animation)


class _Page:
    """What the blocks of a comparison and the frames of its animation share."""

    def __init__(
        self, picture: Picture, traces: tuple[Trace, Trace], pairs: Sequence[Aligned], view: View, same_text: bool
    ) -> None:
        self.picture, self.traces, self.pairs, self.view, self.same_text = picture, traces, pairs, view, same_text
        self.nearest = view.style == "cells"
        self.sigma = None if self.nearest else view.sigma
        self.layers, self.map_top = _on_one_scale(traces, view)
        self.mapped = [side for side in (0, 1) if self.layers[side] is not None]
        differences = [pair.difference for pair in pairs if pair.difference is not None]
        self.top = top_of_differences(differences, self.sigma)
        self.places = differences[0].size if differences else 0
        said = [[self._word(pair, side) for pair in pairs] for side in (0, 1)]
        self.one_text = len(self.mapped) == 2 and said[0] == said[1]  # then it is printed once

    def block(self, pairs: Sequence[Aligned], y: float, *, with_picture: bool) -> tuple[list[Mark], float]:
        """The columns of some of the pairs from ``y`` down, and where the next block begins."""
        marks: list[Mark] = []
        height = TILE / aspect(self.picture)
        for side, trace in enumerate(self.traces):
            if not with_picture and all(_at(pair, side) is None for pair in pairs):
                continue  # the shorter caption has ended
            label = y + WORD
            if side == 1 and self.one_text:
                label = _middle(y, height)
            else:
                for x, pair in _columns(pairs):
                    if word := self._word(pair, side):
                        marks.append(Text(word, x + TILE / 2, y + WORD, fitting(word, WORD, TILE), "middle"))
                y += WORD + GAP
            marks.append(_label(trace.model, label, INKS[side]))
            if side in self.mapped:
                if with_picture and side == self.mapped[0]:
                    marks.append(Image(shrunk(self.picture, TILE, height), MARGIN, y, TILE, height))
                for x, pair in _columns(pairs):
                    marks += self._map(pair, side, x, y, TILE, height) or [_gap(x, y, height)]
                y += height + GAP
            y += 0 if self.one_text else GAP
        if any(pair.difference is not None for pair in pairs):
            marks.append(_label("difference", _middle(y, height), FAINT))
            grey = greyed(shrunk(self.picture, TILE, height))
            for x, pair in _columns(pairs):
                if pair.difference is None:
                    marks.append(_gap(x, y, height))
                else:
                    marks.append(Image(self._difference(pair.difference, grey), x, y, TILE, height))
            y += height + GAP
            marks.append(_label("divergence, nats", y + NUMBER, FAINT))
            for x, pair in _columns(pairs):
                if pair.divergence is not None:
                    marks.append(Text(f"{pair.divergence:.3f}", x + TILE / 2, y + NUMBER, NUMBER, "middle"))
            y += NUMBER * 1.35
        marks.append(_label("effective places", y + NUMBER, FAINT))
        for x, pair in _columns(pairs):
            marks += _places(pair, x + TILE / 2, y + NUMBER)
        return marks, y + NUMBER * 1.35 + 4 * GAP

    def notes(self, y: float, width: float) -> tuple[list[Mark], float]:
        """The scale of the differences, and what the reader must know in small print, from ``y`` down."""
        marks: list[Mark] = []
        if self.top > 0:
            names = (self.traces[0].model, self.traces[1].model)
            marks, y = legend(names, self.top * self.places, MARGIN, y, min(BAR, width))
            y += 2 * GAP
        for sentence in self._sentences():
            for line in broken(sentence.split(), NOTE, width):
                marks.append(Text(" ".join(line), MARGIN, y + NOTE, NOTE, "start", FAINT))
                y += NOTE * 1.4
        return marks, y

    def animation(self) -> tuple[Figure, ...]:
        """One frame a pair: both maps with their captions underlined, and the difference with its numbers."""
        height = PANEL / aspect(self.picture)
        plain = shrunk(self.picture, PANEL, height)
        grey = greyed(plain)
        top = MARGIN + LABEL + GAP
        third = MARGIN + 2 * (PANEL + 2 * GAP)
        frames: list[Figure] = []
        for pair in self.pairs:
            marks: list[Mark] = [Text("difference", third + PANEL / 2, MARGIN + LABEL, LABEL, "middle", FAINT)]
            bottom = top + height + 2 * WORD * 1.5
            for side, trace in enumerate(self.traces):
                x = MARGIN + side * (PANEL + 2 * GAP)
                marks.append(Text(trace.model, x + PANEL / 2, MARGIN + LABEL, LABEL, "middle", INKS[side]))
                marks += self._map(pair, side, x, top, PANEL, height) or [Image(plain, x, top, PANEL, height)]
                text, end = underlined(trace.words, _at(pair, side), x, top + height, PANEL)
                marks += text
                bottom = max(bottom, end)
            shown = grey if pair.difference is None else self._difference(pair.difference, grey)
            marks.append(Image(shown, third, top, PANEL, height))
            if pair.divergence is not None:
                said = f"divergence {pair.divergence:.3f} nats"
                marks.append(Text(said, third + PANEL / 2, top + height + WORD * 1.5, WORD, "middle"))
            places = [f"{math.exp(h):.0f}" for h in pair.entropies if h is not None]
            said = f"{' and '.join(places)} effective places"
            marks.append(Text(said, third + PANEL / 2, top + height + WORD * 3, WORD, "middle"))
            frames.append(Figure(third + PANEL + MARGIN, bottom + MARGIN, tuple(marks), f"pair {len(frames) + 1}"))
        return tuple(frames)

    def _word(self, pair: Aligned, side: int) -> str:
        at = _at(pair, side)
        return "" if at is None else self.traces[side].steps[at].word

    def _map(self, pair: Aligned, side: int, x: float, y: float, width: float, height: float) -> list[Mark]:
        """The picture under a word's map, the glimpse outlined; nothing where there is no word or no map."""
        at, drawn = _at(pair, side), self.layers[side]
        if at is None or drawn is None:
            return []
        small = shrunk(self.picture, width, height)
        marks: list[Mark] = [Image(blend(small, drawn[at], nearest=self.nearest), x, y, width, height)]
        step = self.traces[side].steps[at]
        if step.place is not None and step.alpha is not None:
            (row, column), (rows, columns) = step.place, step.alpha.shape
            cell = (width / columns, height / rows)
            marks += outline(x + column * cell[0], y + row * cell[1], *cell)
        return marks

    def _difference(self, difference: np.ndarray, grey: np.ndarray) -> np.ndarray:
        layer = difference_layer(np.zeros_like(difference), difference, self.top, self.sigma)
        return blend(grey, layer, nearest=self.nearest)

    def _sentences(self) -> Iterator[str]:
        if self.same_text:
            yield "Both read the same text."
        lines = " The lines are at a quarter, half and three quarters of it." if self.view.style == "contour" else ""
        if self.view.scale == "own":
            yield f"Every map is on a scale of its own, from its least to its largest value.{lines}"
        elif self.map_top is not None:
            yield f"Both models' maps are on one scale, from 0 to {self.map_top:.2g} times uniform attention.{lines}"
        if any(step.place is not None for trace in self.traces for step in trace.steps):
            yield "The outlined cell is the glimpse that was taken."
        if len(self.mapped) == 2:
            yield "Divergence: Jensen-Shannon, of the two maps, from 0 (alike) to 0.693 (nowhere the same)."
        yield "Effective places: exp of a map's entropy, at most as many as the map has cells."
        for trace in self.traces:
            if trace.attention == "none":
                yield f"{trace.model} has {NO_MAPS}."


def _on_one_scale(traces: tuple[Trace, Trace], view: View) -> tuple[list[np.ndarray | None], float | None]:
    """The layers of both captions, (T, side, side, 4) each, and what the brightest point of their shared scale stands
    for, in times uniform; None without attention.
    """
    maps = [maps_of(trace, view) for trace in traces]
    top = max(top_of_scale(m, view) for m in maps if m is not None) if any(m is not None for m in maps) else None
    drawn: list[np.ndarray | None] = []
    for alphas in maps:
        if alphas is None or top is None:
            drawn.append(None)
            continue
        # One more map, constant at the top of both, stretches the scale of the others up to it.
        ceiling = np.full((1, *alphas.shape[1:]), top / alphas[0].size)
        drawn.append(layers(np.concatenate([alphas, ceiling]), view)[:-1])
    return drawn, top


def _at(pair: Aligned, side: int) -> int | None:
    return pair.second if side else pair.first


def _columns(pairs: Sequence[Aligned]) -> Iterator[tuple[float, Aligned]]:
    """The pairs with the left edges of their columns."""
    for i, pair in enumerate(pairs):
        yield MARGIN + LEAD + i * (TILE + GAP), pair


def _places(pair: Aligned, x: float, y: float) -> list[Mark]:
    """The effective numbers of places of a pair on the baseline ``y``, centred at ``x``."""
    first, second = (None if h is None else f"{math.exp(h):.0f}" for h in pair.entropies)
    if first is None or second is None:
        alone = first or second
        return [] if alone is None else [Text(alone, x, y, NUMBER, "middle", INKS[first is None])]
    return [
        Text(first, x - 1.5 * GAP, y, NUMBER, "end", INKS[0]),
        Text("|", x, y, NUMBER, "middle", FAINT),
        Text(second, x + 1.5 * GAP, y, NUMBER, "start", INKS[1]),
    ]


def _label(string: str, y: float, colour: str) -> Text:
    """What a row is, at the right end of the first column."""
    return Text(string, MARGIN + TILE, y, fitting(string, LABEL, TILE), "end", colour)


def _middle(y: float, height: float) -> float:
    """The baseline of a label beside a row of pictures."""
    return y + height / 2 + LABEL * 0.35


def _gap(x: float, y: float, height: float) -> Line:
    """What stands for a map that there is nothing to draw of."""
    return Line(x + TILE / 2 - GAP, y + height / 2, x + TILE / 2 + GAP, y + height / 2, 0.8, FAINT)
