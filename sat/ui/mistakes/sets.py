"""Pictures that belong together: those of a quadrant, a confusion, or of one side of two models. Named in links."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sat.errors import UserError
from sat.evaluation.found import Found
from sat.evaluation.quadrants import Quadrants
from sat.evaluation.versus import Versus, Wrong
from sat.ui.mistakes import opened as evaluation
from sat.ui.mistakes.opened import Opened

QUADRANTS = ("looked-said", "looked-unsaid", "unlooked-said", "unlooked-unsaid")
QUADRANT_LABELS = (
    "looked right, said right",
    "looked right, said wrong",
    "looked elsewhere, said right",
    "looked elsewhere, said wrong",
)
SIDES = {"fixed": "fixed by", "broken": "broken by", "both": "wrong here and in", "neither": "right here and in"}


@dataclass(frozen=True)
class Named:
    """A set of pictures.

    Attributes:
        label: what they are, for a reader; images: their names.
    """

    label: str
    images: tuple[str, ...]


def quadrant_set(kind: str, index: int) -> str:
    """The name of the set of a quadrant: of ``objects`` or ``words``, in the order of ``Quadrants.all``."""
    return f"{kind}:{QUADRANTS[index]}"


def confusion_set(said: str, missed: str) -> str:
    """The name of the set of pictures where one class is said and another missed."""
    return f"confused:{said}>{missed}"


def versus_set(side: str, wrong: Wrong, other: str) -> str:
    """The name of the set of one side of two models."""
    return f"{side}:{'' if wrong.score is None else f'{wrong.score}<{wrong.below:g}'}:{other}"


def named_set(name: str, opened: Opened, others: Collection[Found]) -> Named | None:
    """The pictures of a set; None where there is no such set.

    Args:
        others: the evaluations that this one may be set against.
    """
    kind, _, rest = name.partition(":")
    if kind in ("objects", "words") and rest in QUADRANTS:
        found: Quadrants = (evaluation.objects if kind == "objects" else evaluation.words)(opened)
        index = QUADRANTS.index(rest)
        return Named(f"{kind}: {QUADRANT_LABELS[index]}", found.all()[index].images)
    if kind == "confused":
        said, _, missed = rest.partition(">")
        for one in evaluation.confusions(opened):
            if (one.said, one.missed) == (said, missed):
                return Named(f"“{said}” said, “{missed}” missed", one.images)
        return None
    if kind in SIDES:
        return _side(kind, rest, opened, others)
    return None


def _side(side: str, rest: str, opened: Opened, others: Collection[Found]) -> Named | None:
    criterion, _, other = rest.partition(":")
    found = next((one for one in others if one.name == other), None)
    if found is None:
        return None
    try:
        wrong = _wrong(criterion)
        both = evaluation.against(opened, evaluation.open_evaluation(found), wrong)
    except (UserError, ValueError):
        return None
    pairs: Callable[[Versus], tuple] = {
        "fixed": lambda v: v.fixed,
        "broken": lambda v: v.broken,
        "both": lambda v: v.both_wrong,
        "neither": lambda v: v.both_right,
    }[side]
    return Named(f"{SIDES[side]} {found.label}", tuple(pair.image for pair in pairs(both)))


def _wrong(text: str) -> Wrong:
    """The criterion in a set's name.

    Raises:
        UserError, ValueError: it is none.
    """
    score, _, below = text.partition("<")
    return Wrong(score, float(below)) if text else Wrong()
