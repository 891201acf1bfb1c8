"""Looked right, said right: each item falls into the quadrant that its numbers say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sat.evaluation.browse import EvaluationStore
from sat.evaluation.quadrants import by_object, by_word
from sat.evaluation.store import write_store

from .stored import ABOUT, picture


def one(name: str, step: int | None, most: float, elsewhere: float, centre: float, most_step: int = 0) -> dict:
    at_word = None if step is None else most
    return {
        **{"name": name, "step": step, "at_word": at_word, "most": most, "most_step": most_step},
        **{"elsewhere": elsewhere, "uniform": 0.1, "centre": centre},
    }


@pytest.fixture
def store(tmp_path: Path) -> EvaluationStore:
    """Three pictures; the second one holds a wrong word that looks at the box of a person."""
    rng = np.random.default_rng(0)
    boxed = [
        [one("dog", 1, 0.6, 0.5, 0.3, most_step=1), one("ball", None, 0.25, 0.1, 0.3, most_step=2)],
        [one("dog", None, 0.2, 0.4, 0.1), one("man", 1, 0.3, 0.3, 0.2, most_step=1)],
        [],
    ]
    words = [("dog", "animals", False, 0.6), ("man", "people", True, 0.4), ("dog", "animals", False, 0.1)]
    rows = []
    for number, (objects, (name, kind, bad, mass)) in enumerate(zip(boxed, words, strict=True)):
        row, of_words = picture(number, rng)
        blank = {"word_class": None, "kind": None, "hallucinated": None, "box_mass": None, "box_centre": None}
        template = {**of_words[0], **blank} if of_words else None
        while template is None:
            template = next(iter(picture(number, rng)[1]), None)
        template = {**template, **blank, "picture": number, "image": row["image"]}
        made = [{**template, "step": step, "word": word} for step, word in enumerate(("a", name, "jumps"))]
        made[1] |= {"word_class": name, "kind": kind, "hallucinated": bad, "box_mass": mass, "box_centre": 0.3}
        if number == 2:
            made[2] |= {"word": "frisbee", "word_class": "frisbee", "kind": "things", "hallucinated": True}
        rows.append(({**row, "words": ["a", name, "jumps"], "length": 3, "boxed": objects}, made))
    write_store(tmp_path, ABOUT, rows)
    return EvaluationStore.open(tmp_path)


def test_objects(store: EvaluationStore) -> None:
    found = by_object(store)
    assert [(q.looked, q.said) for q in found.all()] == [(True, True), (True, False), (False, True), (False, False)]
    names = [[(item.picture, item.name, item.step, item.word, item.named_at) for item in q.rows] for q in found.all()]
    assert names == [
        [(0, "dog", 1, "dog", 1)],
        [(0, "ball", 2, "jumps", None)],
        [(1, "man", 1, "man", 1)],  # as much as elsewhere is not more
        [(1, "dog", 0, "a", None)],
    ]
    assert [q.count for q in found.all()] == [1, 1, 1, 1] and found.count == 4
    assert found.looked_said.images == found.looked_unsaid.images == ("00000.jpg",)
    item = found.looked_said.rows[0]
    assert (item.box_mass, item.expected, item.box_centre) == (0.6, 0.5, 0.3)
    assert found.said_when_looked == found.said_when_not_looked == 0.5 and found.without_boxes == 0


def test_words(store: EvaluationStore) -> None:
    found = by_word(store)
    names = [[(item.picture, item.word, item.step, item.box_mass) for item in q.rows] for q in found.all()]
    assert names == [[(0, "dog", 1, 0.6)], [(1, "man", 1, 0.4)], [(2, "dog", 1, 0.1)], []]
    assert found.without_boxes == 1  # the frisbee: there was nothing to look at
    assert found.said_when_looked == 0.5 and found.said_when_not_looked == 1.0
    assert found.looked_unsaid.rows[0].named_at == 1 and found.looked_unsaid.rows[0].expected == 0.3


def test_without_boxes_or_attention(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [picture(i, rng, attends=False) for i in range(6)]
    unknown = dict.fromkeys(("most", "most_step", "elsewhere"))
    blind = [({**row, "boxed": [{**one, **unknown} for one in row["boxed"]]}, words) for row, words in rows]
    write_store(tmp_path, ABOUT, blind)
    store = EvaluationStore.open(tmp_path)
    for found in (by_object(store), by_word(store)):
        assert found.count == 0 and found.said_when_looked is None and found.looked_said.images == ()
