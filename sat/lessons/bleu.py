"""BLEU of one caption worked out step by step (Papineni et al., 2002)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, prod

from sat.errors import UserError

Ngram = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """An n-gram of the caption: how often it is there, how often at most in one reference, and what counts."""

    ngram: str
    count: int
    most: int
    clipped: int


@dataclass(frozen=True)
class Order:
    """All n-grams of one length; ``precision`` is right / total, 0 where there are none."""

    n: int
    rows: tuple[Row, ...]
    right: int
    total: int
    precision: float


@dataclass(frozen=True)
class Bleu:
    """BLEU of a caption, scores in fractions of one.

    Attributes:
        orders: of n-grams, from 1 to 4.
        length, closest: words of the caption, and of the reference nearest in length (the shorter of two as near).
        brevity_penalty: exp(1 - closest / length) where the caption is shorter, else 1.
        scores: BLEU-1 to BLEU-4: the penalty times the geometric mean of the precisions so far.
    """

    orders: tuple[Order, ...]
    length: int
    closest: int
    brevity_penalty: float
    scores: tuple[float, ...]


def bleu(caption: Sequence[str], references: Sequence[Sequence[str]]) -> Bleu:
    """Work BLEU out on words.

    Raises:
        UserError: there is no reference, or one without words.
    """
    if not references or not all(references):
        raise UserError("BLEU compares with captions by people: give at least one, with words in it.")
    orders = tuple(_order(caption, references, n) for n in (1, 2, 3, 4))
    length = len(caption)
    closest = min((abs(len(r) - length), len(r)) for r in references)[1]
    penalty = 1.0 if length >= closest else exp(1 - closest / length) if length else 0.0
    scores = tuple(penalty * prod(o.precision for o in orders[:n]) ** (1 / n) for n in (1, 2, 3, 4))
    return Bleu(orders, length, closest, penalty, scores)


def _order(caption: Sequence[str], references: Sequence[Sequence[str]], n: int) -> Order:
    counts = _ngrams(caption, n)
    there = [_ngrams(r, n) for r in references]
    rows = []
    for ngram, count in counts.items():
        most = max(r[ngram] for r in there)
        rows.append(Row(" ".join(ngram), count, most, min(count, most)))
    right, total = sum(r.clipped for r in rows), sum(r.count for r in rows)
    return Order(n, tuple(rows), right, total, right / total if total else 0.0)


def _ngrams(words: Sequence[str], n: int) -> Counter[Ngram]:
    """How often each run of n words is there, in the order of first appearance."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
