"""Areas, pointing and correctness worked by hand; the alignment of words; teacher-forced maps; Flickr8k's facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf

from sat.captioner import Captioner
from sat.data.entities import ALIGNED_FILE, AlignedCaption, AlignedPicture, Phrase, read_aligned
from sat.errors import UserError
from sat.evaluation.grounding import (
    BoxedPhrase,
    box_coverage,
    boxed_phrases,
    caption_words,
    centre_mass,
    ground,
    peak,
    points_at,
    teacher_forced_alphas,
)
from sat.vocabulary import START, UNKNOWN

WIDTH, HEIGHT = 13, 9
sides = st.tuples(st.integers(-3, WIDTH + 3), st.integers(-3, HEIGHT + 3))
boxes_strategy = st.lists(
    st.tuples(sides, sides).map(
        lambda c: (min(c[0][0], c[1][0]), min(c[0][1], c[1][1]), max(c[0][0], c[1][0]), max(c[0][1], c[1][1]))
    ),
    max_size=5,
)


def test_coverage_of_one_box() -> None:
    # A picture of 4 x 2 pixels in 1 x 2 cells of 2 x 2; the box covers 1 of 4 pixels and then 2 of 4.
    assert box_coverage([(1, 0, 4, 1)], 4, 2, 1, 2) == pytest.approx(np.array([[1 / 4, 2 / 4]]))


def test_coverage_counts_an_overlap_once() -> None:
    found = box_coverage([(0, 0, 2, 2), (1, 1, 3, 3)], 4, 4, 2, 2)
    assert found == pytest.approx(np.array([[1, 1 / 4], [1 / 4, 1 / 4]]))
    assert found.sum() * 4 == pytest.approx(4 + 4 - 1)


def test_coverage_of_boxes_without_area_or_outside() -> None:
    assert not box_coverage([(1, 1, 1, 3), (-5, -5, -1, -1), (9, 0, 12, 4)], 4, 4, 2, 2).any()
    assert box_coverage([(-5, -5, 50, 50)], 4, 4, 2, 2) == pytest.approx(np.ones((2, 2)))
    assert not box_coverage([], 4, 4, 2, 2).any()


@given(boxes_strategy, st.integers(1, 14), st.integers(1, 14))
def test_coverage_is_the_union(boxes: list[tuple[int, int, int, int]], rows: int, columns: int) -> None:
    found = box_coverage(boxes, WIDTH, HEIGHT, rows, columns)
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    for x0, y0, x1, y1 in boxes:
        pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    assert found.shape == (rows, columns)
    assert found.min() >= 0
    assert found.max() <= 1
    assert found.mean() == pytest.approx(pixels.mean(), abs=1e-9)
    assert found == pytest.approx(box_coverage([*boxes, *boxes[:1]], WIDTH, HEIGHT, rows, columns))


def test_centre_mass() -> None:
    assert centre_mass([(0, 0, 300, 200)], 300, 200) == pytest.approx(1)
    assert centre_mass([(0, 0, 150, 200)], 300, 200) == pytest.approx(0.5)
    assert centre_mass([(0, 0, 150, 200), (100, 0, 300, 100)], 300, 200) == pytest.approx(0.75)
    # One sigma either side, of two that reach the picture's edges.
    share = erf(1 / 2**0.5) / erf(2 / 2**0.5)
    assert centre_mass([(75, 0, 225, 200)], 300, 200) == pytest.approx(share)
    assert centre_mass([(75, 50, 225, 150)], 300, 200) == pytest.approx(share**2)


def test_a_box_beyond_the_picture_is_worth_what_lies_inside() -> None:
    assert centre_mass([(-9, -7, 5, 4)], 10, 8) == centre_mass([(0, 0, 5, 4)], 10, 8) == pytest.approx(0.25)
    assert centre_mass([(5, 4, 19, 17)], 10, 8) == centre_mass([(5, 4, 10, 8)], 10, 8) == pytest.approx(0.25)


def test_pointing_tolerance_is_a_distance_in_pixels() -> None:
    boxes = [(10, 10, 20, 20), (100, 100, 110, 110)]
    assert points_at(boxes, 20, 15)  # an edge belongs to the box
    assert not points_at(boxes, 20.5, 15)
    assert points_at(boxes, 35, 20, 15)
    assert not points_at(boxes, 35.1, 20, 15)
    assert points_at(boxes, 29, 32, 15)  # 9 across and 12 down: 15 from the corner
    assert not points_at(boxes, 30, 32, 15)
    assert points_at(boxes, 105, 105)


def test_peak_is_the_centre_of_the_largest_cell() -> None:
    alpha = np.zeros((2, 4))
    alpha[1, 2] = 1
    assert peak(alpha, 400, 100) == (250, 75)


def aligned(**changes: object) -> AlignedPicture:
    tokens = ("Two", "men", ",", "in", "``", "T-shirts", "''", ".")
    phrases = (
        Phrase("1", ("people",), 0, ("Two", "men", ",")),
        Phrase("2", ("clothing", "other"), 4, ("``", "T-shirts", "''")),
        Phrase("3", ("other",), 2, (",",)),
        Phrase("4", ("other",), 3, ("in",)),
    )
    whole = (0, 0, 100, 100)
    values = {
        "image": "one.jpg",
        "split": "test",
        "width": 100,
        "height": 100,
        "boxes": {"1": ((0, 0, 50, 100),), "2": ((50, 0, 100, 50), (50, 25, 100, 50)), "3": (whole,)},
        "captions": (AlignedCaption(0, ("A", "lake", "."), ()), AlignedCaption(1, tokens, phrases)),
        **changes,
    }
    return AlignedPicture(**values)


def test_phrases_are_found_among_the_words_that_a_model_knows() -> None:
    assert caption_words(aligned()) == [["a", "lake"], ["two", "men", "in", "t-shirts"]]
    people, clothing = boxed_phrases([aligned()])  # "," is no word and "in" has no box
    assert people == BoxedPhrase("one.jpg", 1, (0, 1), ("people",), ((0, 0, 50, 100),), 100, 100)
    assert clothing.words == (3,)
    assert clothing.types == ("clothing", "other")


def test_grounding_by_hand() -> None:
    maps = np.zeros((4, 2, 2))
    maps[0] = [[0.9, 0.1], [0.0, 0.0]]  # two
    maps[1] = [[0.2, 0.4], [0.1, 0.3]]  # men: 0.3 in the left half, largest at upper right
    maps[3] = [[0.1, 0.6], [0.1, 0.2]]  # t-shirts: 0.6 in the upper right quarter, largest there
    lake = np.full((2, 2, 2), 0.25)
    found = ground(boxed_phrases([aligned()]), {"one.jpg": [lake, maps]})
    assert list(found) == [
        "phrases", "correctness_last", "correctness_best", "pointing_0", "pointing_15", "uniform", "centre",
        "centre_pointing", "by_type",
    ]  # fmt: skip
    assert found["phrases"] == 2
    assert found["correctness_last"] == pytest.approx((0.3 + 0.6) / 2)
    assert found["correctness_best"] == pytest.approx((0.9 + 0.6) / 2)
    assert found["pointing_0"] == pytest.approx(1 / 2)
    assert found["pointing_15"] == pytest.approx(1 / 2)  # the miss is 25 pixels wide
    assert found["uniform"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert found["centre"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert found["centre_pointing"] == pytest.approx(1)  # the middle lies on an edge of both
    assert list(found["by_type"]) == ["clothing", "other", "people"]
    assert found["by_type"]["people"]["correctness_last"] == pytest.approx(0.3)
    assert found["by_type"]["people"]["pointing_0"] == 0
    assert found["by_type"]["other"] == found["by_type"]["clothing"]
    assert found["by_type"]["other"]["phrases"] == 1


def test_pointing_tolerance_is_in_pixels_of_the_original() -> None:
    phrase = BoxedPhrase("p", 0, (0,), ("people",), ((40, 0, 100, 100),), 100, 100)
    left = np.array([[[1.0, 0.0]]])  # points at x = 25, 15 pixels from the box
    assert ground([phrase], {"p": [left]})["pointing_0"] == 0
    assert ground([phrase], {"p": [left]})["pointing_15"] == 1
    large = BoxedPhrase("p", 0, (0,), ("people",), ((80, 0, 200, 200),), 200, 200)
    assert ground([large], {"p": [left]})["pointing_15"] == 0


def test_bad_input() -> None:
    with pytest.raises(UserError, match="no phrases with boxes"):
        ground([], {})
    phrases = boxed_phrases([aligned()])
    with pytest.raises(UserError, match=r"one\.jpg has no maps"):
        ground(phrases, {})
    with pytest.raises(UserError, match="not of one edition"):
        ground(phrases, {"one.jpg": [np.ones((2, 2, 2)), np.ones((1, 2, 2))]})


@pytest.mark.parametrize("name", ["soft-tiny", "hard-tiny"])
def test_teacher_forced_maps_are_those_of_single_steps(name: str, tiny_captioners: dict[str, Captioner]) -> None:
    captioner = tiny_captioners[name]
    decoder = captioner.decoder
    raw = torch.randn(2, 196, 352, generator=torch.Generator().manual_seed(1))
    annotations = decoder.annotate(raw)
    captions = [[[4, 5, UNKNOWN, 7, 8, 9, 10] * 4, [6]], [[], [9, 4, 4], [5, 5]]]
    maps = teacher_forced_alphas(decoder, annotations, captions)
    assert [[len(m) for m in picture] for picture in maps] == [[28, 1], [0, 3, 2]]  # nothing is cut
    context = decoder.config.default_context
    for picture, k in ((0, 0), (0, 1), (1, 1)):
        alone = annotations.select(slice(picture, picture + 1))
        state, previous = decoder.start(alone), START
        for t, word in enumerate(captions[picture][k]):
            out = decoder.step(state, torch.tensor([[previous]]), alone, context=context)
            assert maps[picture][k][t] == pytest.approx(out.alpha.detach().numpy().reshape(14, 14), abs=1e-5)
            state, previous = out.state, word
    expected = teacher_forced_alphas(decoder, annotations, captions, context="expected")
    assert np.allclose(expected[0][0][0], maps[0][0][0])  # before any glimpse
    assert np.allclose(expected[0][0], maps[0][0]) == (name == "soft-tiny")


def test_no_maps_without_attention_and_without_words(tiny_captioners: dict[str, Captioner]) -> None:
    decoder = tiny_captioners["none-tiny"].decoder
    annotations = decoder.annotate(torch.randn(1, 196, 352))
    with pytest.raises(UserError, match="none-tiny has no attention"):
        teacher_forced_alphas(decoder, annotations, [[[4]]])
    soft = tiny_captioners["soft-tiny"].decoder
    (maps,) = teacher_forced_alphas(soft, soft.annotate(torch.randn(1, 196, 352)), [[[], []]])
    assert [m.shape for m in maps] == [(0, 14, 14)] * 2


def test_facts_measured_on_flickr8k(data_folder: Path) -> None:
    pictures = [p for p in read_aligned(data_folder / "flickr8k" / ALIGNED_FILE).values() if p.split == "test"]
    phrases = boxed_phrases(pictures)
    assert len(phrases) == 13_063
    flat = np.full((1, 14, 14), 1 / 196)
    alphas = {p.image: [np.repeat(flat, len(words), axis=0) for words in caption_words(p)] for p in pictures}
    found = ground(phrases, alphas)
    assert found["uniform"] == pytest.approx(0.308, abs=5e-4)
    assert found["correctness_last"] == pytest.approx(found["uniform"])
    assert found["centre"] == pytest.approx(0.390, abs=5e-4)
    assert found["centre_pointing"] == pytest.approx(0.545, abs=5e-4)
    assert found["by_type"]["people"]["phrases"] == 4510
