"""Formulas as marks: what stands where."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat.drawing.figure import Line, Text, text_width
from sat.lessons.typeset.layout import SMALL, typeset

SIZE = 10.0


def texts(latex, size=SIZE):
    return {mark.string: mark for mark in typeset(latex, size).marks if isinstance(mark, Text)}


def test_letters_stand_side_by_side_on_the_line():
    box = typeset("a b = c", SIZE)
    marks = [m for m in box.marks if isinstance(m, Text)]
    assert [m.string for m in marks] == ["a", "b", "=", "c"]
    assert all(m.y == 0 and m.size == SIZE for m in marks)
    for left, right in pairwise(marks):
        assert right.x >= left.x + text_width(left.string, SIZE)
    assert box.width == pytest.approx(marks[-1].x + text_width("c", SIZE))


def test_scripts_are_small_and_shifted():
    found = texts("x_i^2")
    assert found["i"].size == found["2"].size == pytest.approx(SMALL * SIZE)
    assert found["i"].y > 0 > found["2"].y and found["i"].x >= text_width("x", SIZE)


def test_a_fraction_is_above_and_below_its_bar():
    box = typeset(r"\frac{a}{b c}", SIZE)
    (bar,) = [m for m in box.marks if isinstance(m, Line)]
    found = texts(r"\frac{a}{b c}")
    assert found["a"].y < bar.y0 < found["b"].y - 0.5 * found["b"].size
    middle = (bar.x0 + bar.x1) / 2
    assert found["a"].x + text_width("a", found["a"].size) / 2 == pytest.approx(middle, abs=1e-6)
    assert box.above > SIZE and box.below > 0.5 * SIZE


def test_brackets_grow_with_what_they_hold():
    assert texts(r"\left(\frac{a}{b}\right)")["("].size > 1.5 * SIZE
    assert texts(r"\left(a\right)")["("].size == pytest.approx(SIZE)


def test_greek_is_drawn_with_strokes_that_join():
    lines = [m for m in typeset(r"\alpha", SIZE).marks if isinstance(m, Line)]
    assert len(lines) > 10 and not texts(r"\alpha")
    for one, two in pairwise(lines):
        assert (one.x1, one.y1) == (two.x0, two.y0)


def test_a_minus_of_nothing_stands_close_and_a_difference_has_room():
    def gap(latex):
        found = typeset(latex, SIZE)
        minus = next(m for m in found.marks if isinstance(m, Line))
        b = next(m for m in found.marks if isinstance(m, Text) and m.string == "b")
        return b.x - minus.x1

    assert gap("a - b") > gap("= -b") > 0


@given(st.sampled_from(["x_{a_b}", r"\frac{\frac{a}{b}}{c}", r"\sqrt{\bar{x}}", r"\sum_{i=1}^{n} \alpha_i"]))
def test_marks_stay_inside_their_box(latex):
    box = typeset(latex, SIZE)
    for mark in box.marks:
        if isinstance(mark, Text):
            assert mark.x >= -1e-6 and mark.x + text_width(mark.string, mark.size) <= box.width + 0.1 * SIZE
            assert -box.above - 1e-6 <= mark.y - 0.7 * mark.size and mark.y <= box.below + 1e-6
        else:
            assert min(mark.x0, mark.x1) >= -1e-6 and max(mark.x0, mark.x1) <= box.width + 0.1 * SIZE
            assert -box.above - 0.1 * SIZE <= min(mark.y0, mark.y1) and max(mark.y0, mark.y1) <= box.below + 0.1 * SIZE


def test_size_scales_everything():
    small, large = typeset(r"\frac{\alpha}{\sqrt{d}}", 10), typeset(r"\frac{\alpha}{\sqrt{d}}", 20)
    assert large.width == pytest.approx(2 * small.width) and large.above == pytest.approx(2 * small.above)
    moved = small.at(5, 7)
    assert isinstance(moved[0], Line) and moved[0].x0 == small.marks[0].x0 + 5
