"""Karpathy's ``dataset_*.json``: captions and the split that most papers use, for Flickr8k, Flickr30k and COCO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sat.data.dataset import Dataset, Example
from sat.data.files import picture_path, read_json
from sat.errors import UserError

# "restval" is the part of COCO's validation pictures that everybody adds to the training pictures.
_SPLITS = {"train": "train", "restval": "train", "val": "dev", "test": "test"}


@dataclass(frozen=True)
class Record:
    """One picture of the file.

    Attributes:
        filename: of the picture, without a folder.
        filepath: its folder (COCO: ``train2014`` or ``val2014``); empty for Flickr.
        split: ``train``, ``dev`` or ``test``.
        captions: as written (``raw``), white space made single.
    """

    filename: str
    filepath: str
    split: str
    captions: tuple[str, ...]

    @property
    def path(self) -> str:
        """The picture relative to the folder of all pictures."""
        return f"{self.filepath}/{self.filename}" if self.filepath else self.filename


def read_karpathy(path: Path) -> tuple[list[Record], list[str]]:
    """The pictures of a ``dataset_*.json`` in its order, and a line for each malformed one.

    Raises:
        UserError: the file is missing, is not JSON, or holds no picture.
    """
    content = read_json(path)
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise UserError(f"{path} has no list 'images': it should be one of Karpathy's dataset_*.json files.")
    records: dict[str, Record] = {}
    problems: list[str] = []
    for number, image in enumerate(images):
        record = _record(image)
        if isinstance(record, str):
            problems.append(f"{path}: images[{number}]: {record}")
        elif record.filename in records:
            problems.append(f"{path}: images[{number}]: {record.filename} comes a second time")
        else:
            records[record.filename] = record
    if not records:
        raise UserError(f"{path} holds no pictures with captions: download it again.")
    return list(records.values()), problems


def load(name: str, folder: Path, file: Path, images: Path) -> Dataset:
    """The data set of a ``dataset_*.json`` whose pictures are in ``images``.

    Raises:
        UserError: the file is missing, is not JSON, or holds no picture.
    """
    records, problems = read_karpathy(file)
    examples = []
    for record in records:
        path = picture_path(images, record.path)
        if path is None:
            problems.append(f"{file}: {images / record.path} does not exist")
        else:
            examples.append(Example(record.filename, path, record.split, record.captions))
    return Dataset(name, folder, tuple(examples), tuple(problems))


def _record(image: Any) -> Record | str:
    """The picture, or what is wrong with it."""
    if not isinstance(image, dict) or not isinstance(image.get("filename"), str) or not image["filename"]:
        return "has no filename"
    split = image.get("split")
    if not isinstance(split, str) or split not in _SPLITS:
        return f"its split is {split!r} instead of one of {', '.join(_SPLITS)}"
    sentences = image.get("sentences")
    raw = [s.get("raw") for s in sentences if isinstance(s, dict)] if isinstance(sentences, list) else []
    captions = tuple(" ".join(text.split()) for text in raw if isinstance(text, str) and text.strip())
    if not captions:
        return f"{image['filename']} has no captions"
    filepath = image.get("filepath")
    return Record(image["filename"], filepath if isinstance(filepath, str) else "", _SPLITS[split], captions)
