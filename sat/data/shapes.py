"""Synthetic shapes: generated pictures whose captions, counts, relations and boxes are known to be true.

A model learns them in minutes on a CPU, and whether it looks at the right thing can be checked exactly. For that the
things of a picture come in groups of different sizes, and captions name the larger before the smaller: alpha_t is
computed from h_{t-1}, which has read the words up to y_{t-2}, so that no attention could know which square the word
"square" is going to mean if nothing but the colour before it told.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import math
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sat.data import folder as folder_data
from sat.data.dataset import SPLITS, Dataset
from sat.data.entities import ALIGNED_FILE, AlignedCaption, AlignedPicture, write_aligned
from sat.data.shapes_grammar import describe
from sat.errors import UserError
from sat.files import from_json

SIZE = 224  # pixels; the side of the pictures
DEFAULT_COUNT = {"train": 2000, "dev": 200, "test": 200}
KINDS = ("circle", "square", "triangle", "star", "cross", "ring")
COLOURS = {
    "red": (214, 44, 40),
    "orange": (240, 138, 24),
    "yellow": (246, 216, 48),
    "green": (38, 158, 70),
    "blue": (40, 88, 212),
    "purple": (138, 58, 172),
    "white": (246, 246, 244),
    "black": (22, 22, 24),
}
# Pixels, of the circle around a shape. Even the box of the smallest is wider and higher than a cell of the attention
# grid (16 pixels), so that some cell's centre lies in it.
RADII = {"large": (38.0, 46.0), "medium": (24.0, 29.0), "small": (14.5, 18.0)}
SIZES = tuple(RADII)  # from the largest

_VERSION = 2  # raised when the same seed gives other pictures or captions
_SETTINGS_FILE = "settings.json"
_OVERSAMPLING = 4  # subpixels a side, for smooth edges
_GAP = 4.0  # pixels kept free between shapes and at the border
_CAPTIONS = 5
_MOST = 4  # shapes of a picture
_GROUPS = (0.15, 0.45, 0.4)  # how often a picture has one, two and three of them
_REPEATED = 0.25  # how often a group of medium or small shapes has more than one
_TURNS = {"square": 10.0, "triangle": 15.0, "star": 36.0, "cross": 15.0}  # degrees, at most, to either side
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Shape:
    """One shape of a picture.

    Attributes:
        kind: one of ``KINDS``; colour: a key of ``COLOURS``; size: one of ``SIZES``.
        x, y: its centre; radius: of the circle around it; all in pixels.
        turn: in degrees.
        rgb: the colour itself, a little off the named one.
    """

    kind: str
    colour: str
    size: str
    x: float
    y: float
    radius: float
    turn: float
    rgb: tuple[int, int, int]


def load(root: Path) -> Dataset:
    """The data set that ``generate`` wrote to ``root/shapes``.

    Raises:
        UserError: it is not there.
    """
    folder = root / "shapes"
    if not os.path.isdir(folder):  # unlike Path.is_dir, never raises
        raise UserError(f"{folder} does not exist: make it with 'data prepare shapes'.")
    return folder_data.load(folder, "shapes")


def generate(
    folder: Path, *, count: dict[str, int] | None = None, seed: int = 0, progress: Progress | None = None
) -> Dataset:
    """Draw pictures into ``folder/images`` and write ``captions.csv`` and ``entities_aligned.jsonl.gz`` beside them.

    A picture depends on the seed, its split and its number only, so a larger set holds the pictures of a smaller
    one. The folder appears when it is complete. If it is there already with the same settings it is only read.

    Args:
        count: pictures by split; ``DEFAULT_COUNT`` where None.
        progress: called with (done, total) pictures.

    Raises:
        UserError: wrong counts, the folder holds something else, or it cannot be written.
    """
    count = dict(DEFAULT_COUNT if count is None else count)
    if not set(count) <= set(SPLITS) or any(n < 0 for n in count.values()) or not any(count.values()):
        raise UserError(f"The number of shape pictures {count} should be given for {', '.join(SPLITS)}, none below 0.")
    if seed < 0:
        raise UserError(f"The seed of the shapes is {seed}: choose 0 or more.")
    settings = {"version": _VERSION, "seed": seed, "count": {split: count.get(split, 0) for split in SPLITS}}
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        if _read_settings(folder) == settings:
            return folder_data.load(folder, "shapes")
        raise UserError(f"{folder} is there already with other content: delete it or choose another folder.")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        try:
            (temporary / "images").mkdir(parents=True)
            _write(temporary, settings, progress)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if folder.is_dir() and _read_settings(folder) == settings:
            return folder_data.load(folder, "shapes")  # another process was faster
        raise UserError(
            f"{folder} cannot be written ({error.strerror}): free some space, or choose another folder."
        ) from None
    return folder_data.load(folder, "shapes")


def picture(seed: int, split: str, number: int) -> tuple[np.ndarray, AlignedPicture, tuple[Shape, ...]]:
    """Picture ``number`` of a split: its pixels, uint8 (224, 224, 3), its captions with boxes, and its shapes."""
    rng = np.random.default_rng([seed, SPLITS.index(split), number])
    shapes = random_shapes(rng)
    pixels, boxes = draw(shapes, random_background(rng))
    boxes_of, sentences = describe(shapes, boxes, rng, count=_CAPTIONS, side=SIZE)
    captions = tuple(AlignedCaption(k, tokens, phrases) for k, (tokens, phrases) in enumerate(sentences))
    return pixels, AlignedPicture(f"{split}-{number:05d}.png", split, SIZE, SIZE, boxes_of, captions), shapes


def random_shapes(rng: np.random.Generator) -> tuple[Shape, ...]:
    """One to four shapes that do not touch, the largest first.

    They come in groups: those of a group are alike in kind, colour and size, and no two groups have the same size.
    Some groups have two or three shapes, so that there is something to count.
    """
    while True:
        number = 1 + int(rng.choice(len(_GROUPS), p=_GROUPS))
        looks: list[tuple[str, str, str]] = []
        for index in sorted(rng.choice(len(SIZES), number, replace=False)):
            size = SIZES[index]
            copies = 1
            if size != "large" and rng.random() < _REPEATED:
                copies = 2 if size == "medium" else int(rng.integers(2, 4))
            looks += [(str(rng.choice(KINDS)), str(rng.choice(list(COLOURS))), size)] * copies
        if len(looks) > _MOST:
            continue
        shapes: list[Shape] = []
        for kind, colour, size in looks:
            shape = _place(rng, shapes, kind, colour, size)
            if shape is None:
                break
            shapes.append(shape)
        if len(shapes) == len(looks):
            return tuple(shapes)


def random_background(rng: np.random.Generator) -> np.ndarray:
    """float32 (224, 224, 3): a soft gradient or slow noise in greyish middle tones, unlike any shape's colour."""
    tone = rng.uniform(95, 175) + rng.uniform(-12, 12, 3)  # (3,)
    if rng.random() < 0.5:
        angle, change = rng.uniform(0, 2 * np.pi), rng.uniform(-25, 25, 3)
        along = np.arange(SIZE) / SIZE - 0.5  # (224,)
        ramp = np.cos(angle) * along + np.sin(angle) * along[:, None]  # (224, 224), about -0.7 to 0.7
        return tone.astype(np.float32) + ramp[..., None].astype(np.float32) * change.astype(np.float32)
    cells = int(rng.integers(3, 9))
    noise = Image.fromarray(rng.uniform(-14, 14, (cells, cells)).astype(np.float32))
    slow = np.asarray(noise.resize((SIZE, SIZE), Image.Resampling.BICUBIC))  # (224, 224)
    return tone.astype(np.float32) + slow[..., None]


