"""Figures 2 and 3: where everything stands, and every file opened again."""

from __future__ import annotations

import base64
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from handmade import make_trace
from PIL import Image as Pillow

from sat.drawing.export import FORMATS, draw, figure_bytes, save_figure
from sat.drawing.figure import DPI, Image, Line, Text, fold, text_width
from sat.drawing.overlay import View
from sat.drawing.strip import TILE, focus, strip
from sat.errors import UserError
from sat.images import Picture, from_array

CAPTION = "a brown dog is running through the tall green grass near a fence"


@pytest.fixture
def traces(picture: Picture) -> list:
    made = [make_trace(CAPTION), make_trace("a dog runs", attention="hard"), make_trace("a dog", attention="none")]
    return [replace(trace, picture=picture.digest) for trace in made]


def pictures(figure) -> list[Image]:
    return [mark for mark in figure.marks if isinstance(mark, Image)]


def test_words_stand_centred_above_their_maps(picture, traces):
    figure = strip(picture, traces[:1])
    words = [mark for mark in figure.marks if isinstance(mark, Text)]
    tiles = pictures(figure)
    assert [w.string for w in words] == CAPTION.split()
    assert len(tiles) == len(words) + 1  # the picture itself comes first
    for word, tile in zip(words, tiles[1:], strict=True):
        assert word.anchor == "middle" and word.x == pytest.approx(tile.x + tile.width / 2)
        assert word.y < tile.y
        assert text_width(word.string, word.size) <= tile.width + 1e-6


def test_everything_lies_on_the_page_and_nothing_overlaps(picture, traces):
    for figure in (strip(picture, traces), strip(picture, traces, columns=4), focus(picture, traces[0], 3)):
        tiles = pictures(figure)
        for tile in tiles:
            assert tile.x >= 0 and tile.x + tile.width <= figure.width + 1e-6
            assert tile.y >= 0 and tile.y + tile.height <= figure.height + 1e-6
        for i, a in enumerate(tiles):
            for b in tiles[i + 1 :]:
                apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
                assert apart
        for text in (mark for mark in figure.marks if isinstance(mark, Text)):
            shift = {"start": 0, "middle": 0.5, "end": 1}[text.anchor] * text_width(text.string, text.size)
            assert text.x - shift >= 0 and text.x - shift + text_width(text.string, text.size) <= figure.width
            assert 0 < text.y < figure.height


def test_rows_of_models_share_their_columns(picture, traces):
    figure = strip(picture, traces)
    first = [mark.x for mark in pictures(figure)][1:4]
    hard = [mark.x for mark in pictures(figure)][-3:]
    assert first == hard
    labels = [m.string for m in figure.marks if isinstance(m, Text) and m.anchor == "end"]
    assert labels == ["soft-test", "hard-test", "none-test"]


def test_a_model_without_attention_has_words_and_a_reason_but_no_maps(picture, traces):
    figure = strip(picture, traces[2:])
    assert len(pictures(figure)) == 1
    text = " ".join(m.string for m in figure.marks if isinstance(m, Text))
    assert text.startswith("a dog") and "no attention" in text
    assert len(pictures(focus(picture, traces[2], 1))) == 1


def test_the_drawn_map_is_bright_where_the_model_looked(traces):
    grey = from_array(np.full((150, 300, 3), 100, np.uint8))
    hard = replace(traces[1], picture=grey.digest)
    for tile, step in zip(pictures(strip(grey, [hard]))[1:], hard.steps, strict=True):
        assert tile.pixels.shape[:2] == (round(TILE / 2 * DPI / 72), round(TILE * DPI / 72))
        row, column = np.unravel_index(np.argmax(tile.pixels.sum(axis=2)), tile.pixels.shape[:2])
        there = ((row + 0.5) * 14 / tile.pixels.shape[0], (column + 0.5) * 14 / tile.pixels.shape[1])
        assert abs(there[0] - step.place[0] - 0.5) < 1.1 and abs(there[1] - step.place[1] - 0.5) < 1.1


def test_the_right_word_is_underlined(picture, traces):
    for step, word in enumerate(CAPTION.split()):
        figure = focus(picture, traces[0], step)
        (line,) = [m for m in figure.marks if isinstance(m, Line)]
        assert line.x1 - line.x0 == pytest.approx(text_width(word, 12.0))
        (text,) = [m for m in figure.marks if isinstance(m, Text) and 0 < line.y0 - m.y < 4]
        assert word in text.string.split()


@pytest.mark.parametrize("kind", ["strip", "focus"])
def test_png_is_print_resolution_and_carries_its_recipe(picture, traces, tmp_path, kind):
    figure = strip(picture, traces) if kind == "strip" else focus(picture, traces[0], 2)
    with Pillow.open(save_figure(figure, tmp_path / "new folder" / "figure.png")) as image:
        image.load()
        assert image.size == (round(figure.width * DPI / 72), round(figure.height * DPI / 72))
        assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
        made = json.loads(image.text["Recipe"])
        assert image.text["Software"].startswith("sat ")
    assert made["figure"] == kind and made["picture_sha256"] == picture.digest
    assert made["models"][0]["model"] == "soft-test" and made["models"][0]["decoding"]["beam"] == 3
    assert made["view"]["style"] == "paper"
    assert [p.name for p in (tmp_path / "new folder").iterdir()] == ["figure.png"]  # nothing temporary is left


