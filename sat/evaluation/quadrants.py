"""Looked right, said right: attention in the true boxes of an object, against whether the caption names the object.

Two views, which answer two questions:

- *objects* (``by_object``): every object class that has boxes in a picture, named or not. Looked right: at the word
  that paid them most, there was more attention inside the boxes than captions of other pictures pay there at most. An
  object that is missed has no word of its own, so the most of all words is what can be asked of both; but the most of
  ten maps is high in any box, higher than one map of the centre has there. Hence the comparison with other captions.
- *words* (``by_word``): every word written whose class has boxes. Looked right: at that word, there was more attention
  inside the boxes than a Gaussian in the middle of the picture has. Said right: the word is not hallucinated. Few words
  are wrong here by the nature of the thing: a class has boxes because a reference names it, so a wrong word mostly has
  no box to look at (``without_boxes``); what remains is a class too special or too different ("a man", where the
  references say a person and a woman).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sat.evaluation.browse import Condition, EvaluationStore
from sat.evaluation.hallucination import OBJECT_KINDS


@dataclass(frozen=True)
class Item:
    """An object or a word that has boxes.

    Attributes:
        picture, image: number and name of its picture.
        name: the class.
        step: which word of the caption was looked at: that which is judged, or the one with most attention in the
            boxes; word: that word.
        named_at: which word names it; None where none does.
        box_mass: attention inside the boxes; box_centre: what a Gaussian in the middle has there.
        expected: what the attention is compared with.
    """

    picture: int
    image: str
    name: str
    step: int
    word: str
    named_at: int | None
    box_mass: float
    box_centre: float
    expected: float

    @property
    def looked(self) -> bool:
        """Whether attention lay in the boxes more than it does anyway."""
        return self.box_mass > self.expected


@dataclass(frozen=True)
class Quadrant:
    """One of the four.

    Attributes:
        looked, said: whether that was right; rows: of the items, by picture.
    """

    looked: bool
    said: bool
    rows: tuple[Item, ...]

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.rows)

    @property
    def images(self) -> tuple[str, ...]:
        """The pictures, each once, in the order of the split."""
        return tuple(dict.fromkeys(item.image for item in self.rows))


@dataclass(frozen=True)
class Quadrants:
    """All four, and what could not be judged.

    Attributes:
        without_boxes: of words: hallucinated objects that have no box; of objects: always 0.
    """

    looked_said: Quadrant
    looked_unsaid: Quadrant
    unlooked_said: Quadrant
    unlooked_unsaid: Quadrant
    without_boxes: int = 0

    def all(self) -> tuple[Quadrant, Quadrant, Quadrant, Quadrant]:
        """The four, those looked right first, in each those said right first."""
        return self.looked_said, self.looked_unsaid, self.unlooked_said, self.unlooked_unsaid

    @property
    def count(self) -> int:
        """How many items were judged."""
        return sum(quadrant.count for quadrant in self.all())

    @property
    def said_when_looked(self) -> float | None:
        """The share said right of those looked right, 0 to 1; None where there are none."""
        return _share(self.looked_said, self.looked_unsaid)

    @property
    def said_when_not_looked(self) -> float | None:
        """The share said right of the others."""
        return _share(self.unlooked_said, self.unlooked_unsaid)


def by_object(store: EvaluationStore) -> Quadrants:
    """The objects with boxes; empty where the data set has none, or the model no attention."""
    columns = store.values(["picture", "image", "words", "boxed"])
    items = []
    for picture, image, words, boxed in zip(*columns.values(), strict=True):
        for one in boxed:
            if one["most"] is None or one["elsewhere"] is None:
                continue
            step, named_at = one["most_step"], one["step"]
            mass, centre, expected = one["most"], one["centre"], one["elsewhere"]
            items.append(Item(int(picture), image, one["name"], step, words[step], named_at, mass, centre, expected))
    return _sorted((item, item.named_at is not None) for item in items)


def by_word(store: EvaluationStore) -> Quadrants:
    """The words written whose class has boxes; empty where the data set has none, or the model no attention."""
    names = ["picture", "image", "word_class", "step", "word", "box_mass", "box_centre", "hallucinated"]
    columns = store.values(names, [Condition("box_mass", "known")], kind="words")
    items = []
    for picture, image, name, step, word, mass, centre, bad in zip(*columns.values(), strict=True):
        at, expected = int(step), float(centre)
        items.append((Item(int(picture), image, name, at, word, at, float(mass), expected, expected), not bad))
    unboxed = [Condition("hallucinated", "=", True), Condition("box_mass", "unknown")]
    return _sorted(items, store.count([*unboxed, Condition("kind", "in", OBJECT_KINDS)], kind="words"))


def _sorted(items: Iterable[tuple[Item, bool]], without_boxes: int = 0) -> Quadrants:
    groups: dict[tuple[bool, bool], list[Item]] = {(a, b): [] for a in (True, False) for b in (True, False)}
    for item, said in items:
        groups[item.looked, said].append(item)
    looked, looked_unsaid, unlooked, unlooked_unsaid = (Quadrant(*key, tuple(rows)) for key, rows in groups.items())
    return Quadrants(looked, looked_unsaid, unlooked, unlooked_unsaid, without_boxes)


def _share(said: Quadrant, unsaid: Quadrant) -> float | None:
    both = said.count + unsaid.count
    return said.count / both if both else None