def draw(shapes: tuple[Shape, ...], background: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """Shapes with smooth edges on a background.

    Returns:
        the pixels, uint8 (224, 224, 3), and of every shape the box (x0, y0, x1, y1) around the pixels that it covers
        at least half: x0 and y0 are the first such column and row, x1 and y1 one after the last.
    """
    canvas = background.copy()
    boxes = []
    for shape in shapes:
        window, cover = _cover(shape)  # (h, w)
        part = canvas[window]  # (h, w, 3)
        part += cover[..., None] * (np.array(shape.rgb, np.float32) - part)
        rows, columns = (np.flatnonzero((cover >= 0.5).any(axis=axis)) for axis in (1, 0))
        x, y = window[1].start, window[0].start
        boxes.append((x + int(columns[0]), y + int(rows[0]), x + int(columns[-1]) + 1, y + int(rows[-1]) + 1))
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8), boxes


def coverage(shape: Shape) -> np.ndarray:
    """float32 (224, 224): the part of every pixel that a shape covers, 0 to 1."""
    whole = np.zeros((SIZE, SIZE), np.float32)
    window, cover = _cover(shape)
    whole[window] = cover
    return whole


def _cover(shape: Shape) -> tuple[tuple[slice, slice], np.ndarray]:
    """The rows and columns round a shape, and the part of each of their pixels that it covers, float32 (h, w)."""
    left, top = (math.floor(centre - shape.radius) - 1 for centre in (shape.x, shape.y))
    side = math.ceil(2 * shape.radius) + 3
    mask = Image.new("L", (side * _OVERSAMPLING,) * 2)
    pen = ImageDraw.Draw(mask)
    x, y = ((shape.x - left) * _OVERSAMPLING, (shape.y - top) * _OVERSAMPLING)
    radius = shape.radius * _OVERSAMPLING
    if shape.kind in ("circle", "ring"):
        pen.ellipse((x - radius, y - radius, x + radius - 1, y + radius - 1), fill=255)
        if shape.kind == "ring":
            hole = 0.55 * radius
            pen.ellipse((x - hole, y - hole, x + hole - 1, y + hole - 1), fill=0)
    else:
        pen.polygon(_corners(shape.kind, x, y, radius, math.radians(shape.turn)), fill=255)
    small = np.asarray(mask, np.float32).reshape(side, _OVERSAMPLING, side, _OVERSAMPLING).mean((1, 3)) / 255.0
    rows, columns = (slice(max(first, 0), min(first + side, SIZE)) for first in (top, left))
    return (rows, columns), small[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


@functools.cache
def _outline(kind: str) -> tuple[tuple[float, float], ...]:
    """(angle from the top in radians, distance from the centre in radii) of the corners, clockwise."""
    if kind == "cross":
        half, arm = 0.32, math.sqrt(1 - 0.32**2)  # half the width of an arm; its tips lie on the circle
        inner, tip = math.hypot(half, half), math.atan2(half, arm)
        quarter = ((-tip, 1.0), (tip, 1.0), (math.pi / 4, inner))
        return tuple((turn * math.pi / 2 + angle, far) for turn in range(4) for angle, far in quarter)
    if kind == "star":
        return tuple((i * math.pi / 5, 1.0 if i % 2 == 0 else 0.42) for i in range(10))
    corners = {"square": 4, "triangle": 3}[kind]
    start = math.pi / 4 if kind == "square" else 0.0
    return tuple((start + i * 2 * math.pi / corners, 1.0) for i in range(corners))


def _corners(kind: str, x: float, y: float, radius: float, turn: float) -> list[tuple[float, float]]:
    return [
        (x + radius * far * math.sin(angle + turn), y - radius * far * math.cos(angle + turn))
        for angle, far in _outline(kind)
    ]


def _place(rng: np.random.Generator, others: list[Shape], kind: str, colour: str, size: str) -> Shape | None:
    """A shape at a free place; None when none was found."""
    radius = float(rng.uniform(*RADII[size]))
    turn = float(rng.uniform(-1, 1)) * _TURNS.get(kind, 0.0)
    r, g, b = (int(v) for v in np.clip(np.array(COLOURS[colour]) + rng.integers(-9, 10, 3), 0, 255))
    for _ in range(40):
        x, y = (float(v) for v in rng.uniform(radius + _GAP, SIZE - radius - _GAP, 2))
        if all(max(abs(x - o.x), abs(y - o.y)) > radius + o.radius + _GAP for o in others):
            return Shape(kind, colour, size, x, y, radius, turn, (r, g, b))
    return None


def _write(folder: Path, settings: dict, progress: Progress | None) -> None:
    total, done = sum(settings["count"].values()), 0
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", "caption", "split"])
    records = []

    def draw_one(place: tuple[str, int]) -> AlignedPicture:
        pixels, record, _ = picture(settings["seed"], *place)
        # Packed with little effort: files that are a third smaller took a third of the time.
        Image.fromarray(pixels).save(folder / "images" / record.image, compress_level=1)
        return record

    places = [(split, index) for split, number in settings["count"].items() for index in range(number)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (split, _), record in zip(places, pool.map(draw_one, places), strict=True):
            for caption in record.captions:
                table.writerow([record.image, " ".join(caption.tokens), split])
            records.append(record)
            done += 1
            if progress is not None:
                progress(done, total)
    (folder / folder_data.CAPTIONS_FILE).write_text(text.getvalue(), encoding="utf-8")
    write_aligned(folder / ALIGNED_FILE, records)
    (folder / _SETTINGS_FILE).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _read_settings(folder: Path) -> dict | None:
    try:
        return from_json((folder / _SETTINGS_FILE).read_bytes())
    except (OSError, ValueError):
        return None
