"""Two evaluations of the same pictures: fixed, broken, both wrong, both right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sat.errors import UserError
from sat.evaluation.browse import EvaluationStore
from sat.evaluation.store import write_store
from sat.evaluation.versus import Wrong, versus

from .stored import ABOUT, picture


def stored(folder: Path, numbers: list[int], hallucinated: list[int], cider: list[float]) -> EvaluationStore:
    rows = []
    for place, (number, bad, score) in enumerate(zip(numbers, hallucinated, cider, strict=True)):
        row, words = picture(number, np.random.default_rng(number))
        words = [{**word, "picture": place} for word in words]
        rows.append(({**row, "picture": place, "hallucinated": bad, "CIDEr": score, "METEOR": 10.0}, words))
    write_store(folder, ABOUT, rows)
    return EvaluationStore.open(folder)


@pytest.fixture
def two(tmp_path: Path) -> tuple[EvaluationStore, EvaluationStore]:
    first = stored(tmp_path / "first", [0, 1, 2, 3, 4], [1, 0, 2, 0, 0], [10, 20, 30, 40, 50])
    return first, stored(tmp_path / "second", [3, 2, 1, 0, 9], [0, 1, 1, 0, 0], [44, 33, 22, 11, 99])


def test_by_hallucination(two: tuple[EvaluationStore, EvaluationStore]) -> None:
    found = versus(*two)
    images = {
        name: [(pair.image, pair.first, pair.second, pair.difference["CIDEr"]) for pair in getattr(found, name)]
        for name in ("fixed", "broken", "both_wrong", "both_right")
    }
    assert images == {
        "fixed": [("00000.jpg", 0, 3, 1.0)],
        "broken": [("00001.jpg", 1, 2, 2.0)],
        "both_wrong": [("00002.jpg", 2, 1, 3.0)],
        "both_right": [("00003.jpg", 3, 0, 4.0)],
    }
    assert found.count == 4 and found.left_out == 2
    assert found.difference["CIDEr"] == 2.5 and found.difference["METEOR"] == 0
    assert found.fixed[0].captions == ("", "") or all(isinstance(text, str) for text in found.fixed[0].captions)


def test_by_score(two: tuple[EvaluationStore, EvaluationStore]) -> None:
    found = versus(*two, Wrong("CIDEr", 22))
    assert [pair.image for pair in found.fixed] == ["00001.jpg"]  # 20, then 22: not below
    assert [pair.image for pair in found.both_wrong] == ["00000.jpg"]
    assert not found.broken and len(found.both_right) == 2
    turned = versus(two[1], two[0], Wrong("CIDEr", 22))
    assert [pair.image for pair in turned.broken] == ["00001.jpg"] and turned.difference["CIDEr"] == -2.5


def test_the_same_twice(two: tuple[EvaluationStore, EvaluationStore]) -> None:
    found = versus(two[0], two[0])
    assert not found.fixed and not found.broken and found.left_out == 0
    assert set(found.difference.values()) == {0.0}


def test_what_cannot_be_compared(two: tuple[EvaluationStore, EvaluationStore], tmp_path: Path) -> None:
    other = stored(tmp_path / "other", [7, 8], [0, 0], [1, 2])
    with pytest.raises(UserError, match="no pictures in common"):
        versus(two[0], other)
    row, words = picture(0, np.random.default_rng(0))
    write_store(tmp_path / "namesake", ABOUT, [({**row, "references": ["Another picture of this name ."]}, words)])
    with pytest.raises(UserError, match="no pictures in common"):
        versus(two[0], EvaluationStore.open(tmp_path / "namesake"))
    with pytest.raises(UserError, match="no score 'cider': choose one of BLEU-4"):
        Wrong("cider", 3)
    with pytest.raises(UserError, match="with a number"):
        Wrong("CIDEr", float("nan"))
