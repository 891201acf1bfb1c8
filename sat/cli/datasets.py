"""``data check``, ``data prepare`` and ``features``: data sets made ready."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sat.cli.console import complain, progress, say
from sat.cli.options import DatasetOption, Name, Root

if TYPE_CHECKING:
    from sat.data.registry import Report


def check(dataset: Name, data: Root = None) -> None:
    """Read every caption and picture and say what is wrong; exit code 1 if something is."""
    from sat.data.registry import check as read_all
    from sat.data.registry import load_dataset

    with progress() as bars:
        report = read_all(load_dataset(dataset, data), progress=partial(bars, "pictures"))
    for problem in (*report.problems, *report.unreadable):
        say(problem)
    say(_summary(report))
    if not report.ok:
        raise typer.Exit(1)


def prepare(
    dataset: Name,
    data: Root = None,
    entities: Annotated[
        Path | None, typer.Option("--entities", metavar="FILE", help="The Flickr30k Entities release (flickr8k only).")
    ] = None,
    counts: Annotated[
        tuple[int, int, int] | None,
        typer.Option("--count", metavar="TRAIN DEV TEST", help="How many pictures to draw (shapes only)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the drawn pictures (shapes only).")] = 0,
) -> None:
    """Make what a data set needs beyond its published files: the paper's captions and the boxes, or the shapes."""
    from sat.data.dataset import SPLITS
    from sat.data.registry import prepare as make

    count = None if counts is None else dict(zip(SPLITS, counts, strict=True))
    with progress() as bars:
        report = make(dataset, data, entities=entities, count=count, seed=seed, progress=partial(bars, dataset))
    for problem in (*report.problems, *report.unreadable):
        complain(f"passed over: {problem}")
    say(_summary(report))


def features(
    data: Root = None,
    dataset: DatasetOption = "flickr8k",
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME", help="A timm name, several joined by '+', or vgg19.")
    ] = "tf_efficientnet_lite2",
) -> None:
    """Compute the annotations of a data set once, ahead of training and evaluation."""
    from sat.data.features import extract
    from sat.data.registry import load_dataset
    from sat.models.encoder import Encoder

    examples = load_dataset(dataset, data).examples
    network = Encoder(encoder)
    with progress() as bars:
        store, problems = extract(network, [e.path for e in examples], progress=partial(bars, "annotations"))
    for problem in problems:
        complain(f"passed over: {problem}")
    say(f"{len(examples) - len(problems)} of {len(examples)} pictures have annotations in {store.folder}")


def _summary(report: Report) -> str:
    splits = ", ".join(f"{n} {split} ({report.captions[split]} captions)" for split, n in report.pictures.items())
    problems = len(report.problems) + len(report.unreadable)
    found = "no problems" if problems == 0 else "1 problem" if problems == 1 else f"{problems} problems"
    return f"{report.name} in {report.root}: {splits}; {found}"
