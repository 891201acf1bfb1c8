"""BLEU of one caption by itself, for sorting captions; the tables have that of the whole corpus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def sentence_bleu(references: Sequence[Sequence[str]], captions: Sequence[str]) -> np.ndarray:
    """Smoothed BLEU-4 of every caption (times 100), float64 (N,), with brevity penalty against the closest reference.

    One is added to the right n-grams and to all n-grams from n = 2 on (Lin and Och, 2004): most captions have no right
    quadruple and would otherwise score 0 alike. A caption without a right word scores 0.

    Args:
        references: of every caption; captions: both tokenised, tokens joined by spaces.
    """
    from pycocoevalcap.bleu.bleu_scorer import cook_refs, cook_test

    scores = np.zeros(len(captions))
    for i, (caption, group) in enumerate(zip(captions, references, strict=True)):
        counts = cook_test(caption, cook_refs(group), eff="closest")
        right, guessed = np.array(counts["correct"], np.float64), np.array(counts["guess"], np.float64)  # (4,)
        if right[0] > 0:
            precisions = np.concatenate([right[:1] / guessed[:1], (right[1:] + 1) / (guessed[1:] + 1)])  # (4,)
            brevity = min(1.0, np.exp(1 - counts["reflen"] / counts["testlen"]))
            scores[i] = 100 * brevity * np.exp(np.log(precisions).mean())
    return scores
