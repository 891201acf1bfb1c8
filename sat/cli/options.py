"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Images = Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Picture files.")]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="A model of 'models', or a folder.")]
Models = Annotated[list[str] | None, typer.Option("--model", metavar="NAME", help="May be given several times.")]
Beam = Annotated[int | None, typer.Option("--beam", metavar="K", min=1, max=50, help="Beam width.")]
Context = Annotated[
    Literal["expected", "argmax", "sample"] | None,
    typer.Option("--context", help="How attention becomes a context."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of sampled glimpses.")]
Style = Annotated[Literal["paper", "heat", "contour", "cells"], typer.Option("--style", help="How maps are drawn.")]
Scale = Annotated[Literal["shared", "own"], typer.Option("--scale", help="One scale for all words, or each its own.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="FILE.png, .svg, .pdf or .gif.")]
Root = Annotated[Path | None, typer.Option("--data", metavar="ROOT", help="Data root; else $SAT_DATA, else data/.")]
Name = Annotated[str, typer.Argument(metavar="DATASET", help="flickr8k, flickr30k, coco, shapes or folder.")]
DatasetOption = Annotated[str, typer.Option("--dataset", metavar="DATASET")]
