"""What a screen shows, as text and as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sat.lessons.numbers import (
    Chart,
    Map,
    Node,
    Numbers,
    Series,
    Table,
    Tree,
    Value,
    latex,
    latex_word,
    plain,
    rounded,
    with_minus,
)
from sat.lessons.typeset.linear import linear


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (0.12345, 3, "0.123"), (-0.0001, 3, "-1.0e-04"), (0.0, 3, "0.000"), (-0.0, 2, "0.00"), (1234.5, 1, "1234.5"),
        (0.0004, 3, "4.0e-04"), (float("nan"), 3, "none"), (float("inf"), 3, "infinite"), (2.5, 0, "2"),
        (134098.95487, 4, "134099"), (121.914812, 5, "121.915"), (-10.426891, 5, "-10.4269"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_for_a_reader(number, digits, text):
    assert rounded(number, digits) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.5, "0.500"), (-2.0, "-2.000"), (0.00001, "1.0 * 10^(-5)"), (float("nan"), "none"), (float("inf"), "infinite")],
)
def test_numbers_in_formulas_can_be_read(number, text):
    assert linear(latex(number)) == text


@pytest.mark.parametrize("word", ["dog", "<end>", "<unk>", "t-shirt", "o'clock", "a{b}c", "\\", "50%", "é_x", "u.s"])
def test_words_in_formulas_can_be_read(word):
    assert "\\" not in linear(latex_word(word)) and "{" not in linear(latex_word(word))


def test_values_are_shown_with_their_unit():
    assert Value("p", 0.12345, "p", "%", 4).text == "12.35 %"
    assert Value("n", 7, "n").text == "7" and Value("x", 1.5, "x", "nats", 2).text == "1.50 nats"
    assert Value("w", "dog", "w").text == "dog" and Value("b", True, "b").text == "True"


def test_a_screen_as_json():
    nan = float("nan")
    found = Numbers(
        values=(Value("a", 1.5, "A"), Value("hidden", nan)),
        tables=(Table("t", ("x", "y"), (("one", None), ("two", 0.5))),),
        charts=(Chart("c", "x", "y", (Series("s", np.array([0.0]), np.array([nan])),)),),
        maps=(Map("m", np.array([[1.0, np.inf]])),),
        trees=(Tree("r", (Node(-1, "a", -1.0, True),)),),
    )
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["facts"] == {"a": 1.5, "hidden": None} and record["shown"] == [["A", "1.500"]]
    assert record["tables"][0]["rows"] == [["one", None], ["two", 0.5]]
    assert record["charts"][0]["series"][0]["y"] == [None] and record["maps"][0]["values"] == [[1.0, None]]
    assert record["trees"][0]["nodes"] == [[-1, "a", -1.0, True]]
    assert found.number("a") == 1.5 and found.tables[0].text(1) == ["two", "0.500"]
    assert found.tables[0].text(0) == ["one", ""]
    assert plain({"k": (np.float32(1.0), np.int64(2))}) == {"k": [1.0, 2]}


def test_numbers_below_zero_have_a_real_minus():
    assert Value("x", -2.204, unit="nats").text == "−2.204 nats" and Value("x", -0.25, unit="%").text == "−25.0 %"
    assert Table("t", ("a", "b"), ((-1.5, "BLEU-4"),), digits=1).text(0) == ["−1.5", "BLEU-4"]
    assert with_minus("14-15 of -3.5, (-2) and 1.0e-04 of Lite-0") == "14-15 of −3.5, (−2) and 1.0e-04 of Lite-0"
