"""Figure 5: each picture beside one map, its caption below, and every file opened again."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from handmade import make_trace
from PIL import Image as Pillow

from sat.drawing.export import FORMATS, figure_bytes
from sat.drawing.figure import DPI, Figure, Image, Line, Text, text_width
from sat.drawing.mistakes import HEIGHT, WIDTH, WORDS, Mistake, montage
from sat.errors import UserError
from sat.images import from_array

CAPTIONS = (
    "a man in a red shirt is standing on a snowy mountain with a very long rope",
    "two dogs",
    "a dog is running",
)
SHAPES = ((200, 300), (300, 200), (100, 400))


@pytest.fixture
def mistakes(rng: np.random.Generator) -> list[Mistake]:
    made = []
    for number, (words, shape, kind) in enumerate(zip(CAPTIONS, SHAPES, ("soft", "hard", "none"), strict=True)):
        picture = from_array(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
        trace = replace(make_trace(words, attention=kind), picture=picture.digest)
        made.append(Mistake(picture, trace, len(trace.words) - 1, f"{number}.jpg", 12.345 * number))
    return made


def of(figure: Figure, kind: type) -> list:
    return [mark for mark in figure.marks if isinstance(mark, kind)]


def test_pictures_keep_their_shape_and_stand_on_one_line(mistakes):
    figure = montage(mistakes)
    shown = of(figure, Image)
    assert len(shown) == 5  # the model without attention has no map
    for image, shape in zip(shown, (SHAPES[0], SHAPES[0], SHAPES[1], SHAPES[1], SHAPES[2]), strict=True):
        assert image.width / image.height == pytest.approx(shape[1] / shape[0])
        assert image.width <= WIDTH + 1e-9 and image.height <= HEIGHT + 1e-9
        assert pytest.approx(image.width) == WIDTH or pytest.approx(image.height) == HEIGHT
    assert len({round(i.y + i.height, 6) for i in shown[:4]}) == 1 < len({i.height for i in shown[:4]})
    for beside in (shown[:2], shown[2:4]):
        assert beside[0].x + beside[0].width < beside[1].x and np.any(beside[0].pixels != beside[1].pixels)


def test_without_maps_three_stand_in_a_row(mistakes):
    figure = montage([mistakes[2]] * 4)
    assert [len({i.y for i in of(figure, Image)}), len({i.x for i in of(figure, Image)})] == [2, 3]
    assert figure.width < montage(mistakes[:2]).width * 1.05 and len(of(figure, Line)) == 4


def test_nothing_overlaps_and_all_lies_on_the_page(mistakes):
    for columns in (1, None, 3):
        figure = montage(mistakes * 2, columns=columns)
        boxes = [(i.x, i.y, i.x + i.width, i.y + i.height) for i in of(figure, Image)]
        for text in of(figure, Text):
            half = text_width(text.string, text.size) / 2
            assert text.anchor == "middle"
            boxes.append((text.x - half, text.y - 0.75 * text.size, text.x + half, text.y + 0.2 * text.size))
        for number, a in enumerate(boxes):
            assert a[0] >= 0 and a[1] >= 0 and a[2] <= figure.width and a[3] <= figure.height
            for b in boxes[number + 1 :]:
                assert a[2] <= b[0] + 1e-6 or b[2] <= a[0] + 1e-6 or a[3] <= b[1] + 1e-6 or b[3] <= a[1] + 1e-6


def test_the_word_is_underlined_in_its_own_caption(mistakes):
    figure = montage(mistakes)
    lines = of(figure, Line)
    assert len(lines) == len(mistakes)
    for line, mistake in zip(lines, mistakes, strict=True):
        word = mistake.trace.words[mistake.step]
        assert line.x1 - line.x0 == pytest.approx(text_width(word, WORDS))
        (text,) = [
            t
            for t in of(figure, Text)
            if 0 < line.y0 - t.y < 4 and abs(t.x - (line.x0 + line.x1) / 2) < text_width(t.string, t.size) / 2
        ]
        assert text.string.endswith(word)
    assert [t.string for t in of(figure, Text) if "CIDEr" in t.string] == [
        "0.jpg, CIDEr 0.0", "1.jpg, CIDEr 12.3", "2.jpg, CIDEr 24.7"
    ]  # fmt: skip


def test_every_file_opens_and_carries_the_recipe(mistakes):
    figure = montage(mistakes)
    with Pillow.open(io.BytesIO(figure_bytes(figure, ".png"))) as image:
        assert image.size == (round(figure.width * DPI / 72), round(figure.height * DPI / 72))
        made = json.loads(image.text["Recipe"])
    assert made["figure"] == "mistakes" and made["view"]["style"] == "paper"
    first = made["mistakes"][0]
    assert first["picture"] == "0.jpg" and first["picture_sha256"] == mistakes[0].picture.digest
    assert (first["caption"], first["word"], first["model"]) == (CAPTIONS[0], len(CAPTIONS[0].split()), "soft-test")
    assert [m["cider"] for m in made["mistakes"]] == [0.0, 12.345, 24.69]
    with Pillow.open(io.BytesIO(figure_bytes(figure, ".gif"))) as image:
        assert getattr(image, "n_frames", 1) == 1  # a still figure
    assert all(figure_bytes(figure, suffix) == figure_bytes(montage(mistakes), suffix) for suffix in FORMATS)


def test_what_cannot_be_drawn_is_said(mistakes):
    with pytest.raises(UserError, match="no mistake to draw"):
        montage([])
    with pytest.raises(UserError, match="has 2 words"):
        montage([replace(mistakes[1], step=2)])
    with pytest.raises(UserError, match="another picture"):
        montage([replace(mistakes[0], picture=mistakes[1].picture)])
