"""Whole pictures in every format that is accepted: what the damage is done to."""

from __future__ import annotations

import io
import random
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

_MODES = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("P", "L"),
    "BMP": ("RGB", "L", "1", "P"),
    "TIFF": ("RGB", "RGBA", "L", "1", "P", "CMYK", "I;16", "F", "LAB"),
    "PPM": ("RGB", "L", "1", "I;16", "F"),
    "HEIF": ("RGB", "RGBA"),
    "MPO": ("RGB",),
}
EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "PPM": "ppm",
    "HEIF": "heic",
    "MPO": "mpo",
}
_OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "JPEG": ({}, {"progressive": True}, {"subsampling": 0, "quality": 30}),
    "PNG": ({}, {"compress_level": 0}),
    "WEBP": ({}, {"lossless": True}),
    "TIFF": ({}, {"compression": "tiff_lzw"}, {"compression": "tiff_deflate"}, {"compression": "packbits"}),
}
FORMATS = tuple(_MODES)


@lru_cache(maxsize=256)
def encoded(kind: str, mode: str, option: int, seed: int, size: tuple[int, int] = (41, 29)) -> bytes:
    """A picture of smooth colours and noise, width and height ``size``, as the bytes of a file."""
    generator = np.random.default_rng(seed)
    width, height = size
    slope = np.linspace(0, 200, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    rgb = np.clip(slope + generator.integers(0, 30, (height, width, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(rgb)
    if mode == "I;16":
        image = Image.fromarray((rgb[..., 0].astype(np.uint16)) * 257)
    elif mode == "LAB":
        image = Image.frombytes("LAB", size, rgb.tobytes())
    elif mode != "RGB":
        image = image.convert(mode)
    options = _OPTIONS.get(kind, ({},))
    chosen = options[option % len(options)]
    out = io.BytesIO()
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(image).save(out, quality=60)
    elif kind == "MPO":
        image.save(out, "MPO", save_all=True, append_images=[image])
    else:
        image.save(out, kind, **chosen)
    return out.getvalue()


def some_picture(rng: random.Random, kind: str | None = None) -> bytes:
    """A whole picture of a random format, or of one."""
    kind = kind or rng.choice(FORMATS)
    mode = rng.choice(_MODES[kind])
    option = 0 if kind == "TIFF" and mode in ("F", "LAB", "I;16") else rng.randrange(4)
    return encoded(kind, mode, option, rng.randrange(3))


@lru_cache(maxsize=8)
def animation(kind: str, frames: int, size: tuple[int, int] = (8, 8)) -> bytes:
    """A moving picture, or a TIFF of many pages."""
    generator = np.random.default_rng(frames)
    shots = [Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)) for _ in range(min(frames, 16))]
    out = io.BytesIO()
    rest = [shots[i % len(shots)] for i in range(1, frames)]
    shots[0].save(out, kind, save_all=True, append_images=rest)
    return out.getvalue()
