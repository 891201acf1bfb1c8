"""How far two people who tag the same pictures agree: Cohen's kappa, tag by tag and over all tags."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TagAgreement:
    """Two people's yes or no to one question, over the same items.

    Attributes:
        tag: what was asked; empty for all tags together.
        both, first_only, second_only, neither: how many items each answer was given to.
    """

    tag: str
    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def items(self) -> int:
        """How many items there are."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def observed(self) -> float | None:
        """The share of the items on which they agree, 0 to 1; None without items."""
        return (self.both + self.neither) / self.items if self.items else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: (observed - chance) / (1 - chance), 1 for full agreement, 0 for what chance gives.

        None without items, and where chance alone would make them agree always (both said the same to everything).
        """
        n = self.items
        if not n:
            return None
        first, second = self.both + self.first_only, self.both + self.second_only  # how often each said yes
        chance = first * second + (n - first) * (n - second)  # times n * n, in whole numbers so that 1 is exactly 1
        return None if chance == n * n else ((self.both + self.neither) * n - chance) / (n * n - chance)


@dataclass(frozen=True)
class Agreement:
    """How far two people agree.

    Attributes:
        first, second: their names.
        items: pictures that both have reviewed; what is said below is of these.
        tags: one entry for each tag that either of them gave to one of them.
        overall: over all pairs of a picture and one of these tags.
    """

    first: str
    second: str
    items: int
    tags: tuple[TagAgreement, ...]
    overall: TagAgreement


def agreement(
    first: str,
    second: str,
    items: Collection[str],
    given: tuple[Mapping[str, Collection[str]], Mapping[str, Collection[str]]],
    order: Sequence[str] = (),
) -> Agreement:
    """Set two people's tags against each other. A picture has a tag if its caption or any word of it has.

    Args:
        items: what both have reviewed.
        given: of each of the two, the tags of a picture; one that is left out has none.
        order: of the tags; others follow by name.
    """
    one, other = ({item: set(of.get(item, ())) for item in items} for of in given)
    used = set[str]().union(*one.values(), *other.values())
    places = {tag: place for place, tag in enumerate(order)}
    tags = []
    for tag in sorted(used, key=lambda tag: (places.get(tag, len(places)), tag)):
        answers = [(tag in one[item], tag in other[item]) for item in items]
        tags.append(
            TagAgreement(
                tag,
                both=answers.count((True, True)),
                first_only=answers.count((True, False)),
                second_only=answers.count((False, True)),
                neither=answers.count((False, False)),
            )
        )
    overall = TagAgreement(
        "",
        both=sum(t.both for t in tags),
        first_only=sum(t.first_only for t in tags),
        second_only=sum(t.second_only for t in tags),
        neither=sum(t.neither for t in tags),
    )
    return Agreement(first, second, len(items), tuple(tags), overall)
