"""Flickr8k from its official files: 8091 pictures, five captions each, 6000 / 1000 / 1000."""

from __future__ import annotations

import os
from pathlib import Path

from sat.data.dataset import Dataset, Example
from sat.data.files import first_existing, picture_path
from sat.data.token_file import read_lines, read_token_file
from sat.errors import UserError

SPLIT_FILES = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
CAPTION_FILES = ("captions.token", "Flickr8k.token.txt")
PAPER_FILE = "captions_f30k_edition.token"
IMAGE_FOLDERS = ("images", "Flicker8k_Dataset", "Flickr8k_Dataset")


def load(root: Path) -> Dataset:
    """The data set in ``root/flickr8k``, with the publisher's file names or this project's shorter ones.

    Raises:
        UserError: a file that nothing can be done without is missing.
    """
    folder = root / "flickr8k"
    if not os.path.isdir(folder):  # unlike Path.is_dir, never raises
        raise UserError(
            f"{folder} does not exist: put the Flickr8k files there, or set SAT_DATA or --data to the folder above it."
        )
    captions, problems = read_token_file(first_existing(folder, CAPTION_FILES))
    images = first_existing(folder, IMAGE_FOLDERS)
    examples: list[Example] = []
    for split, file in SPLIT_FILES.items():
        for number, line in enumerate(read_lines(folder / file), start=1):
            name = line.strip()
            if not name:
                continue
            path = picture_path(images, name)
            if name not in captions:
                problems.append(f"{folder / file}:{number}: {name} has no captions")
            elif path is None:
                problems.append(f"{folder / file}:{number}: {images / name} does not exist")
            else:
                examples.append(Example(name, path, split, captions[name]))
    paper: dict[str, tuple[str, ...]] = {}
    if (folder / PAPER_FILE).is_file():
        paper, paper_problems = read_token_file(folder / PAPER_FILE)
        problems += paper_problems
    return Dataset("flickr8k", folder, tuple(examples), tuple(problems), paper)
