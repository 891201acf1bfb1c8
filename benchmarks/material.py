"""What the benchmarks work on: photographs that come with installed packages, and cuttings from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sat.images import Picture, from_array
from sat.ui.samples import samples

_FILE_SHAPE = (375, 500)  # height and width in pixels: what a Flickr8k file has


def sample_pictures() -> list[Picture]:
    """The samples of the app."""
    return [sample.read() for sample in samples()]


def photographs(count: int) -> list[Picture]:
    """So many different pictures: the photographs among the samples, then cuttings from them (always the same)."""
    whole = [s.read() for s in samples() if "shapes" not in s.name]
    generator = np.random.default_rng(0)
    cut = [_cutting(whole[i % len(whole)].display, generator) for i in range(len(whole), count)]
    return [*whole, *map(from_array, cut)][:count]


def files(folder: Path, count: int) -> list[Path]:
    """So many photographs as JPEG files of the size of Flickr8k's."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = _FILE_SHAPE
    paths = []
    for i, picture in enumerate(photographs(count)):
        paths.append(folder / f"{i:04d}.jpg")
        Image.fromarray(picture.display).resize((width, height)).save(paths[-1], quality=90)
    return paths


def _cutting(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A box of half to nine tenths of a picture's sides, mirrored as often as not."""
    sides = [int(length * generator.uniform(0.5, 0.9)) for length in picture.shape[:2]]
    top, left = (int(generator.integers(0, n - side + 1)) for n, side in zip(picture.shape[:2], sides, strict=True))
    box = picture[top : top + sides[0], left : left + sides[1]]
    return np.ascontiguousarray(box[:, ::-1] if generator.random() < 0.5 else box)
