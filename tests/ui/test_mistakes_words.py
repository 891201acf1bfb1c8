"""What the numbers of a word say, and which pictures belong together."""

from __future__ import annotations

import pytest

from sat import checkpoints
from sat.evaluation.found import evaluations
from sat.evaluation.versus import Wrong, versus
from sat.ui.mistakes.opened import Opened, open_evaluation
from sat.ui.mistakes.sets import confusion_set, named_set, quadrant_set, versus_set
from sat.ui.mistakes.words import sentences

WORD = {
    "word": "dog",
    "word_class": "dog",
    "kind": "animals",
    "hallucinated": False,
    "log_prob": 0.0,
    "evidence": None,
    "necessity": None,
    "box_mass": None,
    "box_uniform": None,
    "box_hit": None,
}
ROW = {"objects_missed": ["cat", "ball", "horse"]}
KINDS = {"dog": "animals", "cat": "animals", "horse": "animals", "ball": "things"}


def story(**values: object) -> str:
    return "\n".join(sentences(ROW, {**WORD, **values}, KINDS))


def test_a_made_up_class_is_set_against_those_missed_of_its_kind():
    assert "borne out" in story()
    text = story(hallucinated=True)
    assert "No reference bears out *dog*; of the same kind they name cat and horse" in text and "ball" not in text
    assert "bear" not in story(word_class=None, kind=None)


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (2.4850, "makes it 12 times as likely as the mean picture"),
        (0.693147, "makes it 2.0 times as likely"),
        (0.1, "adds nothing to it (0.10 nats)"),
        (-0.693147, "the mean picture makes it 2.0 times as likely (−0.69 nats)"),
        (1e9, "times as likely"),
    ],
)
def test_what_the_picture_adds_is_said(evidence: float, said: str):
    assert said in story(evidence=evidence)


def test_attention_is_said_with_what_it_is_compared_to():
    text = story(box_mass=0.5, box_uniform=0.1, box_hit=True, necessity=0.3)
    assert "50 % of attention lies in the boxes of *dog*, 5.0 times" in text and "lies in one" in text
    assert "mattered: spreading attention evenly changes the next word by 0.30 nats" in text
    assert "hardly mattered" in story(necessity=0.001)
    assert "times what" not in story(box_mass=0.0, box_uniform=0.0, box_hit=False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> dict[str, Opened]:
    monkeypatch.delenv("SAT_CHECKPOINTS", raising=False)
    assert checkpoints.available()
    return {one.name: open_evaluation(one) for one in evaluations() if one.shipped}


def test_sets_are_found_by_the_names_that_are_made(opened: dict[str, Opened]):
    soft, hard = opened["shapes-soft"], opened["shapes-hard"]
    others = [one.found for one in opened.values()]
    assert len(named_set(quadrant_set("objects", 3), soft, others).images) == 8
    assert named_set(confusion_set("square", "cross"), hard, others).images == ("test-00183.png",)
    both = versus(soft.store, hard.store, Wrong("CIDEr", 50))
    for side, pairs in (("fixed", both.fixed), ("broken", both.broken), ("both", both.both_wrong)):
        found = named_set(versus_set(side, Wrong("CIDEr", 50), "shapes-hard"), soft, others)
        assert found.images == tuple(pair.image for pair in pairs) and "shapes-hard" in found.label
    assert named_set(versus_set("neither", Wrong(), "shapes-hard"), soft, others).images


@pytest.mark.parametrize(
    "name",
    [
        "",
        "objects",
        "objects:x",
        "confused:a>b",
        "fixed",
        "fixed::nobody",
        "fixed:CIDEr<x:shapes-hard",
        "fixed:x<1:shapes-hard",
    ],
)
def test_there_is_no_such_set(opened: dict[str, Opened], name: str):
    assert named_set(name, opened["shapes-soft"], [one.found for one in opened.values()]) is None
