"""The charts behind a word hold the numbers that they were given."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

from sat.drawing import charts_analysis
from sat.drawing.charts import ACCENT


def test_evidence_has_a_bar_a_word_and_the_current_one_in_full_colour():
    figure = charts_analysis.evidence_bars(["a", "dog", "<end>"], np.array([-0.5, 2.0, 0.25]), 1)
    (bars,) = figure.data
    assert list(bars.y) == [-0.5, 2.0, 0.25]
    assert list(bars.customdata) == ["a", "dog", "(end)"]
    assert [colour == ACCENT for colour in bars.marker.color] == [False, True, False]


def test_the_parts_of_a_logit_are_signed():
    (bars,) = charts_analysis.logit_bars({"hidden state": 3.25, "this glimpse": -1.5}).data
    assert list(bars.x) == [3.25, -1.5] and list(bars.text) == ["+3.25", "−1.50"]
    assert bars.marker.color[0] != bars.marker.color[1]


def test_every_cell_says_its_word_where_it_lies():
    words = [["dog", "dog", "a"], ["cat", "dog", "<end>"]]
    probability = np.array([[0.5, 0.25, 0.125], [1.0, 0.0, 0.5]], np.float32)
    picture = np.full((80, 120, 3), 255, np.uint8)
    figure = charts_analysis.words_in_cells(picture, words, probability, 1.5)
    heat, text = figure.data
    np.testing.assert_array_equal(np.array(heat.z), probability)
    assert dict(zip(zip(text.y, text.x, strict=True), text.text, strict=True)) == {
        (0, 0): "dog", (0, 1): "dog", (0, 2): "a", (1, 0): "cat", (1, 1): "dog", (1, 2): "·",
    }  # fmt: skip
    data = base64.b64decode(figure.layout.images[0].source.split(",")[1])
    drawn = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert drawn.shape == picture.shape
    sure, unsure = drawn[60, 20].astype(int), drawn[60, 60].astype(int)
    assert (255 - sure).sum() > 2 * (255 - unsure).sum()  # the surer the stronger
    assert charts_analysis.word_legend(words)[0][:2] == ("dog", 3)
    assert charts_analysis.said_by_most(words, probability).startswith("3 of 6 cells say dog")


@pytest.mark.parametrize("aspect", [0.01, 1.0, 100.0])
def test_a_picture_of_any_shape_has_a_sensible_height(aspect):
    figure = charts_analysis.words_in_cells(np.zeros((4, 4, 3), np.uint8), [["a"]], np.ones((1, 1)), aspect)
    assert 200 <= figure.layout.height <= 640


def test_the_curves_are_drawn_twice_with_their_band():
    fractions = np.array([0.0, 0.5, 1.0])
    down = {
        "alpha": np.array([0.9, 0.2, 0.1]),
        "centre": np.array([0.9, 0.5, 0.1]),
        "random": np.array([0.9, 0.6, 0.1]),
    }
    up = {name: curve[::-1] for name, curve in down.items()}
    figure = charts_analysis.curves(fractions, down, up, (np.array([0, 0.1, 0]), np.array([0, 0.2, 0])))
    assert len(figure.data) == 8
    band = figure.data[0].y
    np.testing.assert_allclose(band, [0.9, 0.7, 0.1, 0.1, 0.5, 0.9])
    lines = [trace for trace in figure.data if trace.name]
    np.testing.assert_array_equal(lines[0].y, down["alpha"])
    np.testing.assert_array_equal(lines[3].y, up["alpha"])
