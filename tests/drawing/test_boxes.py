"""Boxes over a picture."""

from __future__ import annotations

import numpy as np

from sat.drawing.boxes import COLOURS, SIDE, with_boxes

GREY = np.full((60, 80, 3), 128, np.uint8)


def has(drawn: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where that colour is, (H, W)."""
    return (drawn == np.array(colour, np.uint8)).all(-1)


def test_a_box_lies_where_it_was_drawn_on_the_original():
    drawn = with_boxes(GREY, [("dog", (100.0, 0.0, 200.0, 150.0))], (200, 150))  # the right half
    assert drawn.shape == (360, SIDE, 3)
    _, columns = np.nonzero(has(drawn, COLOURS[0]))
    assert columns.min() >= SIDE / 2 and columns.max() >= SIDE - 8
    assert (drawn[:, : SIDE // 2 - 8] == 128).all()  # the left half is as it was


def test_names_share_their_colour_and_the_picture_stays_as_it_was():
    boxes = [("dog", (10.0, 10.0, 30.0, 30.0)), ("cat", (35.0, 10.0, 60.0, 30.0)), ("dog", (10.0, 35.0, 30.0, 55.0))]
    drawn = with_boxes(GREY, boxes, (80, 60))
    assert has(drawn, COLOURS[0]).any() and has(drawn, COLOURS[1]).any() and not has(drawn, COLOURS[2]).any()
    assert (GREY == 128).all()


def test_odd_boxes_do_no_harm():
    boxes = [
        ("", (500.0, 500.0, 900.0, 900.0)),
        ("a very long name " * 9, (-50.0, -50.0, 5.0, 5.0)),
        ("x", (9.0, 9.0, 1.0, 1.0)),
    ]
    assert with_boxes(GREY, boxes, (80, 60)).shape == (360, SIDE, 3)
    assert with_boxes(np.zeros((1, 1, 3), np.uint8), boxes, (0, 0)).shape == (SIDE, SIDE, 3)
    large = np.zeros((600, 900, 3), np.uint8)
    assert with_boxes(large, [], (900, 600)).shape == large.shape
