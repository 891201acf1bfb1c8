"""How good NWGM is, and what a baseline is worth: the numbers of one model, and their file beside its weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sat import checkpoints
from sat.files import write_text

FILE = "approximations.json"


@dataclass(frozen=True)
class Measured:
    """Of the captions that a model wrote; divergences in nats.

    Attributes:
        model: its name; pictures, steps: how many, the captions' ends included.
        nwgm, soft: mean Jensen-Shannon divergence of NWGM and of the soft pass from the exact one-step marginal.
        nwgm_p, soft_p: mean |p(word) - its marginal|.
        step_running, step_own, step_expected: variance of the one-step gradient with a baseline over that without,
            summed over all steps; the baseline is the mean reward of all steps, of the step alone, and the reward of
            the expected context.
        mixed_bias: |mean - exact| of the half expected mixture, root mean square over the steps, over |exact| likewise.
        caption_running, caption_own: the same ratio of variances for equation 11, where each glimpse is credited with
            the whole caption's log-probability: the baseline is its mean over all captions, and over the paths of
            the caption.
        word: each glimpse credited with its own word less the paths' mean, over equation 11 without a baseline.
    """

    model: str
    pictures: int
    steps: int
    nwgm: float
    soft: float
    nwgm_p: float
    soft_p: float
    step_running: float
    step_own: float
    step_expected: float
    mixed_bias: float
    caption_running: float
    caption_own: float
    word: float


@dataclass(frozen=True)
class Kept:
    """A measurement of a model, with what is needed to make it again.

    Attributes:
        dataset, split: where the pictures are from, the first ``numbers.pictures`` of it.
        paths, seed: of the sampling.
        weights: the first twelve digits of the SHA-256 of the weights that were measured.
    """

    numbers: Measured
    dataset: str
    split: str
    paths: int
    seed: int
    weights: str

    @property
    def command(self) -> str:
        """What measures it again."""
        return (
            f"python -m sat.lessons.measure {self.numbers.model} --dataset {self.dataset} --split {self.split} "
            f"--count {self.numbers.pictures} --paths {self.paths} --seed {self.seed} --save"
        )


def keep(folder: Path, kept: Kept) -> None:
    """Write the file of a model folder."""
    record = {name: value for name, value in asdict(kept).items() if name != "numbers"}
    write_text(folder / FILE, json.dumps(asdict(kept.numbers) | record, indent=2) + "\n")


def kept(folder: Path) -> Kept | None:
    """What was measured of the model in ``folder``; None if nothing was, it is damaged, or the weights are others."""
    record = checkpoints.read_record(folder / FILE)
    if record is None or record.get("weights") != checkpoints.weights_digest(folder):
        return None
    try:
        numbers = Measured(**{f.name: _of_type(record[f.name], str(f.type)) for f in fields(Measured)})
        rest = {f.name: _of_type(record[f.name], str(f.type)) for f in fields(Kept) if f.name != "numbers"}
    except (KeyError, TypeError):
        return None
    return Kept(numbers, **rest)


def all_kept(root: Path | None = None) -> list[Kept]:
    """Every model's of a folder of checkpoints."""
    where = root or checkpoints.checkpoints_root()
    found = (kept(where / name) for name in checkpoints.available(root))
    return [one for one in found if one is not None]


def rows(several: Sequence[Kept], dataset: str) -> list[dict[str, Any]]:
    """A table of the models that were measured on a data set, a row a model."""
    return [
        {
            "model": k.numbers.model,
            "NWGM": k.numbers.nwgm,
            "soft pass": k.numbers.soft,
            "NWGM, p(word)": 100 * k.numbers.nwgm_p,
            "soft pass, p(word)": 100 * k.numbers.soft_p,
            "variance, caption": k.numbers.caption_running,
            "variance, own word": k.numbers.word,
            "variance, one step": k.numbers.step_running,
            "bias of the mixture": k.numbers.mixed_bias,
            "words": k.numbers.steps,
        }
        for k in several
        if k.dataset == dataset
    ]


def _of_type(value: Any, name: str) -> Any:
    """A field as it must be.

    Raises:
        TypeError: it is something else.
    """
    wanted: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int)}
    if not isinstance(value, wanted[name]) or isinstance(value, bool):
        raise TypeError(name)
    return value
