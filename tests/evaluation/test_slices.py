"""Slices: means and shares of the pictures that are in them, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sat.evaluation.browse import EvaluationStore
from sat.evaluation.slices import by_class, by_images, by_length, whole
from sat.evaluation.store import write_store

from .stored import ABOUT, picture


@pytest.fixture
def store(tmp_path: Path) -> EvaluationStore:
    rng = np.random.default_rng(0)
    lengths, ciders, bad, missed = (1, 3, 3, 1), (10.0, 20.0, 40.0, 60.0), (0, 1, 0, 2), (0, 0, 0, 1)
    named = (["dog"], ["dog", "ball"], [], ["ball", "dog"])
    rows = []
    for i, values in enumerate(zip(lengths, ciders, bad, missed, named, strict=True)):
        row, words = picture(i, rng)
        change = dict(zip(("length", "CIDEr", "hallucinated", "missed", "objects_in_references"), values, strict=True))
        rows.append(({**row, **change}, words))
    write_store(tmp_path, ABOUT, rows)
    return EvaluationStore.open(tmp_path)


def test_by_length(store: EvaluationStore) -> None:
    one, three = by_length(store)
    assert (one.name, one.n, one.images) == ("1 word", 2, ("00000.jpg", "00003.jpg"))
    assert (one.scores["CIDEr"], one.hallucinating, one.missing) == (35.0, 0.5, 0.5)
    assert one.spread["CIDEr"] == pytest.approx(25.0)  # 35.36 / sqrt 2
    assert (three.name, three.scores["CIDEr"], three.missing) == ("3 words", 30.0, 0.0)


def test_by_class(store: EvaluationStore) -> None:
    dog, ball = by_class(store)
    assert (dog.name, dog.n, dog.scores["CIDEr"], dog.hallucinating) == ("dog", 3, 30.0, pytest.approx(2 / 3))
    assert (ball.name, ball.images) == ("ball", ("00001.jpg", "00003.jpg"))
    assert [one.name for one in by_class(store, least=3)] == ["dog"]
    assert by_class(store, "objects_missed", least=5) == []


def test_by_images(store: EvaluationStore) -> None:
    (found,) = by_images(store, {"blurred": ["00003.jpg", "elsewhere.jpg", "00003.jpg"], "nothing": ["elsewhere.jpg"]})
    assert (found.name, found.images, found.scores["CIDEr"]) == ("blurred", ("00003.jpg",), 60.0)
    assert found.spread["CIDEr"] is None


def test_whole(store: EvaluationStore, tmp_path: Path) -> None:
    everything = whole(store)
    assert everything is not None and (everything.n, everything.scores["CIDEr"]) == (4, 32.5)
    write_store(tmp_path / "empty", ABOUT, [])
    empty = EvaluationStore.open(tmp_path / "empty")
    assert whole(empty) is None and by_length(empty) == [] and by_class(empty) == []
