"""The figure of two models: every mark in its column, every number the pair's own, every file opened again."""

from __future__ import annotations

import io
import json
import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace

import numpy as np
import pytest
from handmade import make_trace
from PIL import Image as Pillow

from sat.drawing.compare import INKS, comparison
from sat.drawing.export import FORMATS, draw, figure_bytes
from sat.drawing.figure import DPI, Figure, Image, Line, Text, text_width
from sat.drawing.layout import TILE
from sat.drawing.overlay import View
from sat.errors import UserError
from sat.images import Picture, from_array
from sat.trace import Trace

FIRST = "a brown dog is running through the tall green grass near a fence"
SECOND = "a dog runs through grass"


@dataclass(frozen=True, eq=False)
class Words:
    """A pair of words as plain values, without the analysis that aligns them."""

    first: int | None
    second: int | None
    divergence: float | None
    entropies: tuple[float | None, float | None]
    difference: np.ndarray | None


def pair(one: Trace, two: Trace, i: int | None, j: int | None) -> Words:
    a, b = None if i is None else one.steps[i], None if j is None else two.steps[j]
    both = a is not None and b is not None and a.alpha is not None and b.alpha is not None
    return Words(
        i,
        j,
        0.1 + 0.01 * (i or 0) if both else None,
        (None if a is None else a.entropy, None if b is None else b.entropy),
        b.alpha - a.alpha if both else None,
    )


@pytest.fixture
def soft(picture: Picture) -> Trace:
    return replace(make_trace(FIRST, model="the-first"), picture=picture.digest)


@pytest.fixture
def hard(picture: Picture) -> Trace:
    return replace(make_trace(SECOND, attention="hard", model="the-second"), picture=picture.digest)


@pytest.fixture
def pairs(soft: Trace, hard: Trace) -> list[Words]:
    """Words of one, of the other, and of both."""
    places = [(0, 0), (1, None), (2, 1), (3, 2), (4, None), (5, 3), (None, 4), *((t, None) for t in range(6, 13))]
    return [pair(soft, hard, i, j) for i, j in places]


def images(figure: Figure) -> list[Image]:
    return [mark for mark in figure.marks if isinstance(mark, Image)]


def texts(figure: Figure) -> list[Text]:
    return [mark for mark in figure.marks if isinstance(mark, Text)]


def box(text: Text) -> tuple[float, float, float, float]:
    width = text_width(text.string, text.size)
    left = text.x - {"start": 0, "middle": 0.5, "end": 1}[text.anchor] * width
    return left, text.y - 0.75 * text.size, left + width, text.y + 0.2 * text.size


