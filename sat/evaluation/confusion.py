"""Which noun is said in place of which? A class made up, against those of the same kind missed in the same picture."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sat.evaluation.browse import Condition, EvaluationStore
from sat.evaluation.word_classes import word_classes


@dataclass(frozen=True)
class Confusion:
    """A class said where, it may be, another one was to be said.

    Attributes:
        said: the class that no reference bears out; missed: one of the same kind that they name and the caption
            does not.
        kind: of both, such as ``animals``.
        images: of the pictures where both is so, in the order of the split.
        alone: how many of them leave no other choice: one class of the kind made up, and one missed.
    """

    said: str
    missed: str
    kind: str
    images: tuple[str, ...]
    alone: int

    @property
    def count(self) -> int:
        """In how many pictures."""
        return len(self.images)


def confusion(store: EvaluationStore) -> list[Confusion]:
    """Every pair of object classes that stands so in a picture, the most frequent first.

    A picture with several classes made up or missed counts for each pair of them: which one was meant is not known.
    A class is never set against one above or below it, as that one would not be missed.
    """
    kinds = word_classes(str(store.about.get("dataset", ""))).kinds
    columns = store.values(
        ["image", "objects_hallucinated", "objects_missed"],
        [Condition("hallucinated", ">", 0), Condition("missed", ">", 0)],
    )
    images: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    alone: defaultdict[tuple[str, str], int] = defaultdict(int)
    for image, made_up, missed in zip(*columns.values(), strict=True):
        for kind in sorted({kinds[name] for name in made_up}):
            said = [name for name in made_up if kinds[name] == kind]
            instead = [name for name in missed if kinds[name] == kind]
            for a in said:
                for b in instead:
                    images[a, b].append(image)
                    alone[a, b] += len(said) == len(instead) == 1
    found = [Confusion(a, b, kinds[a], tuple(names), alone[a, b]) for (a, b), names in images.items()]
    return sorted(found, key=lambda one: (-one.count, -one.alone, one.said, one.missed))
