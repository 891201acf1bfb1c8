"""What a map shows, said in words, and which word of a caption is worth showing first."""

from __future__ import annotations

import numpy as np

from sat.trace import entropy

CONCENTRATED, WIDE = 0.15, 0.85  # effective places as a part of all places

_ACROSS = ("left", "", "right")
_DOWN = ("upper", "", "lower")

# Words that name nothing in the picture.
_FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "some",
        "his",
        "her",
        "its",
        "their",
        "and",
        "or",
        "but",
        "with",
        "without",
        "of",
        "in",
        "on",
        "at",
        "by",
        "to",
        "from",
        "for",
        "into",
        "onto",
        "over",
        "under",
        "through",
        "near",
        "next",
        "front",
        "behind",
        "beside",
        "between",
        "is",
        "are",
        "was",
        "were",
        "be",
        "being",
        "been",
        "has",
        "have",
        "up",
        "down",
        "out",
        "off",
        "as",
        "while",
        "it",
        "he",
        "she",
        "they",
        "there",
        "one",
        "two",
        "three",
        "other",
        "another",
        "<unk>",
    ]
)


def describe(alpha: np.ndarray) -> str:
    """A map (rows, columns) in words: "looks at the upper left, concentrated"."""
    alpha = np.asarray(alpha, dtype=np.float64)
    share = float(np.exp(entropy(alpha))) / alpha.size  # of the places
    if share >= WIDE:
        return "looks everywhere about equally"
    where = _region(alpha)
    if np.count_nonzero(alpha > 1e-6) == 1:
        return f"looks at one place, at {where}"
    return f"looks at {where}, {'concentrated' if share <= CONCENTRATED else 'spread out'}"


def first_content_word(words: list[str]) -> int:
    """Index of the first word that names something to look at; 0 when there is none."""
    return next((i for i, word in enumerate(words) if word not in _FUNCTION_WORDS), 0)


def _region(alpha: np.ndarray) -> str:
    """The ninth of the picture around which the more attended half of the mass lies."""
    flat = np.sort(alpha.ravel())[::-1]
    enough = flat[np.searchsorted(np.cumsum(flat), flat.sum() / 2)]
    kept = np.where(alpha >= enough, alpha, 0)
    rows, columns = np.indices(alpha.shape) + 0.5
    y = float((kept * rows).sum() / kept.sum() / alpha.shape[0])
    x = float((kept * columns).sum() / kept.sum() / alpha.shape[1])
    down, across = _DOWN[min(int(y * 3), 2)], _ACROSS[min(int(x * 3), 2)]
    if down and across:
        return f"the {down} {across}"
    if across:
        return f"the {across}"
    return {"upper": "the top", "lower": "the bottom", "": "the centre"}[down]
