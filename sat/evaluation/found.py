"""The evaluations that there are: those that ship with models, and those that ``evaluate --out`` wrote.

An evaluation is found where its folder, with the rows in it, lies in ``checkpoints/NAME/evaluation``, in the folder of
the runs, in ``results/``, or in one of the folders that ``$SAT_EVALUATIONS`` lists; in each up to two levels down. A
public demo shows those that ship and those that are listed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from sat import checkpoints
from sat.evaluation.store import ABOUT_FILE, FOLDER
from sat.public import is_public
from sat.training.run import runs_root

SHIPPED = "evaluation"  # in the folder of a model
RESULTS = "results"


@dataclass(frozen=True)
class Found:
    """An evaluation, as ``about.json`` tells it.

    Attributes:
        name: what it is called in links, unique among those that are found.
        folder: that ``EvaluationStore.open`` takes.
        model, dataset, split: what was evaluated on what; pictures: how many.
        decoding: context, beam and length_norm, as in ``metrics.json``.
        shipped: whether it comes with its model.
    """

    name: str
    folder: Path
    model: str
    dataset: str
    split: str
    pictures: int
    decoding: dict[str, Any]
    shipped: bool

    @property
    def label(self) -> str:
        """Model, data set and split, for a reader."""
        return f"{self.model} · {self.dataset} {self.split}"


def evaluations() -> list[Found]:
    """All of them, the shipped ones first in the order of their models; what is damaged is left out."""
    found: dict[str, Found] = {}
    seen: set[Path] = set()
    for name, folder, shipped in _folders():
        resolved = folder.resolve()
        one = None if resolved in seen else _read(name, folder, shipped)
        seen.add(resolved)
        if one is not None:
            found[_unused(name, found)] = one
    return [replace(one, name=name) for name, one in found.items()]


def labels(found: list[Found]) -> dict[str, str]:
    """What to call each of them: by model, data set and split, with the name where that is not enough."""
    said = [one.label for one in found]
    return {one.name: one.label if said.count(one.label) == 1 else f"{one.label} ({one.name})" for one in found}


def _unused(name: str, taken: Collection[str]) -> str:
    numbered = (f"{name}-{i}" for i in count(2))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def _folders() -> Iterator[tuple[str, Path, bool]]:
    """Names and folders that may hold an evaluation, and whether it comes with a model."""
    for model in checkpoints.available():
        yield model, checkpoints.checkpoints_root() / model / SHIPPED, True
    if is_public():
        roots = []  # of the server's own folders only those that whoever runs it has listed
    else:
        roots = [runs_root(), Path(RESULTS)]
    listed = [Path(text) for text in os.environ.get("SAT_EVALUATIONS", "").split(os.pathsep) if text]
    for root in (*roots, *listed):
        for level in ("", "*/", "*/*/"):
            for about in sorted(root.glob(f"{level}{FOLDER}/{ABOUT_FILE}")):
                folder = about.parent.parent
                yield "/".join((root.name, *folder.relative_to(root).parts)), folder, False


def _read(name: str, folder: Path, shipped: bool) -> Found | None:
    try:
        about = json.loads((folder / FOLDER / ABOUT_FILE).read_text(encoding="utf-8"))
        told = {key: str(about[key]) for key in ("model", "dataset", "split")}
        return Found(name, folder, **told, pictures=int(about["pictures"]), decoding=about["decoding"], shipped=shipped)
    except (OSError, ValueError, KeyError, TypeError):
        return None
