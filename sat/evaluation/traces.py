"""The trace of an evaluated caption, from its rows: what was evaluated is what is shown, and no model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sat.images import Picture
from sat.trace import Step, Trace


def stored_trace(
    about: Mapping[str, Any], row: Mapping[str, Any], words: Sequence[Mapping[str, Any]], picture: Picture
) -> Trace:
    """A caption as it was written; the next-best words were not kept.

    Maps are those of the rows, of half precision.

    Args:
        about: of the store; row: of the picture; words: of its words, with ``alpha``.
        picture: the same that was evaluated.
    """
    context = about["decoding"]["context"]
    placed = any(word["place"] is not None for word in words)
    steps = tuple(
        Step(
            word=word["word"],
            log_prob=float(word["log_prob"]),
            alpha=_normalised(word["alpha"]),
            place=None if word["place"] is None else (int(word["place"][0]), int(word["place"][1])),
            beta=word["beta"],
            entropy=word["entropy"],
            top=(),
        )
        for word in words
    )
    return Trace(
        model=str(about["model"]),
        attention="none" if context is None else "hard" if placed else "soft",
        context=context,
        decoding=dict(about["decoding"]),
        picture=picture.digest,
        steps=steps,
        end_log_prob=float(row["log_prob"]) - sum(step.log_prob for step in steps),
    )


def _normalised(alpha: np.ndarray | None) -> np.ndarray | None:
    """Half precision rounds, so that a map no longer sums to exactly one."""
    return None if alpha is None else (alpha / max(float(alpha.sum()), 1e-6)).astype(np.float32)
