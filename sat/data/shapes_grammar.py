"""True sentences about a picture of shapes, with the box of every noun phrase.

A sentence begins with the largest of the shapes and goes on with the largest of those that it has not named yet, as
people begin with what stands out. Every noun phrase means all and only those shapes of the picture that its words fit:
"a red circle" is said only where there is exactly one, "two squares" only where there are exactly two. Places and
relations are said only where nobody would disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from sat.data.entities import Phrase

if TYPE_CHECKING:
    from sat.data.shapes import Shape

Box = tuple[int, int, int, int]
NUMBERS = ("no", "one", "two", "three", "four")
PLURALS = {
    "circle": "circles",
    "square": "squares",
    "triangle": "triangles",
    "star": "stars",
    "cross": "crosses",
    "ring": "rings",
    "shape": "shapes",
}
RELATIONS = {
    "left": ("to the left of", "left of"),
    "right": ("to the right of", "right of"),
    "above": ("above",),
    "below": ("below", "under"),
}
_NEAR, _FAR = 0.36, 0.64  # of the side: a centre before _NEAR is on the left (at the top), after _FAR on the right
_MIDDLE = (0.42, 0.58)
_SUBJECTS = (0.15, 0.5, 0.35)  # how often one, two or three noun phrases are wanted

# A template is words with slots: {A}, {B}, {C} noun phrases, {be} the verb for A, {at_A} a place, {relation}
# how A lies to the rest.
_ONE = ("{A} {at_A}", "{A} {be} {at_A}", "there {be} {A} {at_A}", "there {be} {A}", "{A}")
_TWO = (
    "{A} {relation} {B}",
    "{A} {be} {relation} {B}",
    "there {be} {A} {relation} {B}",
    "{A} and {B}",
    "there {be} {A} and {B}",
    "{A} {at_A} and {B} {at_B}",
)
_THREE = ("{A} , {B} and {C}", "there {be} {A} , {B} and {C}", "{A} {be} {relation} {B} and {C}")


@dataclass(frozen=True)
class Mention:
    """A noun phrase and what it means.

    Attributes:
        words: such as ("two", "small", "stars").
        noun: in the singular.
        members: positions of the shapes that it means.
        weight: how often it is chosen, beside others.
    """

    words: tuple[str, ...]
    noun: str
    members: frozenset[int]
    weight: float


def describe(
    shapes: Sequence[Shape], boxes: Sequence[Box], rng: np.random.Generator, *, count: int, side: int
) -> tuple[dict[str, tuple[Box, ...]], list[tuple[tuple[str, ...], tuple[Phrase, ...]]]]:
    """Different true captions of a picture.

    Args:
        shapes: of the picture, the largest first; boxes: of the shapes, in the same order.
        count: captions wanted.
        side: of the picture, in pixels.

    Returns:
        the boxes by phrase id, and for every caption its tokens and noun phrases.
    """
    mentions = all_mentions(shapes)
    ids: dict[frozenset[int], str] = {}
    captions: dict[tuple[str, ...], tuple[Phrase, ...]] = {}
    while len(captions) < count:
        sentence = _sentence(shapes, boxes, mentions, rng, side)
        if sentence is None:
            continue
        tokens: list[str] = []
        phrases = []
        for part in [*sentence, "."]:
            if isinstance(part, str):
                tokens.append(part)
            else:
                key = ids.setdefault(part.members, str(len(ids) + 1))
                phrases.append((key, part.noun, len(tokens), len(part.words)))
                tokens.extend(part.words)
        tokens[0] = tokens[0].capitalize()
        captions[tuple(tokens)] = tuple(
            Phrase(key, (noun,), first, tuple(tokens[first : first + length])) for key, noun, first, length in phrases
        )
    return {key: tuple(boxes[i] for i in sorted(members)) for members, key in ids.items()}, list(captions.items())


def all_mentions(shapes: Sequence[Shape]) -> list[Mention]:
    """Every noun phrase that means something in the picture; those with a colour and a kind are the likeliest."""
    found = []
    sizes, colours, kinds = (
        [*dict.fromkeys(getattr(shape, name) for shape in shapes), None] for name in ("size", "colour", "kind")
    )
    for size, colour, kind in product(sizes, colours, kinds):
        members = frozenset(
            i
            for i, shape in enumerate(shapes)
            if size in (None, shape.size) and colour in (None, shape.colour) and kind in (None, shape.kind)
        )
        if not members:
            continue
        noun = kind or "shape"
        words = [word for word in (size, colour) if word is not None]
        if len(members) == 1:
            words.append(noun)
            words.insert(0, "an" if words[0][0] in "aeiou" else "a")
        else:
            words = [NUMBERS[len(members)], *words, PLURALS[noun]]
        weight = (1.0 if size is None else 0.5) * (1.0 if colour is None else 5.0) * (0.15 if kind is None else 1.0)
        found.append(Mention(tuple(words), noun, members, weight))
    return found


def places(boxes: Sequence[Box], members: frozenset[int], side: int) -> list[str]:
    """Where all members are, in words; empty where that is not clear."""
    common: set[str] | None = None
    for i in members:
        x, y = (boxes[i][0] + boxes[i][2]) / 2 / side, (boxes[i][1] + boxes[i][3]) / 2 / side
        column = "left" if x < _NEAR else "right" if x > _FAR else ""
        row = "top" if y < _NEAR else "bottom" if y > _FAR else ""
        here = {f"on the {column}"} if column else set()
        here |= {f"at the {row}"} if row else set()
        here |= {f"in the {row} {column}"} if row and column else set()
        if all(_MIDDLE[0] < v < _MIDDLE[1] for v in (x, y)):
            here |= {"in the middle", "in the centre"}
        common = here if common is None else common & here
    return sorted(common or ())


def relation(boxes: Sequence[Box], a: frozenset[int], b: frozenset[int]) -> str | None:
    """How all of ``a`` lie to all of ``b``: ``left``, ``right``, ``above``, ``below``, or None where it is not clear.

    A box is left of another when it ends before the other begins and its centre is farther away sideways than up or
    down; and so on.
    """
    found = {_relation(boxes[i], boxes[j]) for i in a for j in b}
    return found.pop() if len(found) == 1 else None


def _relation(a: Box, b: Box) -> str | None:
    across, down = (b[0] + b[2] - a[0] - a[2]) / 2, (b[1] + b[3] - a[1] - a[3]) / 2
    if abs(across) > abs(down):
        return "left" if a[2] <= b[0] else "right" if b[2] <= a[0] else None
    return "above" if a[3] <= b[1] else "below" if b[3] <= a[1] else None


def _sentence(
    shapes: Sequence[Shape], boxes: Sequence[Box], mentions: list[Mention], rng: np.random.Generator, side: int
) -> list[str | Mention] | None:
    """A random sentence, as words and noun phrases; None where a slot of the chosen template cannot be filled."""
    chosen = _subjects(shapes, mentions, rng)
    template = str(rng.choice((_ONE, _TWO, _THREE)[len(chosen) - 1]))
    sentence: list[str | Mention] = []
    for slot in template.split():
        filled = _fill(slot, chosen, boxes, rng, side)
        if filled is None:
            return None
        sentence.extend(filled)
    return sentence


def _subjects(shapes: Sequence[Shape], mentions: list[Mention], rng: np.random.Generator) -> list[Mention]:
    """One to three noun phrases, each of which means the largest group that those before it do not."""
    chosen: list[Mention] = []
    left = set(range(len(shapes)))
    for _ in range(int(rng.choice([1, 2, 3], p=_SUBJECTS))):
        largest = {i for i in left if shapes[i].size == shapes[min(left)].size}
        free = [mention for mention in mentions if largest <= mention.members <= left] if left else []
        if not free:
            break
        weights = np.array([mention.weight for mention in free])
        chosen.append(free[int(rng.choice(len(free), p=weights / weights.sum()))])
        left -= chosen[-1].members
    return chosen


def _fill(
    slot: str, chosen: list[Mention], boxes: Sequence[Box], rng: np.random.Generator, side: int
) -> Iterator[str | Mention] | None:
    """What stands in the place of one word of a template; None where nothing true can."""
    name = slot.strip("{}")
    if slot == name:
        return iter([slot])
    if name == "be":
        return iter(["is" if len(chosen[0].members) == 1 else "are"])
    if name == "relation":
        others = frozenset[int]().union(*(mention.members for mention in chosen[1:]))
        how = relation(boxes, chosen[0].members, others)
        return None if how is None else iter(str(rng.choice(RELATIONS[how])).split())
    if name.startswith("at_"):
        where = places(boxes, chosen["ABC".index(name[-1])].members, side)
        return iter(str(rng.choice(where)).split()) if where else None
    return iter([chosen["ABC".index(name)]])
