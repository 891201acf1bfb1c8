"""The same numbers for a part of the pictures: by length of the caption, by what is named, by what people tagged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sat.evaluation.browse import EvaluationStore
from sat.evaluation.rows import SCORES

ClassColumn = Literal["objects_said", "objects_in_references", "objects_hallucinated", "objects_missed"]


@dataclass(frozen=True)
class Slice:
    """Some of the pictures of an evaluation.

    Attributes:
        name: what they share.
        images: their names, in the order of the split.
        scores: the mean of each.
        spread: of each score, the standard error of that mean; None for a single picture.
        hallucinating, missing: share of the captions that make up an object, and that miss one; 0 to 1.
    """

    name: str
    images: tuple[str, ...]
    scores: dict[str, float]
    spread: dict[str, float | None]
    hallucinating: float
    missing: float

    @property
    def n(self) -> int:
        """How many pictures."""
        return len(self.images)


def by_length(store: EvaluationStore) -> list[Slice]:
    """Captions of the same number of words, the shortest first."""
    columns = _columns(store)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for i, length in enumerate(columns["length"]):
        groups[int(length)].append(i)
    return [_slice(f"{length} word{'s' * (length != 1)}", groups[length], columns) for length in sorted(groups)]


def by_class(store: EvaluationStore, column: ClassColumn = "objects_in_references", least: int = 1) -> list[Slice]:
    """Pictures that share an object class, the most frequent first; a picture is in the slice of each of its classes.

    Args:
        column: where the class stands; least: pictures of a slice.
    """
    columns = _columns(store, column)
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for i, names in enumerate(columns[column]):
        for name in names:
            groups[name].append(i)
    found = [_slice(name, rows, columns) for name, rows in groups.items() if len(rows) >= least]
    return sorted(found, key=lambda one: (-one.n, one.name))


def by_images(store: EvaluationStore, groups: Mapping[str, Collection[str]]) -> list[Slice]:
    """Pictures that somebody has put together, such as those with a tag; empty groups are left out.

    Args:
        groups: names of pictures by name of the slice.
    """
    columns = _columns(store)
    places = {image: i for i, image in enumerate(columns["image"])}
    rows = {name: sorted({places[image] for image in images if image in places}) for name, images in groups.items()}
    return [_slice(name, found, columns) for name, found in rows.items() if found]


def whole(store: EvaluationStore) -> Slice | None:
    """All pictures, to set a slice against; None where there are none."""
    columns = _columns(store)
    count = len(columns["image"])
    return _slice("all", range(count), columns) if count else None


def _columns(store: EvaluationStore, *more: str) -> dict[str, np.ndarray]:
    return store.values(["image", "length", "hallucinated", "missed", *SCORES, *more])


def _slice(name: str, rows: Iterable[int], columns: Mapping[str, Any]) -> Slice:
    of = np.fromiter(rows, int)
    scores = {score: columns[score][of] for score in SCORES}
    return Slice(
        name=name,
        images=tuple(columns["image"][of]),
        scores={score: float(values.mean()) for score, values in scores.items()},
        spread={
            score: float(values.std(ddof=1) / np.sqrt(len(of))) if len(of) > 1 else None
            for score, values in scores.items()
        },
        hallucinating=float((columns["hallucinated"][of] > 0).mean()),
        missing=float((columns["missed"][of] > 0).mean()),
    )
