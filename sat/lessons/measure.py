"""How good NWGM is, and what a baseline is worth, on trained models: ``python -m sat.lessons.measure``.

The numbers of the chapters on expectation and on hard attention, over every word of the captions that a model writes
for some pictures, for the page of results.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from sat import checkpoints
from sat.analysis.reading import Reading
from sat.captioner import Captioner, load
from sat.data.registry import load_dataset
from sat.errors import UserError
from sat.images import read_picture
from sat.lessons.averages import Averages, averages
from sat.lessons.estimators import EXPECTED, MIXED, NO_BASELINE, OWN_MEAN, Estimators, estimators
from sat.lessons.paths import Paths, path_variance, sample_paths

if TYPE_CHECKING:
    from torch import Tensor

PATHS = 64


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


def measure(
    captioner: Captioner,
    raws: Sequence[Tensor],
    *,
    paths: int = PATHS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Caption pictures and measure every step.

    Args:
        raws: annotations of the pictures, (1, L, D) each.
        paths: sampled a caption, for the variances of equation 11.
        progress: called with (done, total) pictures.

    Raises:
        UserError: the model has no attention, there is no picture, or fewer than two paths.
    """
    if captioner.attention == "none":
        raise UserError(f"The model {captioner.name} has no attention: choose a soft or a hard model.")
    if not raws or paths < 2:
        raise UserError("There is nothing to measure: give at least one picture and two paths.")
    found: list[tuple[Averages, list[Estimators], Paths]] = []
    for number, raw in enumerate(raws):
        (trace,) = captioner.caption_annotations(raw)
        found.append(captioner.analyse(_of_caption, raw, trace, paths, seed + number))
        if progress is not None:
            progress(number + 1, len(raws))
    average = [a for a, _, _ in found]
    steps = [e for _, several, _ in found for e in several]
    plain = sum(e.by_name[NO_BASELINE].variance for e in steps)
    running = float(np.mean(np.concatenate([a.bound() for a in average])))

    def ratio(variance: Callable[[Estimators], float]) -> float:
        return sum(variance(e) for e in steps) / plain if plain > 0 else float("nan")

    off = sum(float(((e.by_name[MIXED].mean - e.exact) ** 2).sum()) for e in steps)
    size = sum(float((e.exact**2).sum()) for e in steps)
    return Measured(
        model=captioner.name,
        pictures=len(raws),
        steps=len(steps),
        nwgm=_mean([a.divergence["nwgm"] for a in average]),
        soft=_mean([a.divergence["soft"] for a in average]),
        nwgm_p=_mean([a.error("nwgm") for a in average]),
        soft_p=_mean([a.error("soft") for a in average]),
        step_running=ratio(lambda e: e.variance_with(running)),
        step_own=ratio(lambda e: e.by_name[OWN_MEAN].variance),
        step_expected=ratio(lambda e: e.by_name[EXPECTED].variance),
        mixed_bias=float(np.sqrt(off / size)) if size > 0 else float("nan"),
        **_caption_ratios([p for _, _, p in found]),
    )


def _of_caption(reading: Reading, paths: int, seed: int) -> tuple[Averages, list[Estimators], Paths]:
    found = averages(reading)
    steps = [estimators(reading, step, found) for step in range(len(reading.ids))]
    return found, steps, sample_paths(reading, paths, seed)


def _caption_ratios(several: Sequence[Paths]) -> dict[str, float]:
    """Variances of the gradient of whole captions over that of equation 11 without a baseline."""
    totals = [p.rewards.sum(1) for p in several]  # (K,) each
    running = float(np.mean(np.concatenate(totals)))
    sums = dict.fromkeys(("plain", "caption_running", "caption_own", "word"), 0.0)
    for p, total in zip(several, totals, strict=True):
        whole = np.repeat(total[:, None], p.rewards.shape[1], axis=1)  # (K, T + 1)
        others = len(total) / (len(total) - 1)  # the mean of the other paths, which do not know this one's glimpses
        sums["plain"] += path_variance(p, whole)
        sums["caption_running"] += path_variance(p, whole - running)
        sums["caption_own"] += path_variance(p, (whole - whole.mean(0)) * others)
        sums["word"] += path_variance(p, (p.rewards - p.rewards.mean(0)) * others)
    plain = sums.pop("plain")
    return {name: value / plain if plain > 0 else float("nan") for name, value in sums.items()}


def _mean(parts: Sequence[np.ndarray]) -> float:
    return float(np.concatenate(parts).mean())


def table(measured: Sequence[Measured]) -> Table:
    """The measurements side by side, a column a model."""
    made = Table("", *(m.model for m in measured))
    rows: tuple[tuple[str, Callable[[Measured], str]], ...] = (
        ("pictures, steps", lambda m: f"{m.pictures}, {m.steps}"),
        ("NWGM, divergence from the exact marginal (nats)", lambda m: f"{m.nwgm:.5f}"),
        ("soft pass, divergence from the exact marginal (nats)", lambda m: f"{m.soft:.5f}"),
        ("NWGM, error of p(word)", lambda m: f"{m.nwgm_p:.2%}"),
        ("soft pass, error of p(word)", lambda m: f"{m.soft_p:.2%}"),
        ("one step: variance with the running mean, over plain", lambda m: f"{m.step_running:.4f}"),
        ("one step: with the step's own mean", lambda m: f"{m.step_own:.4f}"),
        ("one step: with the expected context's reward", lambda m: f"{m.step_expected:.4f}"),
        ("one step: bias of the half expected mixture", lambda m: f"{m.mixed_bias:.3f}"),
        ("caption: variance with the running mean, over plain", lambda m: f"{m.caption_running:.4f}"),
        ("caption: with the caption's own mean", lambda m: f"{m.caption_own:.4f}"),
        ("caption: credited with the own word only", lambda m: f"{m.word:.4f}"),
    )
    for name, text in rows:
        made.add_row(name, *(text(m) for m in measured))
    return made


def command(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models; all that have attention if none is named.")
    ] = None,
    picture: Annotated[list[Path] | None, typer.Option(help="A picture file; may be given several times.")] = None,
    data: Annotated[Path | None, typer.Option(help="Root folder of the data sets.")] = None,
    dataset: Annotated[str, typer.Option(help="Data set, where no picture is named.")] = "flickr8k",
    split: Annotated[str, typer.Option(help="Its split.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many of its pictures, from the first.")] = 20,
    paths: Annotated[int, typer.Option(min=2, max=1000, help="Sampled paths a caption.")] = PATHS,
    seed: Annotated[int, typer.Option(min=0, help="Of the sampling.")] = 0,
) -> None:
    """Print the errors of NWGM and the worth of a baseline for trained models."""
    files = picture or [example.path for example in load_dataset(dataset, data).split(split)[:count]]
    names = models or [
        name for name in checkpoints.available() if checkpoints.read_config(checkpoints.find(name)).attention != "none"
    ]
    if not names:
        raise UserError("There is no trained model with attention: name one, or put one into checkpoints/.")
    found = []
    for name in names:
        captioner = load(name)
        raws = [captioner.annotate([read_picture(file, size=captioner.config.image_size)]) for file in files]
        found.append(measure(captioner, raws, paths=paths, seed=seed))
    Console().print(table(found))


def main() -> None:
    """The command line; a mistake in the input is one line on standard error and exit code 2."""
    try:
        typer.run(command)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
