"""How good NWGM is, and what a baseline is worth, on trained models: ``python -m sat.lessons.measure``.

The numbers of the chapters on expectation and on hard attention, over every word of the captions that a model writes
for some pictures. With ``--save`` they are kept beside the weights, where the Results page finds them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from sat import checkpoints
from sat.analysis.reading import Reading
from sat.captioner import Captioner, load
from sat.data.registry import load_dataset
from sat.errors import UserError
from sat.evaluation.publish import read_training
from sat.images import read_picture
from sat.lessons.averages import Averages, averages
from sat.lessons.estimators import EXPECTED, MIXED, NO_BASELINE, OWN_MEAN, estimators
from sat.lessons.measured import Kept, Measured, keep
from sat.lessons.paths import Paths, path_variance, sample_paths

if TYPE_CHECKING:
    from torch import Tensor

PATHS = 64


def measure(
    captioner: Captioner,
    raws: Iterable[Tensor],
    *,
    paths: int = PATHS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Measured:
    """Caption pictures and measure every step.

    Args:
        raws: annotations of the pictures, (1, L, D) each.
        paths: sampled a caption, for the variances of equation 11.
        progress: called with the number of pictures that are done.

    Raises:
        UserError: the model has no attention, there is no picture, or fewer than two paths.
    """
    if captioner.attention == "none":
        raise UserError(f"The model {captioner.name} has no attention: choose a soft or a hard model.")
    nothing = UserError("There is nothing to measure: give at least one picture and two paths.")
    if paths < 2:
        raise nothing
    found: list[_OfCaption] = []
    for number, raw in enumerate(raws):
        (trace,) = captioner.caption_annotations(raw)
        found.append(captioner.analyse(_of_caption, raw, trace, paths, seed + number))
        if progress is not None:
            progress(number + 1)
    if not found:
        raise nothing
    average = [caption.averages for caption in found]
    sums: Counter[str] = Counter()
    for caption in found:
        sums.update(caption.sums)
    one = float(np.mean(np.concatenate([a.bound() for a in average])))  # the running mean of a step's reward
    whole = float(np.mean(np.concatenate([caption.totals for caption in found])))  # and of a whole caption's

    def ratio(above: float, below: float) -> float:
        return above / below if below > 0 else float("nan")

    return Measured(
        model=captioner.name,
        pictures=len(found),
        steps=sum(len(a.words) for a in average),
        nwgm=_mean([a.divergence["nwgm"] for a in average]),
        soft=_mean([a.divergence["soft"] for a in average]),
        nwgm_p=_mean([a.error("nwgm") for a in average]),
        soft_p=_mean([a.error("soft") for a in average]),
        step_running=ratio(sums["step"] - 2 * one * sums["step_1"] + one**2 * sums["step_2"], sums["step"]),
        step_own=ratio(sums["step_own"], sums["step"]),
        step_expected=ratio(sums["step_expected"], sums["step"]),
        mixed_bias=float(np.sqrt(ratio(sums["mixed_off"], sums["exact"]))),
        caption_running=ratio(
            sums["caption"] - 2 * whole * sums["caption_1"] + whole**2 * sums["caption_2"], sums["caption"]
        ),
        caption_own=ratio(sums["caption_own"], sums["caption"]),
        word=ratio(sums["word"], sums["caption"]),
    )


@dataclass(frozen=True, eq=False)
class _OfCaption:
    """What is kept of a caption: gradients are large and only sums of them are wanted.

    Attributes:
        totals: log-probabilities of the caption along the sampled paths, (K,).
        sums: of variances over its steps. With a baseline b the variance of a step's gradient is ``step`` - 2 b
            ``step_1`` + b^2 ``step_2``, and that of the caption's likewise.
    """

    averages: Averages
    totals: np.ndarray
    sums: dict[str, float]


def _of_caption(reading: Reading, paths: int, seed: int) -> _OfCaption:
    found = averages(reading)
    sums: Counter[str] = Counter()
    for step in range(len(reading.ids)):
        e = estimators(reading, step, found)
        squares = (e.directions**2).sum(1)  # (L,)
        sums.update(
            {
                "step": e.by_name[NO_BASELINE].variance,
                "step_1": float(e.alpha @ (e.rewards * squares)),
                "step_2": float(e.alpha @ squares),
                "step_own": e.by_name[OWN_MEAN].variance,
                "step_expected": e.by_name[EXPECTED].variance,
                "mixed_off": float(((e.by_name[MIXED].mean - e.exact) ** 2).sum()),
                "exact": float((e.exact**2).sum()),
            }
        )
    sampled = sample_paths(reading, paths, seed)
    return _OfCaption(found, sampled.rewards.sum(1), dict(sums) | _of_paths(sampled))


def _of_paths(sampled: Paths) -> dict[str, float]:
    """Variances of the gradient of a whole caption, by what its glimpses are credited with."""
    totals, rewards = sampled.rewards.sum(1), sampled.rewards
    whole = np.repeat(totals[:, None], rewards.shape[1], axis=1)  # (K, T + 1)
    others = len(totals) / (len(totals) - 1)  # the mean of the other paths, which do not know this one's glimpses
    plain, minus = path_variance(sampled, whole), path_variance(sampled, whole - 1)
    slope = path_variance(sampled, np.ones_like(whole))
    return {
        "caption": plain,
        "caption_1": (plain + slope - minus) / 2,
        "caption_2": slope,
        "caption_own": path_variance(sampled, (whole - whole.mean(0)) * others),
        "word": path_variance(sampled, (rewards - rewards.mean(0)) * others),
    }


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
    dataset: Annotated[
        str | None, typer.Option(help="Data set, where no picture is named; by default that of the model's training.")
    ] = None,
    split: Annotated[str, typer.Option(help="Its split.")] = "dev",
    count: Annotated[int, typer.Option(min=1, help="How many of its pictures, from the first.")] = 200,
    paths: Annotated[int, typer.Option(min=2, max=1000, help="Sampled paths a caption.")] = PATHS,
    seed: Annotated[int, typer.Option(min=0, help="Of the sampling.")] = 0,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the numbers beside the model's weights, for the Results page.")
    ] = False,
) -> None:
    """Print the errors of NWGM and the worth of a baseline for trained models."""
    if picture and save:
        raise UserError("Only what was measured on a data set is kept: leave --picture or --save out.")
    names = models or [
        name for name in checkpoints.available() if checkpoints.read_config(checkpoints.find(name)).attention != "none"
    ]
    if not names:
        raise UserError("There is no trained model with attention: name one, or put one into checkpoints/.")
    found = []
    shown = Console(stderr=True)
    with Progress(console=shown, transient=True, disable=not shown.is_terminal) as bars:
        for name in names:
            folder = checkpoints.find(name)
            used = dataset or trained_on(folder)
            files = picture or [example.path for example in load_dataset(used, data).split(split)[:count]]
            captioner = load(name)
            bar = bars.add_task(name, total=len(files))
            numbers = measure(
                captioner,
                _annotations(captioner, files),
                paths=paths,
                seed=seed,
                progress=lambda done, bar=bar: bars.update(bar, completed=done),  # type: ignore[misc]
            )
            found.append(numbers)
            if save:
                keep(folder, Kept(numbers, used, split, paths, seed, checkpoints.weights_digest(folder)))
    Console().print(table(found))


def trained_on(folder: Path) -> str:
    """The data set that a model was trained on, Flickr8k where it does not say."""
    story = read_training(folder)
    return "flickr8k" if story is None else str(story["settings"].get("dataset", "flickr8k"))


def _annotations(captioner: Captioner, files: Sequence[Path]) -> Iterator[Tensor]:
    """Those of the pictures, (1, L, D), one at a time: many would not fit into memory."""
    for file in files:
        yield captioner.annotate([read_picture(file, size=captioner.config.image_size)])


def main() -> None:
    """The command line; a mistake in the input is one line on standard error and exit code 2."""
    try:
        typer.run(command)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
