"""How evenly a caption's attention covers the picture (section 4.2.1, equation 14)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.analysis.reading import Reading
from sat.lessons.steps import array


@dataclass(frozen=True, eq=False)
class Coverage:
    """What the places got over a whole caption.

    Attributes:
        model: its name.
        map: sum_t alpha_ti, float64 (rows, columns); it sums to ``steps``.
        steps: C, the words and the end, as in training.
        penalty: mean over places of (1 - coverage)^2, as the training settings weigh it; the formula's sum is L times
            as large.
        floor: (1 - C / L)^2, the least that it can be: each map sums to one, so the target 1 is out of reach.
        uneven: the variance of the coverage over places; ``penalty`` = ``floor`` + ``uneven``, exactly.
        ignored: the part of the places that got less than half of an equal share.
    """

    model: str
    map: np.ndarray
    steps: int
    penalty: float
    floor: float
    uneven: float
    ignored: float


def coverage(reading: Reading) -> Coverage:
    """The coverage of a caption; of hard attention, by the distributions that the glimpses come from.

    Raises:
        UserError: the model has no attention.
    """
    alphas = np.stack([array(reading.attending(step)[1]) for step in range(len(reading.ids))])  # (C, L)
    return of_maps(alphas.reshape(-1, *reading.grid), reading.decoder.config.name)


def of_maps(alphas: np.ndarray, model: str = "") -> Coverage:
    """The same of maps (C, rows, columns), each summing to one."""
    total = np.asarray(alphas, dtype=np.float64).sum(0)  # (rows, columns)
    share = len(alphas) / total.size
    return Coverage(
        model=model,
        map=total,
        steps=len(alphas),
        penalty=float(((1 - total) ** 2).mean()),
        floor=(1 - share) ** 2,
        uneven=float(total.var()),
        ignored=float((total < share / 2).mean()),
    )
