"""Which noun is said for which, counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sat.evaluation.browse import EvaluationStore
from sat.evaluation.confusion import confusion
from sat.evaluation.store import write_store

from .stored import ABOUT, picture


def test_pairs_of_one_kind(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs = [
        (["man"], ["woman"]),
        (["man", "surfboard"], ["woman", "boat"]),  # a boat is a vehicle, a surfboard a thing: no pair
        (["man"], ["woman", "girl"]),
        (["dog", "cat"], ["horse"]),
        (["man"], []),
        ([], ["woman"]),
    ]
    rows = []
    for number, (made_up, missed) in enumerate(pairs):
        row, words = picture(number, rng)
        lists = {"objects_hallucinated": made_up, "objects_missed": missed}
        rows.append(({**row, **lists, "hallucinated": len(made_up), "missed": len(missed)}, words))
    write_store(tmp_path, {**ABOUT, "dataset": "flickr8k"}, rows)
    found = confusion(EvaluationStore.open(tmp_path))
    assert [(one.said, one.missed, one.kind, one.count, one.alone) for one in found] == [
        ("man", "woman", "people", 3, 2),
        ("cat", "horse", "animals", 1, 0),
        ("dog", "horse", "animals", 1, 0),
        ("man", "girl", "people", 1, 0),
    ]
    assert found[0].images == ("00000.jpg", "00001.jpg", "00002.jpg")
    write_store(tmp_path, ABOUT, [])
    assert confusion(EvaluationStore.open(tmp_path)) == []
