"""METEOR 1.5 of one caption worked out from its matches (Denkowski and Lavie, 2014).

The matching itself (the same word, the same stem, a synonym, a paraphrase) is done by METEOR's own program, which says
how many words it matched of each kind; the score that follows from these counts is worked out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sat.errors import UserError
from sat.evaluation.captions import Meteor
from sat.public import is_public

# The tuning for English, version 1.5.
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
KINDS = (("same word", 1.0), ("same stem", 0.6), ("synonym", 0.8), ("paraphrase", 0.6))  # and what each counts
_NUMBERS = 23  # of a line of METEOR's statistics


@dataclass(frozen=True)
class Matches:
    """Words matched in one way: content and function words (the, of, ...) of the caption and of the reference."""

    kind: str
    weight: float
    caption_content: float
    caption_function: float
    reference_content: float
    reference_function: float


@dataclass(frozen=True)
class Worked:
    """METEOR of a caption against its best reference, scores in fractions of one.

    Attributes:
        matches: by kind (``KINDS``).
        caption_words, reference_words: content and function words of both.
        precision, recall: weighted matches over words, content words counting ``DELTA`` and function words the rest.
        mean: P R / (ALPHA P + (1 - ALPHA) R), which leans to recall.
        chunks: runs of words matched in the same order; matched: words matched, the mean of both sides.
        penalty: GAMMA (chunks / matched)^BETA, for words out of order.
        score: (1 - penalty) mean.
    """

    matches: tuple[Matches, ...]
    caption_words: tuple[float, float]
    reference_words: tuple[float, float]
    precision: float
    recall: float
    mean: float
    chunks: float
    matched: float
    penalty: float
    score: float


class Statistics(Meteor):
    """METEOR's program, asked for its counts. Starting it takes seconds; use it in a ``with`` block."""

    def __enter__(self) -> Self:
        if is_public():
            raise UserError("METEOR's own program needs over a gigabyte, so it does not run here: run your own copy.")
        return super().__enter__()

    def of(self, caption: str, references: Sequence[str]) -> str:
        """The line of statistics of a caption against the reference that suits it best.

        Raises:
            UserError: there is no reference, or the program has died.
        """
        lines = [" ".join(text.replace("|||", " ").split()) for text in (*references, caption)]
        if not references or not all(lines[:-1]):
            raise UserError("METEOR compares with captions by people: give at least one, with words in it.")
        try:
            return self._ask(" ||| ".join(["SCORE", *lines]))
        except OSError as error:
            raise UserError(f"METEOR did not answer ({error}): free some memory and try again.") from None


def work(statistics: str) -> Worked:
    """Work METEOR out from its line of statistics.

    Raises:
        UserError: it is no such line.
    """
    try:
        numbers = [float(part) for part in statistics.split()]
    except ValueError:
        numbers = []
    if len(numbers) != _NUMBERS:
        raise UserError("This is no line of METEOR's statistics: ask METEOR 1.5 for it.")
    length, reference_length, function, reference_function = numbers[:4]
    matches = tuple(
        Matches(kind, weight, numbers[at], numbers[at + 2], numbers[at + 1], numbers[at + 3])
        for (kind, weight), at in zip(KINDS, range(4, 20, 4), strict=True)
    )
    chunks, matched = numbers[20], (numbers[21] + numbers[22]) / 2
    content = sum(m.weight * m.caption_content for m in matches), sum(m.weight * m.reference_content for m in matches)
    small = sum(m.weight * m.caption_function for m in matches), sum(m.weight * m.reference_function for m in matches)
    words = (length - function, function)
    reference_words = (reference_length - reference_function, reference_function)
    precision = _ratio(_weigh(content[0], small[0]), _weigh(*words))
    recall = _ratio(_weigh(content[1], small[1]), _weigh(*reference_words))
    mean = _ratio(precision * recall, ALPHA * precision + (1 - ALPHA) * recall)
    # One chunk that is the whole of both is no disorder at all.
    whole = chunks == 1 and numbers[21] == length and numbers[22] == reference_length
    penalty = 0.0 if whole else GAMMA * _ratio(chunks, matched) ** BETA
    return Worked(
        matches, words, reference_words, precision, recall, mean, chunks, matched, penalty, (1 - penalty) * mean
    )


def _weigh(content: float, function: float) -> float:
    return DELTA * content + (1 - DELTA) * function


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
