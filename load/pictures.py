"""Photographs to upload, no two alike: crops of the samples, turned and tinted by a number."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageOps

from sat.images import read_picture
from sat.ui.samples import read_sample, sample_names

WIDTH = 1024  # pixels, as a phone sends them after shrinking
QUALITY = 88


@dataclass(frozen=True)
class Upload:
    """A JPEG and the digest of the picture that the server must make of it."""

    key: tuple[int, int, int]
    data: bytes
    digest: str


def make(seed: int, visitor: int, number: int) -> Upload:
    """The picture of that number of a visitor: always the same, and nobody else's."""
    key = (seed, visitor, number)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big"))
    image = _photograph(int(rng.integers(_COUNT)))
    width, height = image.size
    share = rng.uniform(0.75, 1.0)
    left, top = rng.uniform(0, 1 - share, 2) * (width, height)
    image = image.crop((int(left), int(top), int(left + share * width), int(top + share * height)))
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    image = image.resize((WIDTH, max(1, round(WIDTH * image.height / image.width))), Image.Resampling.BICUBIC)
    tint = rng.uniform(0.75, 1.2, 3)
    pixels = np.clip(np.asarray(image, np.float32) * tint, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY)
    return Upload(key, out.getvalue(), read_picture(out.getvalue()).digest)


_COUNT = sum(not name.endswith("shapes") for name in sample_names())


@lru_cache(maxsize=_COUNT)
def _photograph(number: int) -> Image.Image:
    return Image.fromarray(read_sample(sample_names()[number]).display)
