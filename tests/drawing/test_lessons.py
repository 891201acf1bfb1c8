"""The tree and the grid of lessons: where things lie and what they say."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat.drawing.charts_lessons import grid
from sat.drawing.lesson_tree import COLUMN, laid_out, tree
from sat.lessons.numbers import Grid, Node, Tree

SVG = "{http://www.w3.org/2000/svg}"
NODES = (
    Node(-1, "a", -0.5),
    Node(-1, "red", -1.0, chosen=True),
    Node(0, "<end>", -1.4, final=True),
    Node(0, "dog", -0.7),
    Node(1, "ca<t", -1.1, chosen=True),
    Node(4, "<end>", -1.7, chosen=True, final=True),
)


def test_the_winner_runs_straight_and_the_others_fill_the_rows_below():
    parents = [-1, 0, 0, 1, 1, 2, 3, -1]
    chosen = [True, False, True, False, False, True, False, False]
    depth, row = laid_out(parents, chosen)
    assert depth == [0, 1, 1, 2, 2, 2, 3, 0]
    assert row == [0, 1, 0, 1, 2, 0, 1, 3]


@given(st.lists(st.integers(-1, 30), max_size=40).map(lambda p: [min(v, i - 1) for i, v in enumerate(p)]))
def test_no_two_nodes_share_a_place(parents):
    depth, row = laid_out(parents)
    places = list(zip(depth, row, strict=True))
    assert len(set(places)) == len(places)
    assert all(row[i] >= row[p] and depth[i] == depth[p] + 1 for i, p in enumerate(parents) if p >= 0)


@pytest.mark.parametrize("pictures", [(), ["data:,x"] * 2 + [None] + ["data:,x"] * 2 + [None]])
def test_every_word_is_there_once_and_endings_are_rings(pictures):
    root = ET.fromstring(tree(Tree("a <tree>", NODES), pictures))
    assert root.get("aria-label") == "a <tree>"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts == ["a", "red", "dog", "ca<t"]
    bold = [text.text for text in root.iter(f"{SVG}text") if text.get("font-weight")]
    assert bold == ["red", "ca<t"]
    rings = [c for c in root.iter(f"{SVG}circle") if c.find(f"{SVG}title") is not None]
    assert [ring.find(f"{SVG}title").text for ring in rings] == [
        "may end here: log p -1.40",
        "may end here: log p -1.70",
    ]
    assert len(list(root.iter(f"{SVG}image"))) == (4 if pictures else 0)
    at = {text.text: (float(text.get("x")), float(text.get("y"))) for text in root.iter(f"{SVG}text")}
    assert at["ca<t"][1] == at["red"][1] < at["a"][1] == at["dog"][1]
    assert at["dog"][0] - at["a"][0] == pytest.approx(COLUMN)
    width, height = float(root.get("width")), float(root.get("height"))
    assert all(0 <= x <= width and 0 <= y <= height for x, y in at.values())


def test_a_grid_shows_its_numbers_with_their_names():
    values = np.array([[1.0, 0.0], [0.25, 0.75]])
    figure = grid(Grid("g", values, ("a", "dog"), ("a", "dog")))
    (heat,) = figure.data
    np.testing.assert_array_equal(np.isnan(heat.z), values == 0)
    assert heat.z[1][1] == 0.75 and heat.customdata[1][0] == "dog → a"
    assert list(figure.layout.yaxis.ticktext) == ["a", "dog"] and figure.layout.yaxis.autorange == "reversed"
