"""Did the model look where the thing is that it names? Attention on a written word against the boxes of its class.

``grounding`` judges reference captions, whose phrases have boxes. A written caption has none; here a word is set
against the boxes of all phrases of the picture's references whose head is of the word's class. And the other way round:
of every object with boxes, whether the caption names it, and how much attention it got at any word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sat.data.entities import AlignedPicture, Box
from sat.evaluation.grounding import box_coverage, boxed_phrases, caption_words, centre_mass, peak, points_at
from sat.evaluation.hallucination import OBJECT_KINDS
from sat.evaluation.word_classes import Mention, WordClasses

NAMING_KINDS = ("people", "animals", "clothing", "vehicles", "things", "food", "places", "body")


@dataclass(frozen=True)
class InBoxes:
    """One map against boxes; fractions of the whole attention.

    Attributes:
        mass: inside the boxes; uniform, centre: what the two baselines of ``grounding`` have there.
        hit: whether the middle of the largest cell lies in a box.
    """

    mass: float
    uniform: float
    centre: float
    hit: bool


@dataclass(frozen=True)
class BoxedObject:
    """An object class that has boxes in a picture, and the attention that a caption's words paid to it.

    Attributes:
        name: of the class.
        step: of the word that names it, the first one; None where the caption does not.
        at_word: attention inside the boxes at that word.
        most, most_step: the most attention inside them at any word, and at which.
        elsewhere: the same most, the mean over captions of other pictures: what lies there whatever is in the picture.
        uniform, centre: what the two baselines of ``grounding`` have there.
        What there is no attention to measure by is None.
    """

    name: str
    step: int | None
    at_word: float | None
    most: float | None
    most_step: int | None
    elsewhere: float | None
    uniform: float | None
    centre: float


class PictureBoxes:
    """The boxes of a picture by the class of what is in them."""

    def __init__(self, classes: WordClasses, picture: AlignedPicture) -> None:
        self._classes, self._size = classes, (picture.width, picture.height)
        captions = caption_words(picture)
        found: defaultdict[str, set[Box]] = defaultdict(set)
        for phrase in boxed_phrases([picture]):
            mentions = classes.mentions([captions[phrase.caption][i] for i in phrase.words])
            heads = [mention.name for mention in mentions if mention.kind in NAMING_KINDS]
            if heads:
                found[heads[-1]].update(phrase.boxes)
        self._boxes = {name: tuple(sorted(boxes)) for name, boxes in found.items()}
        self._baselines: dict[tuple[Box, ...], tuple[np.ndarray, float]] = {}

    def of(self, name: str) -> tuple[Box, ...]:
        """The boxes of a class and of those below it, else of those above it; in pixels of the original picture."""
        is_a = self._classes.is_a
        below = {box for other, boxes in self._boxes.items() if is_a(other, name) for box in boxes}
        above = {box for other, boxes in self._boxes.items() if is_a(name, other) for box in boxes}
        return tuple(sorted(below or above))

    def look(self, name: str, alpha: np.ndarray) -> InBoxes | None:
        """A map (rows, columns) against the boxes of a class; None where it has none."""
        boxes = self.of(name)
        if not boxes:
            return None
        coverage, centre = self._judged(boxes, alpha.shape[0], alpha.shape[1])
        hit = points_at(boxes, *peak(alpha, *self._size))
        return InBoxes(float((alpha * coverage).sum()), float(coverage.mean()), centre, hit)

    def objects(
        self, mentions: Sequence[Mention], alphas: np.ndarray | None, others: Sequence[np.ndarray] = ()
    ) -> list[BoxedObject]:
        """The object classes that have boxes, the most specific ones, by name.

        Args:
            mentions: what a caption names; alphas: the maps of its words, (T, rows, columns); None without attention.
            others: the maps of the words of other pictures' captions, none without words.
        """
        found = []
        names = {name for name in self._boxes if self._classes.kinds[name] in OBJECT_KINDS}
        for name in sorted(self._classes.most_specific(names)):
            step = next((m.last for m in mentions if self._classes.related(name, m.name)), None)
            boxes = self._boxes[name]
            if alphas is None or not len(alphas):
                centre = centre_mass(boxes, *self._size)
                found.append(BoxedObject(name, step, None, None, None, None, None, centre))
                continue
            coverage, centre = self._judged(boxes, alphas.shape[1], alphas.shape[2])
            inside = (alphas * coverage).sum((1, 2))  # (T,)
            most = int(inside.argmax())
            found.append(
                BoxedObject(
                    name=name,
                    step=step,
                    at_word=None if step is None else float(inside[step]),
                    most=float(inside[most]),
                    most_step=most,
                    elsewhere=float(np.mean([(o * coverage).sum((1, 2)).max() for o in others])) if others else None,
                    uniform=float(coverage.mean()),
                    centre=centre,
                )
            )
        return found

    def _judged(self, boxes: tuple[Box, ...], rows: int, columns: int) -> tuple[np.ndarray, float]:
        """How much of each cell boxes cover, and what the centre baseline has in them; maps are of one size."""
        if boxes not in self._baselines:
            coverage = box_coverage(boxes, *self._size, rows, columns)
            self._baselines[boxes] = coverage, centre_mass(boxes, *self._size)
        return self._baselines[boxes]
