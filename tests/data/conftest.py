"""Small picture files for the tests of the data readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakePicture = Callable[..., Path]


@pytest.fixture
def make_picture() -> MakePicture:
    """Write a small picture that differs from seed to seed."""

    def make(path: Path, seed: int = 0, side: int = 24) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return make
