"""Classes found in captions: double words, nouns that are verbs elsewhere, one class below another, and how many words
of Flickr8k they cover."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sat.data import shapes
from sat.data.entities import ALIGNED_FILE, read_aligned
from sat.data.tokens import tokenize
from sat.evaluation.word_classes import Mention, WordClasses, word_classes

SMALL = WordClasses(
    {
        "people": {"person": ["person", "people"], "man": ["man", "men"], "woman": ["woman"], "boy": ["boy"]},
        "things": {"slide": ["~slide"], "hot dog": ["hot dog", "hot dogs"], "skateboard": ["skateboard"]},
        "animals": {"dog": ["dog", "dogs"]},
        "actions": {"sliding": ["slide", "slides"]},
    },
    parents={"man": "person", "woman": "person", "boy": "man"},
    implies={"skateboarder": ["skateboard"], "skate park": ["skateboard"]},
    cues=["a", "the"],
)


def names(caption: str, classes: WordClasses | None = None) -> list[str]:
    return [mention.name for mention in (classes or word_classes()).mentions(tokenize(caption))]


def test_mentions() -> None:
    found = SMALL.mentions("two men eat a hot dog by the dogs".split())
    assert found == (
        Mention("man", "people", 1, 1),
        Mention("hot dog", "things", 4, 5),
        Mention("dog", "animals", 8, 8),
    )
    assert names("a boy on the slide", SMALL) == ["boy", "slide"]
    assert names("men slide", SMALL) == ["man", "sliding"]
    assert names("slide", SMALL) == ["slide"]
    assert SMALL.mentions([]) == ()
    assert SMALL.implied("a skateboarder at a skate park".split()) == {"skateboard"}
    assert SMALL.implied("a skate in a park".split()) == frozenset()


def test_one_class_below_another() -> None:
    assert SMALL.related("man", "person") and SMALL.related("person", "boy") and SMALL.related("dog", "dog")
    assert not SMALL.related("man", "woman") and not SMALL.related("dog", "man")
    assert SMALL.most_specific(["person", "man", "dog"]) == {"man", "dog"}
    assert SMALL.most_specific(["person", "boy", "man", "woman"]) == {"boy", "woman"}


@pytest.mark.parametrize(
    ("said", "named", "true"),
    [
        ("man", ["man"], True),
        ("person", ["boy"], True),  # a boy is a person
        ("boy", ["person"], True),  # nobody says what person
        ("boy", ["person", "man"], True),  # a boy is a kind of man here
        ("man", ["person", "woman"], False),  # the person is known to be a woman
        ("man", ["woman"], False),
        ("dog", ["person"], False),
        ("dog", [], False),
    ],
)
def test_borne_out(said: str, named: list[str], true: bool) -> None:
    assert SMALL.borne_out(said, named) is true


def test_wrong_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="class dog is given twice"):
        WordClasses({"a": {"dog": ["dog"]}, "b": {"dog": ["hound"]}})
    with pytest.raises(ValueError, match="'dog' of cat is empty or given twice"):
        WordClasses({"a": {"dog": ["dog"], "cat": ["dog"]}})
    with pytest.raises(ValueError, match=r"no classes \['animal'\]"):
        WordClasses({"a": {"dog": ["dog"]}}, parents={"dog": "animal"})


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A little girl in a pink dress .", ["girl", "pink", "dress"]),
        ("An orange ball", ["orange", "ball"]),
        ("Two oranges on a plate", ["two", "food", "plate"]),
        ("a man eats a hot dog", ["man", "eating", "food"]),
        ("a black lab and a German Shepherd", ["dog", "dog"]),
        ("children slide down a slide", ["child", "sliding", "slide"]),
        ("a dog swims with a stick in the ocean", ["dog", "swimming", "stick", "ocean"]),
        ("ocean waves", ["wave"]),
        ("the boy waves at the waves", ["boy", "waving", "wave"]),
        ("a train on train tracks", ["train", "railway"]),
        ("people train in a gym", ["person", "gym"]),
        ("a group of policemen on dirt bikes", ["group", "man", "motorcycle"]),
        ("a woman with an ice cream cone", ["woman", "sweets"]),
        ("a skier jumps", ["person", "jumping"]),
        ("the teddy bear", ["toy"]),
    ],
)
def test_classes_of_photographs(caption: str, expected: list[str]) -> None:
    assert names(caption) == expected


def test_kinds_and_lines() -> None:
    classes = word_classes("coco")
    assert classes is not word_classes("shapes") and classes.kinds == word_classes("flickr8k").kinds
    kinds = {"people", "animals", "clothing", "vehicles", "things", "food", "places", "colours", "counts", "actions"}
    assert kinds <= set(classes.kinds.values())
    assert classes.related("baby", "person") and not classes.related("boy", "girl")
    assert classes.related("motorcycle", "bike") and not classes.related("motorcycle", "bicycle")
    assert "snowboard" in classes.implied(["snowboarder"])


def test_classes_of_the_shapes_have_all_their_words() -> None:
    classes = word_classes("shapes")
    for number in range(20):
        _, record, drawn = shapes.picture(3, "test", number)
        for caption in record.captions:
            for phrase in caption.phrases:
                found = classes.mentions([w.lower() for w in phrase.words])
                assert [m.kind for m in found if m.kind == "things"] == ["things"], phrase.words
    assert set(shapes.KINDS) | set(shapes.COLOURS) <= set(classes.kinds)
    assert drawn


def test_coverage_counts_only_frequent_words() -> None:
    part, missing = word_classes().coverage({"dog": 5, "thing": 5, "boy": 9, "cat": 4, "it": 4}, 5)
    assert (part, missing) == (pytest.approx(2 / 3), ["thing"])


# Heads of noun phrases that name no thing by themselves: pronouns, parts and places of a picture, occasions.
NO_THINGS = set(
    """one other others him it that something there them her he she they who which another himself some lot number each
    air background foreground area outside outdoors indoors top back backs side behind open distance way view corner
    right left edge scene surface setting line display range spots formation picture pictures photo photograph shot
    object turn event day lap shadow frame base bar ring""".split()
)


def test_coverage_of_flickr8k(data_folder: Path) -> None:
    heads: Counter[str] = Counter()
    for picture in read_aligned(data_folder / "flickr8k" / ALIGNED_FILE).values():
        if picture.split == "train":
            for caption in picture.captions:
                for phrase in caption.phrases:
                    words = [word for token in phrase.words for word in tokenize(token)]
                    heads.update(words[-1:])
    for word in NO_THINGS:
        heads.pop(word, None)
    part, missing = word_classes().coverage(heads, 20)
    assert sum(count >= 20 for count in heads.values()) > 400
    assert part >= 0.98, missing
