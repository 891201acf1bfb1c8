"""Bad pictures, as they are uploaded."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fuzz import change, crafted
from fuzz.case import Make, Target, Use, Wrong
from fuzz.encoded import EXTENSIONS, FORMATS, animation, encoded, some_picture
from sat.images import DISPLAY_SIZE, MODEL_SIZE, Picture, read_picture

_OTHERS = (
    b"<!DOCTYPE html><script>alert(1)</script>",
    b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    b"%PDF-1.7\n1 0 obj",
    b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file",
    b"PK\x03\x04" + bytes(60),
    b"\x7fELF" + bytes(60),
    b"#!/bin/sh\nid\n",
    b"id=ImageMagick\npush graphic-context\nfill 'url(|id)'\n",
)


def check(picture: Picture) -> None:
    """Refuse what is no picture.

    Raises:
        Wrong: naming what is wrong with it.
    """
    height, width = picture.display.shape[:2]
    if picture.display.dtype != np.uint8 or picture.display.shape != (height, width, 3) or not height * width:
        raise Wrong(f"display is {picture.display.dtype} {picture.display.shape}")
    if max(height, width) > DISPLAY_SIZE:
        raise Wrong(f"display has {width} x {height} pixels")
    if picture.square.dtype != np.uint8 or picture.square.shape != (MODEL_SIZE, MODEL_SIZE, 3):
        raise Wrong(f"square is {picture.square.dtype} {picture.square.shape}")
    if len(picture.digest) != 64:
        raise Wrong(f"digest is {picture.digest!r}")


def upload(make: Callable[[random.Random], bytes]) -> Make:
    """A case that reads the bytes that ``make`` makes."""

    def made(rng: random.Random, folder: Path) -> Use:
        data = make(rng)
        return lambda: check(read_picture(data))

    return made


def _damaged(kind: str) -> Callable[[random.Random], bytes]:
    return lambda rng: change.damage(some_picture(rng, kind), rng)


def _polyglot(rng: random.Random) -> bytes:
    first, second = some_picture(rng), rng.choice((some_picture(rng), rng.choice(_OTHERS)))
    head = rng.choice((4, 12, 64))
    return rng.choice(
        (first + second, second + first, first[:head] + second[head:], second[:head] + first[head:], second)
    )


def _nothing(rng: random.Random) -> bytes:
    return rng.choice((b"", b"\x00", rng.randbytes(rng.choice((1, 2, 16, 5000))), bytes(100_000), rng.choice(_OTHERS)))


def _moving(rng: random.Random) -> bytes:
    kind, frames = rng.choice((("GIF", 3000), ("PNG", 1500), ("WEBP", 300), ("TIFF", 2000), ("GIF", 2), ("WEBP", 2)))
    data = animation(kind, frames)
    return change.damage(data, rng) if rng.random() < 0.5 else data


def _turned(rng: random.Random) -> bytes:
    """A whole JPEG with EXIF that is an attack."""
    plain, body = encoded("JPEG", "RGB", 0, 0), b"Exif\x00\x00" + crafted.exif(rng)[:60_000]
    return plain[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:]


def _wrong_extension(rng: random.Random, folder: Path) -> Use:
    name = rng.choice(("a", "a.b", "ü 🐕", "x" * 200, "con", "a;id", "-rf", "$(id)", "a\nb", "a\u202egpj"))
    path = folder / f"{name}.{rng.choice((*EXTENSIONS.values(), 'exe', 'txt', 'svg', 'JPG'))}"
    path.write_bytes(some_picture(rng) if rng.random() < 0.5 else _polyglot(rng))
    return lambda: check(read_picture(path))


def _wrong_path(rng: random.Random, folder: Path) -> Use:
    path = folder / rng.choice(("gone.jpg", ".", "a/b", "\x00", "x" * 300, "../" * 50, "\ud800.jpg", "*", ""))
    return lambda: check(read_picture(rng.choice((path, str(path)))))


_BYTES: dict[str, Callable[[random.Random], bytes]] = {
    **{f"damaged {kind}": _damaged(kind) for kind in FORMATS},
    "whole": some_picture,
    "polyglot": _polyglot,
    "nothing": _nothing,
    "turned": _turned,
    "PNG that lies": crafted.png_lies,
    "PNG strip": crafted.png_strip,
    "PNG bomb": crafted.png_bomb,
    "PNG metadata": crafted.png_metadata,
    "JPEG segments": crafted.jpeg_segments,
    "JPEG sizes": crafted.jpeg_sizes,
    "JPEG scans": crafted.jpeg_scans,
    "GIF": crafted.gif,
    "BMP": crafted.bmp,
    "TIFF": crafted.tiff,
    "WebP": crafted.webp,
    "PPM": crafted.ppm,
    "moving": _moving,
    "flat bomb": crafted.flat_bomb,
}


def made(kind: str, rng: random.Random) -> bytes:
    """The bytes of a bad picture of some kind."""
    return _BYTES[kind](rng)


TARGET = Target(
    name="pictures",
    kinds={
        **{kind: upload(make) for kind, make in _BYTES.items()},
        "wrong extension": _wrong_extension,
        "wrong path": _wrong_path,
    },
    cases=2100,
    seconds=4.0,
    megabytes=400.0,
    warm=lambda: [read_picture(encoded(kind, "RGB" if kind != "GIF" else "P", 0, 0)) for kind in FORMATS],
    heavy=frozenset({"PNG bomb", "PNG strip", "PNG metadata", "JPEG scans", "flat bomb", "moving"}),
)