def test_png_pixels_are_the_tiles(picture, traces):
    figure = strip(picture, traces)
    page = np.asarray(draw(figure))
    for tile in pictures(figure):
        x, y = round(tile.x * DPI / 72), round(tile.y * DPI / 72)
        x1, y1 = round((tile.x + tile.width) * DPI / 72), round((tile.y + tile.height) * DPI / 72)
        seen = page[y:y1, x:x1].astype(int)
        assert abs(seen.mean() - tile.pixels.mean()) < 1.0
    assert (page[:10] == 255).all() and (page[:, :10] == 255).all()  # the margin


def test_svg_has_real_text_and_lossless_pictures(picture, traces, tmp_path):
    figure = strip(picture, traces)
    root = ET.parse(save_figure(figure, tmp_path / "figure.svg")).getroot()
    ns = {"s": "http://www.w3.org/2000/svg"}
    assert root.get("viewBox") == f"0 0 {figure.width:.2f} {figure.height:.2f}"
    assert [t.text for t in root.findall("s:text", ns)] == [m.string for m in figure.marks if isinstance(m, Text)]
    assert json.loads(root.find("s:metadata", ns).text)["recipe"] == figure.recipe
    hrefs = [i.get("href") for i in root.findall("s:image", ns)]
    for href, tile in zip(hrefs, pictures(figure), strict=True):
        with Pillow.open(io.BytesIO(base64.b64decode(href.split(",")[1]))) as image:
            np.testing.assert_array_equal(np.asarray(image), tile.pixels)


def test_pdf_is_well_formed_and_has_real_text(picture, traces, tmp_path):
    figure = strip(picture, traces)
    data = save_figure(figure, tmp_path / "figure.pdf").read_bytes()
    assert data.startswith(b"%PDF-1.") and data.endswith(b"%%EOF\n")
    start = int(re.search(rb"startxref\n(\d+)", data).group(1))
    places = re.findall(rb"(\d{10}) 00000 n ", data[start:])
    for number, place in enumerate(places, start=1):
        assert data[int(place) :].startswith(b"%d 0 obj\n" % number)
    for length, body in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", data, re.DOTALL)[:1]:
        assert int(length) == len(body)
    assert f"/MediaBox [0 0 {figure.width:.2f} {figure.height:.2f}]".encode() in data
    for mark in figure.marks:
        if isinstance(mark, Text):
            assert mark.string.replace("(", r"\(").replace(")", r"\)").encode() in data
    assert data.count(b"/Subtype /Image") == len(pictures(figure))
    subject = bytes.fromhex(re.search(rb"/Subject <FEFF([0-9A-F]+)>", data).group(1).decode()).decode("utf-16-be")
    assert json.loads(subject) == figure.recipe


def test_gif_has_a_frame_a_word(picture, traces, tmp_path):
    with Pillow.open(save_figure(strip(picture, traces[:1]), tmp_path / "figure.gif")) as image:
        assert image.n_frames == len(CAPTION.split())
        assert json.loads(image.info["comment"])["recipe"]["models"][0]["caption"] == CAPTION
        first = np.asarray(image.convert("RGB")).astype(int)
        image.seek(5)
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - first).mean() > 1


def test_files_are_the_same_every_time(picture, traces):
    for suffix in FORMATS:
        assert figure_bytes(strip(picture, traces[:2]), suffix) == figure_bytes(strip(picture, traces[:2]), suffix)


def test_odd_pictures_and_words_can_be_drawn():
    for shape in ((1, 1), (1, 900), (900, 2)):
        odd = from_array(np.full((*shape, 3), 80, np.uint8))
        trace = replace(
            make_trace("naïve “café” (<unk>) & co \\ 水 supercalifragilisticexpialidocious"), picture=odd.digest
        )
        for suffix in FORMATS:
            assert figure_bytes(strip(odd, [trace], View(style="heat", scale="own")), suffix)
    assert fold("naïve “café” — 水, −2.5") == 'naive "cafe" - ?, -2.5'


def test_what_cannot_be_drawn_is_said(picture, traces, tmp_path):
    empty = replace(traces[0], steps=())
    with pytest.raises(UserError, match="no word"):
        strip(picture, [empty])
    with pytest.raises(UserError, match="no word"):
        strip(picture, [])
    with pytest.raises(UserError, match="another picture"):
        strip(picture, [replace(traces[0], picture="f" * 64)])
    with pytest.raises(UserError, match="13 words"):
        focus(picture, traces[0], 13)
    for name in ("figure.bmp", "figure"):
        with pytest.raises(UserError, match="use .png, .svg, .pdf or .gif"):
            save_figure(focus(picture, traces[0], 0), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
