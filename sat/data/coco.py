"""Microsoft COCO captions, 2014 or 2017: 123,287 pictures with five captions or more."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sat.data import karpathy
from sat.data.dataset import Dataset, Example
from sat.data.files import picture_path, read_json
from sat.errors import UserError

_KARPATHY_FILE = "dataset_coco.json"
_YEARS = ("2014", "2017")


def load(root: Path) -> Dataset:
    """The data set in ``root/coco``: pictures in ``train2014/`` and ``val2014/`` (or 2017).

    With Karpathy's ``dataset_coco.json`` (in ``coco/`` or ``coco/annotations/``) the split is his: train and
    restval (113,287), val (5,000) and test (5,000). Without it, training pictures are those of
    ``annotations/captions_train*.json``, and those of ``captions_val*.json`` are halved: sorted by number, the
    first, third, fifth, ... are dev, the others test, so that every machine gets the same halves. Scores on these
    halves must not be set beside published ones, which use Karpathy's split.

    Raises:
        UserError: a file that nothing can be done without is missing or is not what it should be.
    """
    folder = root / "coco"
    if not os.path.isdir(folder):  # unlike Path.is_dir, never raises
        raise UserError(
            f"{folder} does not exist: put the COCO files there, or set SAT_DATA or --data to the folder above it."
        )
    for file in (folder / _KARPATHY_FILE, folder / "annotations" / _KARPATHY_FILE):
        if file.is_file():
            return karpathy.load("coco", folder, file, folder)
    for year in _YEARS:
        files = {part: folder / "annotations" / f"captions_{part}{year}.json" for part in ("train", "val")}
        if any(file.is_file() for file in files.values()):
            return _from_annotations(folder, year, files)
    raise UserError(
        f"{folder} has no captions: put annotations/captions_train2014.json and captions_val2014.json (or 2017), "
        f"or Karpathy's {_KARPATHY_FILE}, there."
    )


def read_captions(path: Path) -> tuple[dict[int, tuple[str, tuple[str, ...]]], list[str]]:
    """(file name, captions) by picture number, in the order of the numbers, and a line for each malformed record.

    Raises:
        UserError: the file is missing, is not a captions file, or holds no caption at all.
    """
    content = read_json(path)
    images = content.get("images") if isinstance(content, dict) else None
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise UserError(f"{path} has no lists 'images' and 'annotations': it should be a COCO captions file.")
    problems: list[str] = []
    names: dict[int, str] = {}
    for number, image in enumerate(images):
        name, key = _get(image, "file_name"), _get(image, "id")
        if not isinstance(name, str) or not name or not isinstance(key, int):
            problems.append(f"{path}: images[{number}]: has no file_name or id")
        else:
            names[key] = name
    captions: dict[int, list[str]] = {}
    for number, annotation in enumerate(annotations):
        text, key = _get(annotation, "caption"), _get(annotation, "image_id")
        if not isinstance(text, str) or not text.strip():
            problems.append(f"{path}: annotations[{number}]: has no caption")
        elif not isinstance(key, int) or key not in names:
            problems.append(f"{path}: annotations[{number}]: its image_id {key!r} is no picture of this file")
        else:
            captions.setdefault(key, []).append(" ".join(text.split()))
    problems += [f"{path}: {name} has no captions" for key, name in names.items() if key not in captions]
    if not captions:
        raise UserError(f"{path} holds no captions: download it again.")
    return {key: (names[key], tuple(captions[key])) for key in sorted(captions)}, problems


def _from_annotations(folder: Path, year: str, files: dict[str, Path]) -> Dataset:
    examples: list[Example] = []
    problems: list[str] = []
    for part, file in files.items():
        if not file.is_file():
            problems.append(f"{file} does not exist")
            continue
        pictures, found = read_captions(file)
        problems += found
        for position, (name, captions) in enumerate(pictures.values()):
            path = picture_path(folder / f"{part}{year}", name)
            split = "train" if part == "train" else ("dev", "test")[position % 2]
            if path is None:
                problems.append(f"{file}: {folder / f'{part}{year}' / name} does not exist")
            else:
                examples.append(Example(name, path, split, captions))
    return Dataset("coco", folder, tuple(examples), tuple(problems))


def _get(record: Any, key: str) -> Any:
    return record.get(key) if isinstance(record, dict) else None
