"""Chapters on a sheet of paper."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sat.drawing.figure import Image, Line, Text, fold, text_width
from sat.lessons.chapter import Chapter
from sat.lessons.chapters import CHAPTERS
from sat.lessons.engine import fill_chapter, find
from sat.lessons.handout import HEIGHT, MARGIN, WIDTH, coloured, handout, sheet, wrap
from sat.lessons.numbers import Map
from sat.lessons.scene import Scene, set_scene

from .slow import scene_of


@pytest.fixture
def scene(tiny, tiny_captioners, photo) -> Scene:
    beside = (tiny_captioners["none-tiny"], tiny_captioners["hard-tiny"])
    return set_scene(tiny_captioners["soft-tiny"], photo, beside=beside)


def without_java(chapter: Chapter) -> Chapter:
    """A chapter without the screen that starts METEOR."""
    kept = tuple(screen for screen in chapter.screens if screen.slug != "meteor")
    return Chapter(chapter.slug, chapter.title, chapter.purpose, kept)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[c.slug for c in CHAPTERS])
def test_every_chapter_fits_on_a_sheet(chapter, scene):
    chapter = without_java(chapter)
    figure = sheet(chapter, scene)
    assert (figure.width, figure.height) == (WIDTH, HEIGHT)
    for mark in figure.marks:
        if isinstance(mark, Text):
            assert mark.x >= MARGIN - 0.1 and mark.x + text_width(mark.string, mark.size) <= WIDTH - MARGIN + 1
            assert MARGIN <= mark.y <= HEIGHT - MARGIN / 2
        elif isinstance(mark, Image):
            assert mark.x >= MARGIN and mark.x + mark.width <= WIDTH - MARGIN + 0.1
            assert mark.y + mark.height <= HEIGHT - MARGIN / 2
        else:
            assert isinstance(mark, Line) and max(mark.x0, mark.x1) <= WIDTH - MARGIN + 1
    words = " ".join(mark.string for mark in figure.marks if isinstance(mark, Text))
    for number, filled in enumerate(fill_chapter(chapter, scene), start=1):
        assert f"{number}. {filled.screen.title}".split()[0] in words
        if filled.question is not None:  # the answer comes below the fold, after every question
            below = words.index("Fold here")
            reveal = " ".join(wrap(filled.question.reveal, 6, 10_000))
            assert reveal.split()[0] in words[below:]
            assert " ".join(fold(filled.question.prompt).split()[:2]) in words[:below]


def test_the_file_is_a_pdf_with_real_text(scene):
    data = handout(find("one-step"), scene)
    assert data.startswith(b"%PDF-1.4") and data.endswith(b"%%EOF\n")
    content = data.split(b"/Contents 4 0 R")[1]
    text = " ".join(re.findall(r"\((.*?)\) Tj", content.decode("latin-1")))
    assert "The attention weights" in text and "Fold here" in text
    assert data == handout(find("one-step"), scene)  # the same byte for byte


def test_what_a_model_cannot_show_is_said():
    figure = sheet(find("hard"), scene_of("none"))
    words = " ".join(mark.string for mark in figure.marks if isinstance(mark, Text))
    assert words.count("has no attention") == len(find("hard").screens)
    assert not any(isinstance(mark, Image) for mark in figure.marks)  # no picture is known


def test_the_map_of_the_word_is_on_the_picture(scene):
    images = [mark for mark in sheet(find("recurrent"), scene).marks if isinstance(mark, Image)]
    ended = [m for m in sheet(find("recurrent"), scene.at(len(scene.trace.words))).marks if isinstance(m, Image)]
    assert not np.array_equal(images[0].pixels, ended[0].pixels)  # at the end there is no map
    assert ended[0].pixels.mean() > images[0].pixels.mean()


def test_lines_are_broken_where_they_must_be():
    assert wrap("", 8, 100) == [""]
    lines = wrap("a few words that do not fit “on” one line", 8, 60)
    assert " ".join(lines) == 'a few words that do not fit "on" one line' and len(lines) > 2
    assert all(text_width(line, 8) <= 60 for line in lines)
    assert all(text_width(line, 8) <= 30 for line in wrap("incomprehensibilities", 8, 30))


def test_a_map_with_a_sign_has_the_colours_of_the_page():
    """Blue above 0, orange below, white at 0: as the titles of such maps say."""
    cells = coloured(Map("effect", np.array([[2.0, 0.0, -2.0]]), signed=True))
    middle = cells.shape[0] // 2
    above, zero, below = (cells[middle, (2 * i + 1) * cells.shape[1] // 6] for i in range(3))
    assert above[2] > above[0] and below[0] > below[2] and (zero == 255).all()
