"""Read any picture safely into the square RGB array that the model sees.

The model, the page and the overlay must start from the *same* upright pixels: a map drawn over a picture that
the model saw differently (cropped, rotated, in other colours) is a lie. So there is exactly one reader, and it
returns both the upright picture for display and the square that goes into the encoder.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sat.errors import UserError
from sat.jpeg import count_scans

MODEL_SIZE = 224  # pixels; the side of the square that the encoder sees
MAX_PIXELS = 25_000_000  # a larger picture is refused before it is decoded (decompression bombs)
MAX_SIDE = 30_000  # pixels; of a narrower strip than that, the squash to a square would need gigabytes on the way
MAX_SCANS = 60  # of a progressive JPEG, whose decoding goes over all pixels in each of them
MAX_BYTES = 40 * 1024 * 1024  # a larger file is refused before it is read
DISPLAY_SIZE = 1024  # pixels; the longer side of what is shown and drawn on

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "PPM")  # JPEG's reader opens MPO too
_READABLE = "JPEG, PNG, WebP, GIF, BMP, TIFF or HEIC"
_STRIP = 1_000_000  # pixels that are converted at a time
_heif_ready = False


@dataclass(frozen=True)
class Picture:
    """One picture, upright and in RGB.

    Attributes:
        display: uint8 (H, W, 3), the whole upright picture, longer side at most ``DISPLAY_SIZE``.
        square: uint8 (S, S, 3), the same pixels squashed (not cropped) to the model's square.
        digest: SHA-256 (hex) of ``square``: two pictures that the model cannot tell apart share it.
    """

    display: np.ndarray
    square: np.ndarray
    digest: str

    @property
    def aspect(self) -> float:
        """Width over height of the upright picture."""
        return self.display.shape[1] / self.display.shape[0]


def read_picture(source: str | Path | bytes | BinaryIO, *, size: int = MODEL_SIZE) -> Picture:
    """Read a picture from a path, bytes or an open file.

    EXIF rotation is applied once; of an animation the first frame is taken; transparency is laid on white;
    16-bit, palette, grey and CMYK pictures are converted to 8-bit RGB.

    Raises:
        UserError: the file is missing, empty, too large, not a picture, or damaged.
    """
    name, data = _read_bytes(source)
    if not data:
        raise UserError(f"{name} is empty: choose a picture file ({_READABLE}).")
    return _picture(_decode(name, data), size)


def from_array(rgb: np.ndarray, *, size: int = MODEL_SIZE) -> Picture:
    """A ``Picture`` from an RGB array, uint8 (H, W, 3), that is already upright."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise UserError("A picture array must be uint8 with shape (height, width, 3).")
    return _picture(Image.fromarray(rgb), size)


def _picture(image: Image.Image, size: int) -> Picture:
    """The ``Picture`` of an upright RGB image."""
    square = np.asarray(squash(image, size))
    display = image
    if max(image.size) > DISPLAY_SIZE:
        scale = DISPLAY_SIZE / max(image.size)
        display = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
        )
    digest = hashlib.sha256(square.tobytes()).hexdigest()
    return Picture(display=np.asarray(display), square=square, digest=digest)


def squash(image: Image.Image, size: int) -> Image.Image:
    """Squash (never crop) a picture to ``size`` x ``size`` pixels with an anti-aliased bicubic filter."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BICUBIC)


def _read_bytes(source: str | Path | bytes | BinaryIO) -> tuple[str, bytes]:
    """The name for messages and the content of ``source``, refusing what is too large to be a photograph."""
    too_large = f"is larger than {MAX_BYTES // 2**20} MB: save a smaller copy and try again."
    if isinstance(source, bytes):
        if len(source) > MAX_BYTES:
            raise UserError(f"The picture {too_large}")
        return "The picture", source
    if isinstance(source, (str, Path)):
        path = Path(source)
        try:
            if path.is_dir():
                raise UserError(f"{path} is a folder: name a picture file in it.")
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise UserError(f"{path} does not exist: check the path of the picture.") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"{path} cannot be read ({reason}): check the file and its permissions.") from None
        if len(data) > MAX_BYTES:
            raise UserError(f"{path} {too_large}")
        return str(path), data
    data = source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UserError(f"The picture {too_large}")
    return "The picture", data


def _decode(name: str, data: bytes) -> Image.Image:
    _register_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about odd metadata; the pixels are what counts
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise UserError(
                        f"{name} has {width * height / 1e6:.0f} million pixels, more than the "
                        f"{MAX_PIXELS // 1_000_000} million that are read: save a smaller copy and try again."
                    )
                if max(width, height) > MAX_SIDE:
                    raise UserError(
                        f"{name} has {width} x {height} pixels, and a side of more than {MAX_SIDE} is not read: cut "
                        "out the part that matters and try again."
                    )
                if (scans := count_scans(data)) > MAX_SCANS:
                    raise UserError(
                        f"{name} is a JPEG of {scans} scans, more than the {MAX_SCANS} that are read: save it again "
                        "and try once more."
                    )
                image.seek(0)
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                return _to_rgb(image)
    except UserError:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit, above ours, comes before the size can be asked
        raise UserError(
            f"{name} has many more than the {MAX_PIXELS // 1_000_000} million pixels that are read: save a smaller "
            "copy and try again."
        ) from None
    except UnidentifiedImageError:
        raise UserError(f"{name} is not a picture that can be read: use {_READABLE}.") from None
    except MemoryError:
        raise UserError(f"{name} needs too much memory to decode: save a smaller copy and try again.") from None
    except Exception as error:  # decoders raise almost anything on damaged files: struct.error, IndexError, ...
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise UserError(f"{name} is damaged or incomplete ({reason}): save it again, or use another.") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB on white, whatever the mode."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        top = _top(image)
        return _in_strips(image, lambda strip: _scaled(strip, top))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _in_strips(image, _on_white)
    return image.convert("RGB")


def _in_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The whole image converted strip by strip, so that what is needed on the way is small."""
    result = Image.new("RGB", image.size)
    for strip, top in _strips(image):
        result.paste(convert(strip), (0, top))
    return result


def _strips(image: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    """Strips of some rows and where they begin, from the top."""
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height))), top


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, rgba).convert("RGB")


def _scaled(image: Image.Image, top: float) -> Image.Image:
    """16-bit and floating-point greys, ``top`` being white: Pillow's own conversion clips to 255 instead."""
    grey8 = np.clip(np.rint(_greys(image) / top * 255.0), 0, 255).astype(np.uint8)
    return Image.fromarray(grey8).convert("RGB")


def _top(image: Image.Image) -> float:
    """The grey that is white."""
    if image.mode not in ("F", "I"):
        return 65535.0
    largest = max(float(_greys(strip).max(initial=0.0)) for strip, _ in _strips(image))
    if image.mode == "F":
        return max(largest, 1.0)
    return 255.0 if largest <= 255 else 65535.0


def _greys(image: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _register_heif() -> None:
    """Teach Pillow HEIC on first use (the import costs start-up time)."""
    global _heif_ready
    if not _heif_ready:
        import pillow_heif

        pillow_heif.register_heif_opener()
        _heif_ready = True