def apart(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[2] <= b[0] + 1e-6 or b[2] <= a[0] + 1e-6 or a[3] <= b[1] + 1e-6 or b[3] <= a[1] + 1e-6


@pytest.mark.parametrize("columns", [3, 4, 10])
@pytest.mark.parametrize("style", ["paper", "contour"])
def test_everything_lies_on_the_page_and_nothing_overlaps(picture, soft, hard, pairs, columns, style):
    figure = comparison(picture, soft, hard, pairs, View(style=style), columns=columns)
    boxes = [(i.x, i.y, i.x + i.width, i.y + i.height) for i in images(figure)] + [box(t) for t in texts(figure)]
    for number, one in enumerate(boxes):
        assert one[0] >= 0 and one[1] >= 0 and one[2] <= figure.width and one[3] <= figure.height
        assert all(apart(one, other) for other in boxes[number + 1 :])


def test_a_pair_stands_in_one_column(picture, soft, hard, pairs):
    figure = comparison(picture, soft, hard, pairs)
    tiles = [i for i in images(figure) if i.width == TILE]
    found = [t for t in texts(figure) if t.string == "0.120"]  # the divergence of dog and dog
    (number,) = found
    column = [i for i in tiles if i.x + TILE / 2 == pytest.approx(number.x)]
    above = sorted((i for i in column if i.y < number.y), key=lambda i: i.y)[-3:]  # of both, and their difference
    words = [t.string for t in texts(figure) if t.x == number.x and above[0].y - 20 < t.y < above[1].y]
    assert len(above) == 3 and words == ["dog", "dog"]
    places = [
        t
        for t in texts(figure)
        if t.colour in INKS and abs(t.x - number.x) < TILE / 4 and number.y < t.y < number.y + 15
    ]
    assert [t.string for t in places] == [
        f"{math.exp(trace.steps[t].entropy):.0f}" for trace, t in ((soft, 2), (hard, 1))
    ]
    assert [t.colour for t in places] == list(INKS)


def test_every_word_map_and_number_is_there_once(picture, soft, hard, pairs):
    figure = comparison(picture, soft, hard, pairs)
    strings = [t.string for t in texts(figure)]
    words = [s for s in strings if s in {*FIRST.split(), *SECOND.split()}]
    assert sorted(words) == sorted([*FIRST.split(), *SECOND.split()])
    both = [p for p in pairs if p.divergence is not None]
    assert sum(i.width == TILE for i in images(figure)) == 1 + len(soft.words) + len(hard.words) + len(both)
    assert [s for s in strings if s.startswith("0.") and len(s) == 5] == [f"{p.divergence:.3f}" for p in both]
    gaps = [m for m in figure.marks if isinstance(m, Line) and m.y0 == m.y1 and m.x1 - m.x0 == pytest.approx(8)]
    # Fourteen pairs make two blocks of seven; the second caption and the differences have ended in the second.
    assert len(gaps) == sum(p.first is None for p in pairs) + 2 * 2 + 1
    assert strings.count("the-second") == 1 and strings.count("the-first") == 2


def test_a_word_without_a_partner_is_a_gap(picture, soft, hard):
    lone = [pair(soft, hard, 0, 0), pair(soft, hard, 1, None)]
    figure = comparison(picture, soft, hard, lone)
    x = sorted({i.x for i in images(figure) if i.width == TILE})[-1]
    assert len([i for i in images(figure) if i.x == x]) == 1
    dashes = [m for m in figure.marks if isinstance(m, Line) and abs((m.x0 + m.x1) / 2 - x - TILE / 2) < 1e-6]
    assert len(dashes) == 2  # of the second map and of the difference


def test_one_scale_for_both_models(picture):
    """A flat map beside a sharp one stays dim; each on its own scale it does not."""
    grey = from_array(np.full((140, 140, 3), 10, np.uint8))
    sharp = replace(make_trace("a dog"), picture=grey.digest)
    flat = np.full((14, 14), 1 / 196, np.float32)
    steps = tuple(replace(s, alpha=flat * np.float32(1 + 0.001 * t), entropy=5.2) for t, s in enumerate(sharp.steps))
    dull = replace(sharp, steps=steps)
    pairs = [pair(dull, sharp, t, t) for t in range(2)]
    brightest = {}
    for scale in ("shared", "own"):
        tiles = [i for i in images(comparison(grey, dull, sharp, pairs, View(scale=scale))) if i.width == TILE]
        brightest[scale] = [int(tile.pixels.max()) for tile in tiles[1:5]]  # two of each model
    assert max(brightest["shared"][:2]) < 40 and max(brightest["shared"][2:]) > 150
    assert min(brightest["own"][2:]) > 150


def test_maps_are_distributions_with_the_glimpse_outlined(picture, soft, hard, pairs):
    figure = comparison(picture, soft, hard, pairs[:1], View(style="cells"))
    tile = [i for i in images(figure) if i.width == TILE][2]
    row, column = hard.steps[0].place
    lines = [m for m in figure.marks if isinstance(m, Line)]
    assert len(lines) == 8  # a white rectangle and a dark one
    cell = (tile.x + tile.width * column / 14, tile.y + tile.height * row / 14)
    assert min(m.x0 for m in lines) == pytest.approx(cell[0]) and min(m.y0 for m in lines) == pytest.approx(cell[1])
    assert max(m.x1 for m in lines) == pytest.approx(cell[0] + tile.width / 14)
    assert figure.recipe["view"]["show"] == "distribution"


def test_the_difference_is_blue_where_the_first_looks_more(soft, hard):
    grey = from_array(np.full((140, 140, 3), 120, np.uint8))
    one, two = replace(soft, picture=grey.digest), replace(hard, picture=grey.digest)
    words = pair(one, two, 0, 4)
    tile = [i for i in images(comparison(grey, one, two, [words], View(sigma=4.0))) if i.width == TILE][-1]
    colour = tile.pixels[..., 0].astype(int) - tile.pixels[..., 2]
    for value, extreme in ((words.difference.argmin(), colour.argmin()), (words.difference.argmax(), colour.argmax())):
        cell, pixel = np.unravel_index(value, (14, 14)), np.unravel_index(extreme, colour.shape)
        assert np.abs(np.array(pixel) / 300 * 14 - np.array(cell) - 0.5).max() < 1.1
    assert colour.min() < -60 and colour.max() > 60


def test_a_text_that_both_read_is_printed_once(picture, soft):
    other = replace(soft, model="the-second")
    words = [replace(pair(soft, other, t, t), divergence=0.0) for t in range(13)]
    figure = comparison(picture, soft, other, words, same_text=True)
    strings = [t.string for t in texts(figure)]
    assert [s for s in strings if s in FIRST.split()] == FIRST.split()
    assert "Both read the same text." in " ".join(strings)
    assert figure.recipe["same_text"] is True
    assert not any("looks more" in s for s in strings)  # the maps are equal: no scale
    unknown = replace(other, steps=(*other.steps[:-1], replace(other.steps[-1], word="<unk>")))
    strings = [t.string for t in texts(comparison(picture, soft, unknown, words, same_text=True))]
    assert strings.count("dog") == 2 and "<unk>" in strings


@pytest.mark.parametrize("blind", [0, 1])
def test_a_model_without_attention_has_words_only(picture, soft, blind):
    none = replace(make_trace(SECOND, attention="none"), picture=picture.digest)
    traces = (none, soft) if blind == 0 else (soft, none)
    words = [pair(*traces, t, t) for t in range(5)]
    figure = comparison(picture, *traces, words)
    strings = [t.string for t in texts(figure)]
    assert len(images(figure)) == 1 + 5 and not any("looks more" in s for s in strings)
    assert [s for s in strings if s in SECOND.split()] and "no attention" in " ".join(strings)
    assert "divergence, nats" not in strings and "effective places" in strings


def test_every_file_opens_and_carries_the_recipe(picture, soft, hard, pairs):
    figure = comparison(picture, soft, hard, pairs)
    with Pillow.open(io.BytesIO(figure_bytes(figure, ".png"))) as image:
        assert image.size == (round(figure.width * DPI / 72), round(figure.height * DPI / 72))
        made = json.loads(image.text["Recipe"])
    assert made["figure"] == "compare" and made["same_text"] is False and made["picture_sha256"] == picture.digest
    assert [m["caption"] for m in made["models"]] == [FIRST, SECOND]
    root = ET.fromstring(figure_bytes(figure, ".svg"))
    ns = {"s": "http://www.w3.org/2000/svg"}
    assert [t.text for t in root.findall("s:text", ns)] == [t.string for t in texts(figure)]
    data = figure_bytes(figure, ".pdf")
    assert f"/MediaBox [0 0 {figure.width:.2f} {figure.height:.2f}]".encode() in data
    assert data.count(b"/Subtype /Image") == len(images(figure))
    with Pillow.open(io.BytesIO(figure_bytes(figure, ".gif"))) as image:
        assert image.n_frames == len(pairs)
    for still in figure.frames():
        shown = images(still)
        assert len(shown) == 3 and len({i.y for i in shown}) == 1
        assert sum(isinstance(m, Line) and m.width == 1.0 for m in still.marks) >= 1  # a word is underlined
        assert all(box(t)[0] >= 0 and box(t)[2] <= still.width and box(t)[3] <= still.height for t in texts(still))


def test_pixels_of_the_page_are_the_tiles(picture, soft, hard, pairs):
    figure = comparison(picture, soft, hard, pairs)
    page = np.asarray(draw(figure)).astype(int)
    for tile in images(figure):
        x, y = round(tile.x * DPI / 72), round(tile.y * DPI / 72)
        x1, y1 = round((tile.x + tile.width) * DPI / 72), round((tile.y + tile.height) * DPI / 72)
        assert abs(page[y:y1, x:x1].mean() - tile.pixels.mean()) < 3  # outlines lie on some


def test_odd_pictures_and_words_can_be_drawn():
    for shape, style in (((1, 900), "heat"), ((900, 2), "cells")):
        odd = from_array(np.full((*shape, 3), 80, np.uint8))
        one = replace(make_trace("naïve (<unk>) supercalifragilisticexpialidocious"), picture=odd.digest)
        two = replace(make_trace("水"), picture=odd.digest)
        words = [pair(one, two, 0, 0), pair(one, two, 1, None), pair(one, two, 2, None)]
        figure = comparison(odd, one, two, words, View(style=style, scale="own"))
        assert all(figure_bytes(figure, suffix) for suffix in FORMATS)
        assert all(box(t)[2] <= figure.width and box(t)[0] >= 0 for t in texts(figure))


def test_what_cannot_be_compared_is_said(picture, soft, hard, pairs):
    none = replace(make_trace(SECOND, attention="none"), picture=picture.digest)
    with pytest.raises(UserError, match="Neither none-test nor none-test has attention"):
        comparison(picture, none, none, [pair(none, none, 0, 0)])
    with pytest.raises(UserError, match="another picture"):
        comparison(picture, soft, replace(hard, picture="f" * 64), pairs)
    with pytest.raises(UserError, match="no word"):
        comparison(picture, replace(soft, steps=()), replace(hard, steps=()), [])
