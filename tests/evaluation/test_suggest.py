"""Suggested tags: the word that is meant, why, and silence where the references agree."""

from __future__ import annotations

from typing import Any

import pytest

from sat.data.tokens import tokenize
from sat.evaluation.hallucination import OBJECT_KINDS, judge
from sat.evaluation.suggest import attributes, relations, suggest
from sat.evaluation.word_classes import WordClasses, word_classes


def rows(caption: str, references: list[str], classes: WordClasses) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the store would hold, as far as suggestions read it."""
    words = caption.split()
    judgement = judge(classes, words, [tokenize(text) for text in references])
    named = {m.last: (m, bad) for m, bad in zip(judgement.mentions, judgement.hallucinated, strict=True)}
    missed = [name for name in judgement.missed if classes.kinds[name] in OBJECT_KINDS]
    of_words = []
    for step, word in enumerate(words):
        mention, bad = named.get(step, (None, None))
        kind = None if mention is None else mention.kind
        of_words.append({"step": step, "word": word, "kind": kind, "hallucinated": bad})
    return {"words": words, "references": references, "objects_missed": missed}, of_words


def suggested(caption: str, *references: str, dataset: str = "flickr8k") -> list[tuple[str, str, str]]:
    classes = word_classes(dataset)
    found = suggest(*rows(caption, list(references), classes), classes)
    return [(one.tag, caption.split()[one.word], one.reason) for one in found]


def test_what_no_reference_mentions() -> None:
    found = suggested(
        "three men in red run on the beach with a surfboard",
        "Two women walk on the sand with a ball.",
        "A woman with a frisbee.",
    )
    assert found == [
        ("count", "three", "No reference mentions “three”."),
        ("object", "men", "No reference mentions “men”; they mention woman instead."),
        ("attribute", "red", "No reference mentions “red”."),
        ("action", "run", "No reference mentions “run”."),
        ("object", "beach", "No reference mentions “beach”."),
        (
            "object",
            "surfboard",
            "No reference mentions “surfboard”; they mention ball and frisbee instead.",
        ),
    ]


def test_nothing_where_the_references_agree() -> None:
    assert suggested("a brown dog runs on grass", "A dog is running.", "The brown dog on the grass.") == []


@pytest.mark.parametrize(
    ("caption", "references", "expected"),
    [
        (
            "a man in a red shirt and a hat",
            ["A man in a blue shirt and a red hat."],
            [("attribute", "red", "No reference calls “shirt” red; they say blue.")],
        ),
        ("a man in a red shirt", ["A man in a red and blue shirt.", "A man in a red hat."], []),
        ("a man in a red shirt", ["A man in a shirt and a red hat."], []),  # nobody says what colour it is
        (
            "two dogs and three men",
            ["Three dogs with two men.", "Three dogs and many people."],
            [
                ("count", "two", "No reference calls “dogs” two; they say three."),
            ],
        ),
    ],
)
def test_attributes_of_something_else(caption: str, references: list[str], expected: list) -> None:
    found = suggested(caption, *references)
    assert found[: len(expected)] == expected
    assert len(found) == len(expected) or caption.startswith("two")


def test_attributes_stand_before_their_noun() -> None:
    classes = word_classes()
    words = "two brown and white dogs by a man in a big red life jacket".split()
    found = {(attribute.name, noun.name) for attribute, noun in attributes(classes, words)}
    assert {("two", "dog"), ("brown", "dog"), ("white", "dog")} <= found
    assert not any(noun == "man" for _, noun in found)


@pytest.mark.parametrize(
    ("caption", "reference", "expected"),
    [
        ("a circle above a square", "a square above a circle", "square above circle"),
        ("a circle above a square", "a circle below a square", "square above circle"),
        ("a circle under a square", "a square under a circle", "circle above square"),
        ("a circle to the left of a star", "a circle to the right of a star", "star left of circle"),
        ("a circle above a square", "a square below a circle", None),
        ("a circle above a square", "a circle and a square", None),
        ("a circle above a circle", "a circle below a circle", None),
    ],
)
def test_relations_turned_round(caption: str, reference: str, expected: str | None) -> None:
    found = [one for one in suggested(caption, reference, dataset="shapes") if one[0] != "repetition"]
    if expected is None and "above" not in reference and "below" not in reference:
        assert [one[1:] for one in found] == [("above", "No reference mentions “above”.")]
        return
    said = [] if expected is None else [f"The references have it the other way round: {expected}."]
    assert [reason for _, _, reason in found] == said and all(tag == "relation" for tag, _, _ in found)


def test_relations_of_photographs() -> None:
    classes = word_classes()
    found = relations(classes, "a dog on top of a bench in front of a man".split())
    assert [(name, a.name, b.name, place) for name, a, b, place in found] == [
        ("above", "dog", "bench", 2),
        ("in front of", "bench", "man", 7),
    ]
    assert relations(classes, "on the grass".split()) == []
    assert suggested("a dog behind a man", "A man behind a dog.")[0][:2] == ("relation", "behind")


def test_form() -> None:
    found = suggested("a dog runs with a dog are", "A dog is running with a dog.")
    assert [(tag, word) for tag, word, _ in found] == [("repetition", "dog"), ("grammar", "are")]
    assert suggested("", "A dog.") == []


def test_one_of_a_kind_for_a_word() -> None:
    found = suggested("a dog dog runs", "A dog runs.")
    assert [(tag, word) for tag, word, _ in found] == [("repetition", "dog")]
