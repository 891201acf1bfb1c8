"""CHAIR against a page worked by hand, and the numbers that are known of people on Flickr8k."""

from __future__ import annotations

from pathlib import Path

import pytest

from sat.data import flickr8k
from sat.data.tokens import tokenize
from sat.evaluation.chair import find_synonyms, standard_classes
from sat.evaluation.hallucination import OBJECT_KINDS, chair, hallucination, judge, judge_humans
from sat.evaluation.word_classes import WordClasses, word_classes

CLASSES = WordClasses(
    {
        "people": {"person": ["person", "people"], "man": ["man"], "woman": ["woman"]},
        "animals": {"dog": ["dog", "dogs", "puppy"], "cat": ["cat"]},
        "things": {"ball": ["ball"], "skateboard": ["skateboard"]},
        "colours": {"red": ["red"], "blue": ["blue"]},
    },
    parents={"man": "person", "woman": "person"},
    implies={"skateboarder": ["skateboard", "person"]},
)

# Of the objects said, worked by hand (every reference and caption word by word):
#   a: man, dog, ball    references: man, dog, person -> man, dog        ball hallucinated, nothing missed
#   b: dog, dog, cat     references: dog                                 cat hallucinated, nothing missed
#   c: person            references: woman, ball                         a woman is a person: nothing; ball missed
#   d: man, skateboard   references: (a skateboarder implies both)       nothing hallucinated, nothing to miss
# 9 mentions, 2 hallucinated; 2 captions of 4; 5 classes in references, 4 found.
REFERENCES = {
    "a": ["A man with a puppy .", "The person and a dog ."],
    "b": ["Two dogs ."],
    "c": ["A woman throws a red ball .", "A woman ."],
    "d": ["The skateboarder jumps .", "Jumping ."],
}
CAPTIONS = {
    "a": "a man and a dog with a red ball",
    "b": "a dog a dog and a cat",
    "c": "a blue person",
    "d": "a man on a skateboard",
}
WORDS = {name: text.split() for name, text in CAPTIONS.items()}


def test_by_hand() -> None:
    found, judgements = hallucination(CLASSES, WORDS, REFERENCES)
    assert found["objects"]["model"] == {
        "captions": 4,
        "mentions": 9,
        "hallucinated": 2,
        "chair_i": round(100 * 2 / 9, 4),
        "chair_s": 50.0,
        "recall": 80.0,
    }
    # People: b has a single reference. First references of a, c, d against the others: man (a person: fine) and puppy
    # (dog: fine); woman (fine), ball (hallucinated); nothing. Others name man's person, dog; woman; nothing.
    assert found["objects"]["human"] == {
        "captions": 3,
        "mentions": 4,
        "hallucinated": 1,
        "chair_i": 25.0,
        "chair_s": round(100 / 3, 4),
        "recall": 100.0,
    }
    colours = found["by_kind"]["colours"]["model"]  # red of a and blue of c, each in no reference; red of c missed
    assert (colours["mentions"], colours["hallucinated"], colours["recall"]) == (2, 2, 0.0)
    assert list(found["by_kind"]) == ["people", "animals", "things", "colours"]
    assert found["coco80"] is None
    assert found["most_often"] == [
        {"class": "ball", "captions": 1, "said": 1},
        {"class": "cat", "captions": 1, "said": 1},
    ]
    a, b, c, d = judgements
    assert a.said(OBJECT_KINDS) == ["man", "dog", "ball"] and a.made_up(OBJECT_KINDS) == ["ball"]
    assert a.referred == ("dog", "man") and a.missed == ()
    assert b.said(OBJECT_KINDS) == ["dog", "cat"] and b.hallucinated == (False, False, True)
    assert c.made_up(["colours"]) == ["blue"] and c.missed == ("ball", "red")
    assert d.hallucinated == (False, False) and d.referred == ()


def test_nothing_to_divide_by() -> None:
    silent = judge(CLASSES, ["grass"], [["grass"]])
    assert chair(CLASSES, [silent], OBJECT_KINDS) == {
        "captions": 1, "mentions": 0, "hallucinated": 0, "chair_i": None, "chair_s": 0.0, "recall": None,
    }  # fmt: skip
    assert chair(CLASSES, [], OBJECT_KINDS)["chair_s"] is None
    assert judge_humans(CLASSES, {"a": ["one dog"]}) == []


def test_a_woman_is_no_man() -> None:
    found = judge(CLASSES, ["a", "man"], [["a", "woman"], ["a", "person"]])
    assert found.hallucinated == (True,) and found.missed == ("woman",)


def test_facts_measured_on_flickr8k(data_folder: Path) -> None:
    dataset = flickr8k.load(data_folder)
    synonyms = find_synonyms(dataset)
    if synonyms is None:
        pytest.skip("there is no chair/synonyms.txt in SAT_DATA")
    references = {e.name: e.captions for e in dataset.split("test")}
    names = list(references)
    other = {a: tokenize(references[b][0]) for a, b in zip(names, names[1:] + names[:1], strict=True)}
    found, _ = hallucination(word_classes(), other, references, standard=standard_classes(synonyms))
    human, strange = found["coco80"]["human"], found["coco80"]["model"]
    assert [human[key] for key in ("chair_i", "chair_s", "recall")] == pytest.approx([3.5, 4.7, 78.5], abs=0.06)
    assert strange["chair_i"] == pytest.approx(47, abs=2) and strange["chair_s"] == pytest.approx(51, abs=2)
    own = found["objects"]
    assert own["human"]["chair_i"] < 12 < 60 < own["model"]["chair_i"]
    assert found["by_kind"]["people"]["human"]["chair_i"] < 5
    assert found["by_kind"]["animals"]["human"]["chair_i"] < 1
