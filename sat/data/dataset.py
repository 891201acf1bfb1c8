"""What every data set looks like to the rest of the program."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sat.errors import UserError

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Example:
    """One picture with its captions.

    Attributes:
        name: the publisher's file name, unique in the data set.
        path: the picture file.
        split: ``train``, ``dev`` or ``test``.
        captions: the captions as published, not yet tokenised.
    """

    name: str
    path: Path
    split: str
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """Captioned pictures and what was wrong with the files that hold them.

    Attributes:
        name: ``flickr8k``, ``flickr30k``, ``coco``, ``shapes``, ``folder``.
        root: the folder it was read from.
        examples: every usable picture, in the order of the publisher's split lists.
        problems: one line for each malformed record or missing picture, with file and line.
        paper_captions: captions of the paper's edition by picture name, where it differs (Flickr8k).
    """

    name: str
    root: Path
    examples: tuple[Example, ...]
    problems: tuple[str, ...] = ()
    paper_captions: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def split(self, split: str) -> list[Example]:
        """The examples of one split.

        Raises:
            UserError: no such split, or it is empty.
        """
        if split not in SPLITS:
            raise UserError(f"There is no split {split!r}: use {', '.join(SPLITS)}.")
        found = [example for example in self.examples if example.split == split]
        if not found:
            raise UserError(f"{self.name} in {self.root} has no {split} pictures: check it with 'data check'.")
        return found


def data_root(root: str | Path | None = None) -> Path:
    """The folder that holds the data sets: ``root``, else ``$SAT_DATA``, else ``data``."""
    return Path(root or os.environ.get("SAT_DATA") or "data")


def cache_root() -> Path:
    """The folder for what can be computed again (annotations): ``$SAT_CACHE``, else ``~/.cache/sat``."""
    return Path(os.environ.get("SAT_CACHE") or Path.home() / ".cache" / "sat")
