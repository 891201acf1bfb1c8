"""Tags that a caption may deserve, each with the word and the reason, for a person to confirm or to turn down.

The references are all that is known of a picture: what none of them mentions may be there all the same. So these are
questions, and never count as tags by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sat.data.tokens import tokenize
from sat.evaluation.grammar import ATTRIBUTE_KINDS, NOUN_KINDS, grammar, repetitions
from sat.evaluation.word_classes import Mention, WordClasses

_TAG_OF_KIND = {
    **dict.fromkeys((*NOUN_KINDS, "places", "body", "events"), "object"),
    **dict.fromkeys(ATTRIBUTE_KINDS, "attribute"),
    **dict.fromkeys(("actions", "sports"), "action"),
    "counts": "count",
    "positions": "relation",
}
# Each relation with how it is said, and the other way round: A above B is B below A.
_RELATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "above": (("above", "over", "on top of"), ("below", "under", "beneath", "underneath")),
    "in front of": (("in front of",), ("behind",)),
    "left of": (("left of",), ("right of",)),
}
_TERMS = {
    tuple(term.split()): (relation, turned)
    for relation, sides in _RELATIONS.items()
    for turned, terms in enumerate(sides)
    for term in terms
}
_LONGEST = max(map(len, _TERMS))


@dataclass(frozen=True)
class Suggestion:
    """A tag to confirm.

    Attributes:
        tag: of the taxonomy of ``sat.review``; word: which word of the caption, from 0.
        reason: a sentence.
    """

    tag: str
    word: int
    reason: str


def suggest(row: Mapping[str, Any], words: Sequence[Mapping[str, Any]], classes: WordClasses) -> list[Suggestion]:
    """Tags for a caption, from left to right, at most one of a kind for a word.

    Args:
        row: of a picture; words: the rows of its words (``EvaluationStore.words``).
        classes: ``word_classes`` of the data set that was evaluated.
    """
    caption = list(row["words"])
    references = [tokenize(text) for text in row["references"]]
    turned, true = _relations(caption, references, classes)
    found = [
        *turned,
        *(one for one in _unmentioned(row, words, classes) if one.tag != "relation" or one.word not in true),
        *_wrong_attributes(caption, references, classes),
        *(Suggestion("repetition", *finding) for finding in repetitions(classes, caption)),
        *(Suggestion("grammar", *finding) for finding in grammar(classes, caption)),
    ]
    first: dict[tuple[int, str], Suggestion] = {}
    for one in found:
        first.setdefault((one.word, one.tag), one)
    return sorted(first.values(), key=lambda one: one.word)


def _unmentioned(
    row: Mapping[str, Any], words: Sequence[Mapping[str, Any]], classes: WordClasses
) -> Iterator[Suggestion]:
    """Words whose class no reference bears out."""
    for word in words:
        tag = _TAG_OF_KIND.get(word["kind"] or "")
        if word["hallucinated"] and tag is not None:
            instead = [name for name in row["objects_missed"] if classes.kinds.get(name) == word["kind"]]
            more = f"; they mention {_listed(instead)} instead" if instead else ""
            yield Suggestion(tag, word["step"], f"No reference mentions “{word['word']}”{more}.")


def _wrong_attributes(
    caption: Sequence[str], references: Sequence[Sequence[str]], classes: WordClasses
) -> Iterator[Suggestion]:
    """Of a noun, what no reference says of it although they say something else of the same kind."""
    theirs = [pair for reference in references for pair in attributes(classes, reference)]
    anywhere = {attribute.name for attribute, _ in theirs}
    for mine, noun in attributes(classes, caption):
        others = [a.name for a, n in theirs if a.kind == mine.kind and classes.related(n.name, noun.name)]
        if others and classes.borne_out(mine.name, anywhere) and not classes.borne_out(mine.name, others):
            tag, thing = _TAG_OF_KIND[mine.kind], caption[noun.last]
            reason = f"No reference calls “{thing}” {mine.name}; they say {_listed(dict.fromkeys(others))}."
            yield Suggestion(tag, mine.last, reason)


def attributes(classes: WordClasses, words: Sequence[str]) -> list[tuple[Mention, Mention]]:
    """Colours, sizes and numbers with the noun that they stand before ("two brown and white dogs": three pairs)."""
    mentions = classes.mentions(words)
    ends = {mention.last: mention for mention in mentions}
    found = []
    for noun in mentions:
        if noun.kind not in NOUN_KINDS:
            continue
        last = noun.first - 1
        while last >= 0:
            if (before := ends.get(last)) is not None and before.kind in (*ATTRIBUTE_KINDS, "counts"):
                found.append((before, noun))
                last = before.first - 1
            elif words[last] == "and" and last - 1 in ends and ends[last - 1].kind in ATTRIBUTE_KINDS:
                last -= 1
            else:
                break
    return found


def _relations(
    caption: Sequence[str], references: Sequence[Sequence[str]], classes: WordClasses
) -> tuple[list[Suggestion], set[int]]:
    """Relations of two things that the references give only the other way round, and where those stand that are true
    by a reference, in whatever words."""
    theirs = [triple for reference in references for triple in relations(classes, reference)]
    suggestions, true = [], set()
    for relation, one, other, place in relations(classes, caption):
        same = turned = False
        for name, a, b, _ in theirs:
            if name == relation:
                same |= classes.related(a.name, one.name) and classes.related(b.name, other.name)
                turned |= classes.related(a.name, other.name) and classes.related(b.name, one.name)
        if same:
            true.add(place)
        elif turned:
            reason = f"The references have it the other way round: {other.name} {relation} {one.name}."
            suggestions.append(Suggestion("relation", place, reason))
    return suggestions, true


def relations(classes: WordClasses, words: Sequence[str]) -> list[tuple[str, Mention, Mention, int]]:
    """What is above, in front of or left of what: the relation, the two things and where it is said.

    The things are the nearest nouns on either side; "A under B" comes as (above, B, A).
    """
    mentions = [m for m in classes.mentions(words) if m.kind in (*NOUN_KINDS, "places")]
    found = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST, len(words) - place), 0, -1):
            term = _TERMS.get(tuple(words[place : place + length]))
            if term is None:
                continue
            before = [m for m in mentions if m.last < place]
            after = [m for m in mentions if m.first >= place + length]
            if before and after:
                relation, turned = term
                one, other = (after[0], before[-1]) if turned else (before[-1], after[0])
                found.append((relation, one, other, place))
            place += length - 1
            break
        place += 1
    return found


def _listed(names: Any) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
