"""Charts of two captions show their own numbers, the first's and the second's each in its colour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handmade import make_trace

from sat.drawing.charts import QUIET
from sat.drawing.charts_compare import FIRST, NEXT_WORDS, SECOND, PairNumbers, next_words_beside, over_pairs

PAIRS = [
    PairNumbers(("a", "the"), 0.1, (50.0, 20.0), (-0.5, -0.25)),
    PairNumbers(("dog", "dog"), 0.2, (40.0, 10.0), (-1.5, -1.25)),
    PairNumbers((None, "runs"), None, (None, 30.0), (None, -2.0)),
]
NAMES = ("Soft", "Hard")


def test_next_words_beside_each_other_have_one_scale_and_two_colours():
    steps = make_trace("a dog runs").steps[:2]
    figures = next_words_beside(*steps)
    for figure, step, colour in zip(figures, steps, (FIRST, SECOND), strict=True):
        (bars,) = figure.data
        assert list(bars.customdata) == [word for word, _ in step.top[:NEXT_WORDS]]
        assert list(bars.x) == [p for _, p in step.top[:NEXT_WORDS]]
        assert list(bars.marker.color) == [colour if word == step.word else QUIET for word, _ in step.top[:NEXT_WORDS]]
    assert figures[0].layout.xaxis.range == figures[1].layout.xaxis.range
    assert figures[0].layout.xaxis.range[1] > max(p for step in steps for _, p in step.top)


def test_a_missing_word_has_no_bars_and_special_words_are_said():
    step = make_trace("a dog").steps[0]
    odd = replace(step, word="<unk>", top=(("dog", 0.5), ("<end>", 0.25), ("<unk>", 0.125)))
    none, figure = next_words_beside(None, odd)
    assert none is None
    assert list(figure.data[0].customdata) == ["dog", "(end)", "(unknown word)"]
    assert list(figure.data[0].marker.color) == [QUIET, QUIET, SECOND]
    assert next_words_beside(None, None) == (None, None)


def test_over_pairs_has_a_panel_a_quantity_and_a_line_a_model():
    divergence, *lines = over_pairs(PAIRS, NAMES, 1).data
    assert list(divergence.y) == [0.1, 0.2, None]
    assert [list(line.y) for line in lines] == [[50.0, 40.0, None], [20.0, 10.0, 30.0]] + [
        [-0.5, -1.5, None],
        [-0.25, -1.25, -2.0],
    ]
    assert [line.line.color for line in lines] == [FIRST, SECOND] * 2
    assert [line.name for line in lines if line.showlegend] == list(NAMES)
    for mark in (divergence, *lines):
        assert list(mark.customdata) == ["a / the", "dog", "– / runs"]
    assert divergence.marker.color[1] != divergence.marker.color[0]
    assert lines[0].marker.size[1] > lines[0].marker.size[0]


@pytest.mark.parametrize(
    ("pairs", "quantities"),
    [
        ([replace(pair, divergence=None, places=(None, pair.places[1])) for pair in PAIRS], ["places", "log p"]),
        ([replace(pair, divergence=None, places=(None, None)) for pair in PAIRS], ["log p"]),
    ],
)
def test_what_a_model_without_attention_lacks_is_left_out(pairs, quantities):
    figure = over_pairs(pairs, NAMES, 0)
    axes = [figure.layout[f"yaxis{n or ''}"] for n in ("", *range(2, len(quantities) + 1))]
    assert [axis.title.text for axis in axes] == quantities
    assert len(figure.data) == 2 * len(quantities)


def test_places_are_shown_from_zero():
    figure = over_pairs(PAIRS, NAMES, 0)
    assert figure.layout.yaxis2.rangemode == "tozero" and figure.layout.yaxis3.rangemode == "normal"
