"""What the drawings are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from sat.images import Picture, from_array


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def picture() -> Picture:
    """A picture that is wider than high, with a horizontal ramp in red and a vertical one in green."""
    rgb = np.zeros((180, 260, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 255, 260).astype(np.uint8)
    rgb[..., 1] = np.linspace(0, 255, 180).astype(np.uint8)[:, None]
    return from_array(rgb)
