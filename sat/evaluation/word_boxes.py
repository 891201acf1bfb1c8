"""Did the model look where the thing is that it names? Attention on a written word against the boxes of its class.

``grounding`` judges reference captions, whose phrases have boxes. A written caption has none; here a word is set
against the boxes of all phrases of the picture's references whose head is of the word's class.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sat.data.entities import AlignedPicture, Box
from sat.evaluation.grounding import box_coverage, boxed_phrases, caption_words, centre_mass, peak, points_at
from sat.evaluation.word_classes import WordClasses

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
        if boxes not in self._baselines:
            self._baselines[boxes] = box_coverage(boxes, *self._size, *alpha.shape), centre_mass(boxes, *self._size)
        coverage, centre = self._baselines[boxes]
        hit = points_at(boxes, *peak(alpha, *self._size))
        return InBoxes(float((alpha * coverage).sum()), float(coverage.mean()), centre, hit)
