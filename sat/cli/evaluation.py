"""``evaluate`` and ``publish``: a model scored on a split."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Literal

import typer

from sat.cli.captioning import captioner_for
from sat.cli.console import complain, progress, say
from sat.cli.options import Beam, Context, DatasetOption, Model, Root


def evaluate(
    model: Model,
    split: Annotated[Literal["test", "dev"], typer.Option("--split")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for metrics.json and captions.jsonl.")],
    data: Root = None,
    dataset: DatasetOption = "flickr8k",
    beam: Beam = None,
    context: Context = None,
    rows: Annotated[
        bool, typer.Option("--rows/--no-rows", help="Also store/ and hallucination.json: every picture and word.")
    ] = True,
) -> None:
    """Score a model on a split by both protocols, with its attention and its grounding.

    With rows, an evaluation that was cut off goes on where it was when the same command is given again.
    """
    from sat.data.registry import load_dataset
    from sat.evaluation.evaluate import evaluate as score

    captioner, decoding = captioner_for(model, beam, context, seed=0)
    try:
        with progress() as bars:
            done = score(
                captioner,
                load_dataset(dataset, data),
                split,
                decoding=decoding,
                seed=captioner.config.seed,
                out=out,
                progress=bars,
                rows=rows,
            )
    except KeyboardInterrupt:  # at most a batch is lost
        complain("stopped; go on with the same command" if rows else "stopped")
        raise typer.Exit(128 + signal.SIGINT) from None
    for protocol in ("standard", "paper_like"):
        if done.metrics.get(protocol):
            say(f"{protocol}: " + ", ".join(f"{name} {value}" for name, value in done.metrics[protocol].items()))
    if done.hallucination is not None:
        objects = done.hallucination["objects"]
        for name in ("model", "human"):
            values = [f"{key} {objects[name][key]}" for key in ("chair_i", "chair_s", "recall")]
            say(f"objects, {name}: {', '.join(values)}")
    say(f"written to {out / 'metrics.json'} and {out / 'captions.jsonl'}")


def publish(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, or a model folder.")],
    data: Root = None,
    dataset: DatasetOption = "flickr8k",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the evaluation; RUN/evaluation for a run by default."),
    ] = None,
    seed_of: Annotated[
        str | None,
        typer.Option(
            "--seed-of",
            metavar="MODEL",
            help="A shipped model that RUN repeats with another seed: keep its scores, for the spread.",
        ),
    ] = None,
) -> None:
    """Score a finished run on the test split and add it to the shipped models, with its card."""
    from sat.data.registry import load_dataset
    from sat.evaluation.publish import add_seed
    from sat.evaluation.publish import publish as add

    with progress() as bars:
        scored = load_dataset(dataset, data)
        if seed_of is None:
            folder = add(run, scored, out=out, progress=bars)
        else:
            folder = add_seed(run, scored, seed_of, out=out, progress=bars)
    say(f"the model is in {folder}")
