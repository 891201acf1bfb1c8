"""Data sets by name: load one, check it, prepare it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sat.data import coco, flickr8k, flickr30k, folder, karpathy, shapes
from sat.data.dataset import SPLITS, Dataset, data_root
from sat.data.entities import ALIGNED_FILE, build_aligned
from sat.data.files import first_existing
from sat.errors import UserError
from sat.images import read_picture

NAMES = ("flickr8k", "flickr30k", "coco", "shapes", "folder")
_FLICKR8K_KARPATHY = "dataset_flickr8k.json"
_ENTITIES_NAMES = ("flickr30k_entities.tar.gz", "flickr30k_entities.zip", "flickr30k_entities", "annotations.zip")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Report:
    """What a check of a data set found.

    Attributes:
        name, root: of the data set.
        pictures, captions: how many, by split.
        problems: malformed records and missing pictures, with file and line.
        unreadable: a line for each picture that is there but cannot be read.
    """

    name: str
    root: Path
    pictures: dict[str, int]
    captions: dict[str, int]
    problems: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems and not self.unreadable


def load_dataset(name: str, root: str | Path | None = None) -> Dataset:
    """A data set by name.

    Args:
        name: one of ``NAMES``.
        root: the folder that holds the data sets (``$SAT_DATA``, else ``data``, where None); for ``folder``, the
            folder itself.

    Raises:
        UserError: no such data set, or its files are missing or wrong.
    """
    if name == "folder" and root is None:
        raise UserError("The data set 'folder' needs --data with the folder that holds captions.csv.")
    where = data_root(root)
    match name:
        case "flickr8k":
            return _load_flickr8k(where)
        case "flickr30k":
            return flickr30k.load(where)
        case "coco":
            return coco.load(where)
        case "shapes":
            return shapes.load(where)
        case "folder":
            return folder.load(where)
    raise _unknown(name)


def check(dataset: Dataset, *, progress: Progress | None = None, workers: int | None = None) -> Report:
    """Read every picture of a data set and count what is there.

    Args:
        progress: called with (done, total) pictures.
        workers: pictures read at a time; one for every processor (at most 8) where None.
    """
    pictures = dict.fromkeys(SPLITS, 0)
    captions = dict.fromkeys(SPLITS, 0)
    for example in dataset.examples:
        pictures[example.split] += 1
        captions[example.split] += len(example.captions)
    unreadable = []
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        paths = [example.path for example in dataset.examples]
        for done, problem in enumerate(pool.map(_unreadable, paths), start=1):
            if problem is not None:
                unreadable.append(problem)
            if progress is not None:
                progress(done, len(paths))
    return Report(dataset.name, dataset.root, pictures, captions, dataset.problems, tuple(unreadable))


def prepare(
    name: str,
    root: str | Path | None = None,
    *,
    entities: Path | None = None,
    count: dict[str, int] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Make what a data set needs beyond its published files, then check it.

    Flickr8k gets the paper's caption edition and the human boxes (see ``entities.build_aligned``); the shapes are
    drawn; the others need nothing.

    Args:
        entities: Flickr8k only: the Flickr30k Entities release; looked for in ``root`` where None, and not needed
            when its two files are there already.
        count, seed: shapes only, see ``shapes.generate``.
        progress: called with (done, total), from 0 again for every stage.

    Raises:
        UserError: no such data set, or something that it needs is missing or wrong.
    """
    if name not in NAMES:
        raise _unknown(name)
    problems: list[str] = []
    where = data_root(root)
    if name == "shapes":
        shapes.generate(where / "shapes", count=count, seed=seed, progress=progress)
    elif name == "flickr8k":
        source = where / "flickr8k"
        made = all((source / file).is_file() for file in (flickr8k.PAPER_FILE, ALIGNED_FILE))
        if entities is not None or not made:
            problems = build_aligned(source, entities or _find_entities(where), progress=progress)
    report = check(load_dataset(name, root), progress=progress)
    known = set(report.problems)
    more = tuple(problem for problem in problems if problem not in known)
    return Report(report.name, report.root, report.pictures, report.captions, report.problems + more, report.unreadable)


def _load_flickr8k(root: Path) -> Dataset:
    """From the official files, or where there are none from Karpathy's JSON (the same split)."""
    source = root / "flickr8k"
    file = source / _FLICKR8K_KARPATHY
    if file.is_file() and not any((source / name).is_file() for name in flickr8k.CAPTION_FILES):
        return karpathy.load("flickr8k", source, file, first_existing(source, flickr8k.IMAGE_FOLDERS))
    return flickr8k.load(root)


def _find_entities(root: Path) -> Path:
    for name in _ENTITIES_NAMES:
        if (root / name).exists():
            return root / name
    raise UserError(
        f"{root} has no Flickr30k Entities release: download annotations.zip from "
        "https://github.com/BryanPlummer/flickr30k_entities into it, or name the release with --entities."
    )


def _unreadable(path: Path) -> str | None:
    try:
        read_picture(path)
    except UserError as error:
        return str(error)
    return None


def _unknown(name: str) -> UserError:
    return UserError(f"There is no data set {name!r}: use {', '.join(NAMES)}.")
