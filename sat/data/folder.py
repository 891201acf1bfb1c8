"""Anybody's own pictures: a folder with ``captions.csv``."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path

from sat.data.dataset import Dataset, Example
from sat.data.files import picture_path
from sat.data.token_file import read_lines
from sat.errors import UserError

CAPTIONS_FILE = "captions.csv"
_HEADERS = (["image", "caption"], ["image", "caption", "split"])
_SPLITS = {"train": "train", "dev": "dev", "val": "dev", "validation": "dev", "test": "test"}


def load(root: Path, name: str = "folder") -> Dataset:
    """The data set in ``root``: ``captions.csv`` and pictures beside it or in ``root/images``.

    The file starts with ``image,caption`` or ``image,caption,split`` and has one caption a line (quoted where it
    holds a comma); a picture may have any number of lines. Without the split column a picture goes to train, dev
    or test (80, 10 and 10 %) by the hash of its name, so that adding pictures moves none of the others.

    Raises:
        UserError: the folder or the file is missing, or the file does not start with such a header.
    """
    if not os.path.isdir(root):  # unlike Path.is_dir, never raises
        raise UserError(f"{root} does not exist: name a folder with pictures and a {CAPTIONS_FILE}.")
    captions, splits, lines, problems = read_captions_csv(root / CAPTIONS_FILE)
    examples = []
    for image, texts in captions.items():
        path = picture_path(root, image) or picture_path(root / "images", image)
        if path is None:
            problems.append(f"{root / CAPTIONS_FILE}:{lines[image]}: there is no picture {image!r} in {root}")
        else:
            examples.append(Example(image, path, splits.get(image) or hash_split(image), tuple(texts)))
    return Dataset(name, root, tuple(examples), tuple(problems))


def read_captions_csv(path: Path) -> tuple[dict[str, list[str]], dict[str, str], dict[str, int], list[str]]:
    """Captions, splits and first lines by picture name, and a line for each malformed record.

    Every line of the file is one record: a forgotten closing quote spoils its own line and not all that follow.
    The splits are empty when the file has no such column.

    Raises:
        UserError: the file is missing, is not text, has another header, or holds no caption at all.
    """
    lines = read_lines(path)
    header = [cell.strip().lower() for cell in _cells(lines[0]) or []] if lines else []
    if header not in _HEADERS:
        raise UserError(f"{path}:1: the first line should be 'image,caption' or 'image,caption,split'.")
    captions: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    first_lines: dict[str, int] = {}
    problems: list[str] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in _cells(line) or []]
        if len(cells) != len(header) or not cells[0] or not cells[1]:
            problems.append(f"{path}:{number}: expected '{','.join(header)}', found {line[:60]!r}")
            continue
        image = cells[0]
        if len(cells) == 3:
            split = _SPLITS.get(cells[2].lower())
            if split is None:
                problems.append(f"{path}:{number}: the split is {cells[2]!r} instead of train, dev or test")
                continue
            if splits.setdefault(image, split) != split:
                problems.append(f"{path}:{number}: {image} is in {splits[image]} already and cannot be in {split} too")
                continue
        captions.setdefault(image, []).append(cells[1])
        first_lines.setdefault(image, number)
    if not captions:
        raise UserError(f"{path} holds no captions: write one line for each, '{','.join(header)}'.")
    return captions, splits, first_lines, problems


def hash_split(name: str) -> str:
    """``train`` for 80 %, ``dev`` for 10 % and ``test`` for 10 % of all names, always the same for a name."""
    tenth = int(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest(), 16) % 10
    return "dev" if tenth == 8 else "test" if tenth == 9 else "train"


def _cells(line: str) -> list[str] | None:
    """The cells of one line; None where its quotes do not match."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None
