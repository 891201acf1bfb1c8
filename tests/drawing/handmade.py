"""Traces made by hand."""

from __future__ import annotations

import numpy as np

from sat.trace import Step, Trace, entropy


def make_trace(words: str, *, attention: str = "soft", model: str = "", grid: tuple[int, int] = (14, 14)) -> Trace:
    """A trace whose t-th word looks at a blob that wanders over the picture."""
    rng = np.random.default_rng(7)
    steps = []
    for t, word in enumerate(words.split()):
        alpha = place = beta = bits = None
        if attention != "none":
            y, x = np.indices(grid)
            alpha = np.exp(-((y - 2 - t) ** 2 + (x - 11 + t) ** 2) / 6.0) + 0.002
            alpha = (alpha / alpha.sum()).astype(np.float32)
            beta, bits = float(rng.uniform(0.3, 0.9)), float(entropy(alpha))
            if attention == "hard":
                row, column = np.unravel_index(int(alpha.argmax()), grid)
                place = (int(row), int(column))
        p = float(rng.uniform(0.2, 0.9))
        top = ((word, p), ("dog", (1 - p) / 2), ("man", (1 - p) / 4))
        steps.append(Step(word, float(np.log(p)), alpha, place, beta, bits, top))
    context = {"soft": "expected", "hard": "argmax", "none": None}[attention]
    settings = {"method": "beam", "beam": 3}
    return Trace(model or f"{attention}-test", attention, context, settings, "0" * 64, tuple(steps), -0.1)
