"""The part of LaTeX that is read."""

from __future__ import annotations

import pytest

from sat.lessons.typeset.glyphs import glyph, names
from sat.lessons.typeset.parse import SYMBOLS, Bar, Fence, Fraction, Root, Row, Scripts, Space, Symbol, parse


def test_a_formula_as_a_tree():
    (e, equals, half) = parse(r"e_{ti}^2 = \frac{1}{2}").items
    t_i = Row((Symbol("t", "letter"), Symbol("i", "letter")))
    assert e == Scripts(Symbol("e", "letter"), t_i, Symbol("2", "number"))
    assert equals == Symbol("=", "relation")
    assert half == Fraction(Row((Symbol("1", "number"),)), Row((Symbol("2", "number"),)))


def test_every_kind_of_part():
    items = parse(r"\sqrt{d} \bar{a} \left(x\right) \text{no glimpse} \mathrm{softmax} 0.25 \quad \alpha").items
    root, bar, fence, text, name, number, space, alpha = items
    assert isinstance(root, Root) and isinstance(bar, Bar)
    assert isinstance(fence, Fence) and (fence.left, fence.right) == ("(", ")")
    assert text == Symbol("no glimpse", "text") and name == Symbol("softmax", "operator")
    assert number == Symbol("0.25", "number") and space == Space(1.0) and alpha == SYMBOLS["alpha"]


def test_scripts_in_either_order_and_of_groups():
    assert parse("x_1^2") == parse("x^2_1")
    assert parse("{x}_{1}").items[0].base == parse("x").items[0] or isinstance(parse("{x}_{1}").items[0].base, Row)


def test_every_sign_that_is_drawn_has_its_glyph():
    for symbol in SYMBOLS.values():
        if symbol.glyph:
            assert symbol.glyph in names()
    assert parse("-").items[0].glyph == "minus"
    for name in names():
        sign = glyph(name)
        assert sign.width > 0
        for stroke in sign.strokes:
            assert len(stroke) > 1 and stroke[:, 0].min() >= 0 and stroke[:, 0].max() <= sign.width
            assert stroke[:, 1].min() >= -0.25 and stroke[:, 1].max() <= 0.8


@pytest.mark.parametrize(
    "wrong", [r"\frac{1}", "x_", "_x", "{x", "x}", r"\unknown", r"\left(x", r"\text x", "x # y", "ä", r"\text{x"]
)
def test_what_is_not_read_is_an_error(wrong):
    with pytest.raises(ValueError):
        parse(wrong)
