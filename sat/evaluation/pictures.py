"""The pictures of an evaluation, with the boxes that people drew, found again where they may be now.

The rows of an evaluation name their pictures. They are looked for in the data set as it lay when it was evaluated, in
the folder of the data sets, and, for the synthetic shapes, drawn again. A picture counts as found only where its
captions are those of the rows, so that nobody is shown another one of the same name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sat.data import folder as folder_data
from sat.data import shapes
from sat.data.dataset import SPLITS, Dataset, Example, data_root
from sat.data.entities import ALIGNED_FILE, AlignedPicture, read_aligned
from sat.data.registry import load_dataset
from sat.errors import UserError
from sat.evaluation.worst import stretched
from sat.images import MODEL_SIZE, Picture, from_array, read_picture

_DRAWN = re.compile(rf"({'|'.join(SPLITS)})-(\d{{5}})\.png")
_SEED = 0  # of the shapes that models ship with


@dataclass(frozen=True)
class _Source:
    """A data set in which pictures are looked for: by name, and their boxes where there are any."""

    examples: dict[str, Example]
    boxes: dict[str, AlignedPicture]


class EvaluatedPictures:
    """The pictures of one evaluation. Data sets are read when the first picture is asked for, and kept."""

    def __init__(self, about: dict[str, Any]) -> None:
        """
        Args:
            about: of an ``EvaluationStore``.
        """
        self.dataset, self.root = str(about["dataset"]), about.get("root")

    def read(self, image: str, references: Sequence[str], *, size: int = MODEL_SIZE) -> Picture:
        """A picture, its display in the proportions of the original where the boxes tell them.

        Args:
            image: its name; references: its captions, as in the rows.
            size: side of the square that the model sees, in pixels.

        Raises:
            UserError: it is not found, or cannot be read.
        """
        found = self._find(image, references)
        if found is not None:
            picture = read_picture(found[0].path, size=size)
            aligned = found[1]
            return picture if aligned is None else stretched(picture, aligned.width / max(aligned.height, 1))
        drawn = self._drawn(image, references)
        if drawn is not None:
            return from_array(drawn[0], size=size)
        raise UserError(
            f"The picture {image} of the data set {self.dataset} is not here any more: put it back where it was, or "
            "set SAT_DATA to the folder of the data sets."
        )

    def boxes(self, image: str, references: Sequence[str]) -> AlignedPicture | None:
        """What people marked in a picture; None where nobody did."""
        found = self._find(image, references)
        if found is not None:
            return found[1]
        drawn = self._drawn(image, references)
        return None if drawn is None else drawn[1]

    def _find(self, image: str, references: Sequence[str]) -> tuple[Example, AlignedPicture | None] | None:
        for source in self._sources:
            example = source.examples.get(image)
            if example is not None and list(example.captions) == list(references):
                return example, source.boxes.get(image)
        return None

    @cached_property
    def _sources(self) -> list[_Source]:
        """The data sets of that name that can be read."""
        tries: list[Callable[[], Dataset]] = []
        if self.root is not None:
            tries.append(lambda: _load_at(self.dataset, Path(str(self.root))))
        if self.dataset != "folder":
            tries.append(lambda: load_dataset(self.dataset, data_root()))
        found = []
        for load in tries:
            try:
                dataset = load()
            except UserError:
                continue
            found.append(_Source({e.name: e for e in dataset.examples}, _boxes(dataset)))
        return found

    def _drawn(self, image: str, references: Sequence[str]) -> tuple[np.ndarray, AlignedPicture] | None:
        """The pixels and boxes of a synthetic picture drawn again; None if it is none, or was another one."""
        name = _DRAWN.fullmatch(image)
        if self.dataset != "shapes" or name is None:
            return None
        pixels, aligned, _ = shapes.picture(_SEED, name[1], int(name[2]))
        captions = [" ".join(caption.tokens) for caption in aligned.captions]
        return (pixels, aligned) if captions == list(references) else None


def _load_at(name: str, root: Path) -> Dataset:
    """A data set by its own folder."""
    return folder_data.load(root) if name == "folder" else load_dataset(name, root.parent)


def _boxes(dataset: Dataset) -> dict[str, AlignedPicture]:
    path = dataset.root / ALIGNED_FILE
    try:
        return read_aligned(path) if path.is_file() else {}
    except UserError:
        return {}
