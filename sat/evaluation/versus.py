"""Two models' mistakes on the same pictures: what one fixes, what it breaks, what both get wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sat.errors import UserError
from sat.evaluation.browse import EvaluationStore
from sat.evaluation.rows import SCORES


@dataclass(frozen=True)
class Wrong:
    """When a caption counts as wrong.

    Attributes:
        score: None: when it names an object that no reference bears out; else when this score lies below ``below``.
    """

    score: str | None = None
    below: float = 0.0

    def __post_init__(self) -> None:
        if self.score is not None and self.score not in SCORES:
            raise UserError(f"There is no score {self.score!r}: choose one of {', '.join(SCORES)}.")
        if not np.isfinite(self.below):
            raise UserError("A score is compared with a number: give one.")

    def of(self, row: dict[str, Any]) -> bool:
        """Whether the caption of a picture's row is wrong."""
        return bool(row["hallucinated"] > 0) if self.score is None else bool(row[self.score] < self.below)


@dataclass(frozen=True)
class Pair:
    """One picture captioned by both.

    Attributes:
        image: its name; first, second: its number in each store.
        captions: of both.
        difference: of every score, the second's less the first's.
    """

    image: str
    first: int
    second: int
    captions: tuple[str, str]
    difference: dict[str, float]


@dataclass(frozen=True)
class Versus:
    """Pictures by who got them wrong, each in the order of the first store.

    Attributes:
        fixed: wrong by the first only; broken: wrong by the second only.
        left_out: pictures that only one of the two has.
        difference: of every score, the mean over all pictures of the second's less the first's.
    """

    wrong: Wrong
    fixed: tuple[Pair, ...]
    broken: tuple[Pair, ...]
    both_wrong: tuple[Pair, ...]
    both_right: tuple[Pair, ...]
    left_out: int
    difference: dict[str, float]

    @property
    def count(self) -> int:
        """How many pictures both have."""
        return len(self.fixed) + len(self.broken) + len(self.both_wrong) + len(self.both_right)


def versus(first: EvaluationStore, second: EvaluationStore, wrong: Wrong | None = None) -> Versus:
    """Set two evaluations against each other, picture by picture.

    A picture is the same where its name and its references are: folders may use a name twice.

    Args:
        wrong: None means by hallucinated objects.

    Raises:
        UserError: they have no picture in common.
    """
    wrong = wrong or Wrong()
    one, other = _rows(first), _rows(second)
    shared = [key for key in one if key in other]
    if not shared:
        raise UserError("The two evaluations have no pictures in common: choose two of the same split.")
    groups: dict[tuple[bool, bool], list[Pair]] = {(a, b): [] for a in (False, True) for b in (False, True)}
    for key in shared:
        a, b = one[key], other[key]
        captions = (a["caption"], b["caption"])
        difference = {score: b[score] - a[score] for score in SCORES}
        pair = Pair(a["image"], a["picture"], b["picture"], captions, difference)
        groups[wrong.of(a), wrong.of(b)].append(pair)
    pairs = [pair for group in groups.values() for pair in group]
    return Versus(
        wrong=wrong,
        fixed=tuple(groups[True, False]),
        broken=tuple(groups[False, True]),
        both_wrong=tuple(groups[True, True]),
        both_right=tuple(groups[False, False]),
        left_out=len(one) + len(other) - 2 * len(shared),
        difference={score: float(np.mean([pair.difference[score] for pair in pairs])) for score in SCORES},
    )


def _rows(store: EvaluationStore) -> dict[tuple[str, tuple[str, ...]], dict[str, Any]]:
    columns = ["picture", "image", "caption", "references", "hallucinated", *SCORES]
    rows = store.page(count=store.count(), columns=columns).rows
    return {(row["image"], tuple(row["references"])): row for row in rows}
