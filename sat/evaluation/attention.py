"""Numbers that say how attention behaves over a split, whatever it looks at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sat.trace import entropy


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in nats (0 to ln 2) of maps over the last two axes (rows, columns)."""
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.maximum(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, 0.0)


def attention_statistics(alphas: Iterable[np.ndarray]) -> dict[str, float | None]:
    """The ``attention`` of ``metrics.json``, from the attention distributions of decoded captions.

    Args:
        alphas: of every caption, (T, rows, columns), each map summing to one; for hard attention the distribution
            too, not the glimpse (whose entropy is zero by construction).

    Returns:
        ``entropy``, mean over all words, in nats; ``uniform_entropy``, ln L, the most it can be;
        ``effective_places``, exp of the mean entropy; ``step_divergence``, mean Jensen-Shannon divergence in nats
        between the maps of consecutive words of a caption (0: attention never moves; at most ln 2). What there are
        no words to measure by (no caption with one, or none with two) is None.
    """
    entropies: list[np.ndarray] = []
    divergences: list[np.ndarray] = []
    places = 0
    for maps in alphas:
        places = maps.shape[1] * maps.shape[2]
        entropies.append(entropy(maps))
        divergences.append(divergence(maps[1:], maps[:-1]))
    mean, moved = _mean(entropies), _mean(divergences)
    return {
        "entropy": mean,
        "uniform_entropy": float(np.log(places)) if places else None,
        "effective_places": None if mean is None else float(np.exp(mean)),
        "step_divergence": moved,
    }


def _mean(parts: list[np.ndarray]) -> float | None:
    values = np.concatenate([np.zeros(0), *parts])
    return float(values.mean()) if len(values) else None
