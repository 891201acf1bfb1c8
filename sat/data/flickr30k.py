"""Flickr30k from its published files: 31,783 pictures with five captions each."""

from __future__ import annotations

import os
from pathlib import Path

from sat.data import karpathy
from sat.data.dataset import Dataset, Example
from sat.data.files import first_existing, picture_path
from sat.data.token_file import read_lines, read_token_file
from sat.errors import UserError

_TOKEN_FILES = ("results_20130124.token", "captions.token")
_CSV_FILE = "results.csv"
_KARPATHY_FILE = "dataset_flickr30k.json"
_SPLIT_FILES = {"train": "train.txt", "dev": "val.txt", "test": "test.txt"}
_IMAGE_FOLDERS = ("flickr30k-images", "images", "flickr30k_images")


def load(root: Path) -> Dataset:
    """The data set in ``root/flickr30k``.

    Captions come from the token file, else ``results.csv``, else Karpathy's JSON; the split from Karpathy's JSON
    (29,000 / 1,014 / 1,000, used by most papers), else from the lists ``train.txt``, ``val.txt`` and ``test.txt``
    that come with Flickr30k Entities (29,783 / 1,000 / 1,000). Pictures in no split are left out.

    Raises:
        UserError: a file that nothing can be done without is missing.
    """
    folder = root / "flickr30k"
    if not os.path.isdir(folder):  # unlike Path.is_dir, never raises
        raise UserError(
            f"{folder} does not exist: put the Flickr30k files there, or set SAT_DATA or --data to the folder above it."
        )
    images = first_existing(folder, _IMAGE_FOLDERS)
    tokens = [folder / name for name in _TOKEN_FILES if (folder / name).is_file()]
    split_file = folder / _KARPATHY_FILE
    if tokens:
        captions, problems = read_token_file(tokens[0])
    elif (folder / _CSV_FILE).is_file():
        captions, problems = read_results_csv(folder / _CSV_FILE)
    elif split_file.is_file():
        return karpathy.load("flickr30k", folder, split_file, images)
    else:
        raise UserError(
            f"{folder} has no captions: put {_TOKEN_FILES[0]}, {_CSV_FILE} or Karpathy's {_KARPATHY_FILE} there."
        )
    listed, list_problems = _splits(folder)
    problems += list_problems
    examples: list[Example] = []
    for name, split, where in listed:
        path = picture_path(images, name)
        if name not in captions:
            problems.append(f"{where}: {name} has no captions")
        elif path is None:
            problems.append(f"{where}: {images / name} does not exist")
        else:
            examples.append(Example(name, path, split, captions[name]))
    return Dataset("flickr30k", folder, tuple(examples), tuple(problems))


def read_results_csv(path: Path) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Captions by picture name from ``image_name| comment_number| comment``, and a line for each malformed record.

    Raises:
        UserError: the file is missing, is not text, or holds no caption at all.
    """
    indexed: dict[str, dict[int, str]] = {}
    problems: list[str] = []
    for number, line in enumerate(read_lines(path), start=1):
        cells = [cell.strip() for cell in line.split("|", 2)]  # quotes mean nothing in this file
        if not line.strip() or (number == 1 and cells[0] == "image_name"):
            continue
        if len(cells) < 3 or not cells[0] or not cells[2] or not _is_index(cells[1]):
            problems.append(f"{path}:{number}: expected 'NAME.jpg| k| caption', found {line[:60]!r}")
            continue
        captions = indexed.setdefault(cells[0], {})
        if int(cells[1]) in captions:
            problems.append(f"{path}:{number}: a second caption {cells[1]} for {cells[0]}")
            continue
        captions[int(cells[1])] = cells[2]
    if not indexed:
        raise UserError(f"{path} holds no captions: it should have lines 'NAME.jpg| k| caption'.")
    return {name: tuple(c[i] for i in sorted(c)) for name, c in indexed.items()}, problems


def _is_index(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) < 10


def _splits(folder: Path) -> tuple[list[tuple[str, str, str]], list[str]]:
    """(picture, split, where it says so) in the order of the file or lists, and what was wrong with them."""
    file = folder / _KARPATHY_FILE
    if file.is_file():
        records, problems = karpathy.read_karpathy(file)
        return [(record.filename, record.split, str(file)) for record in records], problems
    if not all((folder / name).is_file() for name in _SPLIT_FILES.values()):
        raise UserError(
            f"{folder} says nowhere which pictures are for training and which for testing: put Karpathy's "
            f"{_KARPATHY_FILE}, or train.txt, val.txt and test.txt of Flickr30k Entities, there."
        )
    listed: dict[str, tuple[str, str, str]] = {}
    problems = []
    for split, name in _SPLIT_FILES.items():
        for number, line in enumerate(read_lines(folder / name), start=1):
            picture = line.strip()
            if not picture:
                continue
            picture = picture if picture.endswith(".jpg") else f"{picture}.jpg"
            where = f"{folder / name}:{number}"
            if picture in listed:
                problems.append(f"{where}: {picture} is listed a second time")
            else:
                listed[picture] = (picture, split, where)
    return list(listed.values()), problems
