"""Attention on written words against the boxes of their class, on a picture with boxes at known places."""

from __future__ import annotations

import numpy as np
import pytest

from sat.data.entities import AlignedCaption, AlignedPicture, Phrase
from sat.evaluation.grounding import centre_mass
from sat.evaluation.word_boxes import PictureBoxes
from sat.evaluation.word_classes import word_classes

LEFT, RIGHT, TOP = (0.0, 0.0, 200.0, 400.0), (200.0, 0.0, 400.0, 400.0), (0.0, 0.0, 400.0, 200.0)


@pytest.fixture
def boxes() -> PictureBoxes:
    """A dog on the left, two men on the right and at the top, a red shirt without a box."""
    first = AlignedCaption(
        0,
        tuple("A brown dog by a man in a red shirt .".split()),
        (
            Phrase("1", ("animals",), 0, ("A", "brown", "dog")),
            Phrase("2", ("people",), 4, ("a", "man")),
            Phrase("4", ("clothing",), 7, ("a", "red", "shirt")),
        ),
    )
    second = AlignedCaption(1, tuple("The puppy and a man".split()), (
        Phrase("1", ("animals",), 0, ("The", "puppy")),
        Phrase("3", ("people",), 3, ("a", "man")),
    ))  # fmt: skip
    of = {"1": (LEFT,), "2": (RIGHT,), "3": (TOP,)}
    return PictureBoxes(word_classes(), AlignedPicture("x.jpg", "test", 400, 400, of, (first, second)))


def test_boxes_by_class(boxes: PictureBoxes) -> None:
    assert boxes.of("dog") == (LEFT,)
    assert set(boxes.of("man")) == {RIGHT, TOP}
    assert set(boxes.of("person")) == {RIGHT, TOP}  # a man is a person
    assert boxes.of("animal") == (LEFT,)
    assert boxes.of("boy") == ()  # a man is no boy, and nobody spoke of a person
    for name in ("woman", "shirt", "red", "brown", "ball"):
        assert boxes.of(name) == ()


def test_attention_in_boxes(boxes: PictureBoxes) -> None:
    alpha = np.zeros((4, 4), np.float32)
    alpha[0, 0], alpha[3, 3], alpha[3, 1] = 0.5, 0.3, 0.2
    dog, man = boxes.look("dog", alpha), boxes.look("man", alpha)
    assert dog is not None and man is not None
    assert (dog.mass, dog.uniform, dog.hit) == (pytest.approx(0.7), 0.5, True)
    assert (man.mass, man.uniform, man.hit) == (pytest.approx(0.8), 0.75, True)
    assert dog.centre == pytest.approx(0.5)
    assert man.centre == pytest.approx(centre_mass([RIGHT, TOP], 400, 400)) == pytest.approx(0.75)
    turned = boxes.look("dog", alpha[:, ::-1])
    assert turned is not None and (turned.mass, turned.hit) == (pytest.approx(0.3), False)
    assert boxes.look("shirt", alpha) is None


def test_objects_named_or_not(boxes: PictureBoxes) -> None:
    """Maps of "a puppy with someone": the dog is named, the man by a wider class; no class of a red shirt has boxes."""
    classes = word_classes()
    words = "a puppy with someone".split()
    maps = np.zeros((4, 4, 4), np.float32)
    maps[0, 0, 0] = maps[1, 3, 3] = maps[2, 0, 3] = 1  # upper left; lower right; upper right
    maps[3, 0, 0] = maps[3, 3, 0] = 0.5  # upper left and lower left
    dog, man = boxes.objects(classes.mentions(words), maps, [maps[:1], maps[2:], maps[1:3]])
    assert (dog.name, dog.step, dog.at_word, dog.most, dog.most_step) == ("dog", 1, 0.0, 1.0, 0)
    assert dog.elsewhere == pytest.approx(2 / 3)  # at most 1, 1 and 0
    assert (dog.uniform, dog.centre) == (0.5, pytest.approx(0.5))
    assert (man.name, man.step, man.at_word, man.most, man.most_step) == ("man", 3, 0.5, 1.0, 0)
    assert (man.elsewhere, man.uniform, man.centre) == (1.0, 0.75, pytest.approx(0.75))
    missed = boxes.objects(classes.mentions("a cat".split()), maps[:2])
    assert [(one.name, one.step, one.at_word, one.most, one.most_step, one.elsewhere) for one in missed] == [
        ("dog", None, None, 1.0, 0, None),
        ("man", None, None, 1.0, 0, None),
    ]
    for alphas in (None, maps[:0]):
        blind = boxes.objects(classes.mentions(words if alphas is None else []), alphas)
        assert [(one.name, one.at_word, one.most, one.elsewhere, one.uniform) for one in blind] == [
            ("dog", None, None, None, None),
            ("man", None, None, None, None),
        ]
        assert blind[0].centre == pytest.approx(0.5) and blind[0].step == (1 if alphas is None else None)
