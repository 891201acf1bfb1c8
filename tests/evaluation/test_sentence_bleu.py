"""BLEU of one caption worked by hand, and the scores of every caption beside those of them all."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from sat.evaluation.captions import Meteor, standard_scores, standard_scores_each
from sat.evaluation.sentence_bleu import sentence_bleu


def test_by_hand() -> None:
    references = [["a b c e", "a b"], ["x y z w"], ["a b c d e"], ["a b"], ["a b"]]
    scores = sentence_bleu(references, ["a b c d", "x y", "a b c d e", "", "c d"])
    # Right n-grams of the first: 3 of 4; then 2 of 3, 1 of 2 and 0 of 1, with one more on both sides.
    assert scores[0] == pytest.approx(100 * (3 / 4 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4))
    assert scores[1] == pytest.approx(100 * exp(1 - 4 / 2))  # all right, and half as long as its reference
    assert scores[2:].tolist() == [pytest.approx(100), 0, 0]


def test_scores_of_every_caption(meteor: Meteor) -> None:
    references = {
        "one": ["A dog runs through the grass .", "The brown dog is running on grass ."],
        "two": ["Two men play football .", "Men in red play ."],
        "three": ["A child climbs the stairs .", "A girl on steps ."],
    }
    written = {"one": "the brown dog is running on grass", "two": "a child climbs the stairs", "three": ""}
    scores, each = standard_scores_each(references, written, meteor=meteor)
    assert scores == standard_scores(references, written, meteor=meteor)
    assert list(each) == ["BLEU-4", "METEOR", "ROUGE-L", "CIDEr"]
    for name in ("ROUGE-L", "CIDEr"):
        assert each[name].mean() == pytest.approx(scores[name])
    for values in each.values():
        assert values.shape == (3,) and values.dtype == np.float64
        assert values[0] > values[1] and values[2] == 0
    assert each["BLEU-4"][0] == pytest.approx(100) and each["ROUGE-L"][0] == pytest.approx(100)
    # A corpus of one caption scores what the caption scores by itself.
    one, of_one = standard_scores_each({"one": references["one"]}, {"one": written["one"]}, meteor=meteor)
    assert of_one["METEOR"][0] == pytest.approx(one["METEOR"]) == pytest.approx(each["METEOR"][0])
