"""The command line: what the pages do, without a browser.

A mistake of the user ends in one line on standard error and exit code 2, whatever the command; a bug keeps its
traceback. torch and timm are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperGroup

from sat.errors import UserError

if TYPE_CHECKING:
    from sat.captioner import Captioner
    from sat.config import Decoding, TrainConfig
    from sat.data.registry import Report
    from sat.images import Picture

_BATCH = 16  # pictures captioned at once
_UsageError: Any = typer.BadParameter.__mro__[1]  # of click, which newer typers carry without naming it


class _OneLineErrors(TyperGroup):
    """The program's one way out: 0, 2 with one line on standard error, or the code that a command chose."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # a file name need not be text
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except UserError as error:
            _complain(str(error))
            code = 2
        except _UsageError as error:
            path = error.ctx.command_path if error.ctx is not None else "python -m sat"
            _complain(f"{error.format_message().rstrip('.')}: see '{path} --help'.")
            code = 2
        sys.exit(code or 0)


app = typer.Typer(cls=_OneLineErrors, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
figure_app = typer.Typer(help="Draw a caption word by word: PNG, SVG, PDF or GIF.", rich_markup_mode=None)
data_app = typer.Typer(help="Make data sets ready and check them.", rich_markup_mode=None)
app.add_typer(figure_app, name="figure")
app.add_typer(data_app, name="data")

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


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Look inside an attention captioner ("Show, Attend and Tell")."""
    if version:
        import sat

        _say(sat.__version__)
    elif context.invoked_subcommand is None:
        _say(context.get_help())


@app.command()
def caption(
    images: Images,
    model: Model = "soft-flickr8k",
    beam: Beam = None,
    context: Context = None,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with every step.")] = False,
) -> None:
    """Caption pictures."""
    captioner, decoding = _captioner(model, beam, context, seed)
    _read_all(images, captioner)  # every picture is known to be good before the first line is printed
    for first in range(0, len(images), _BATCH):
        names = images[first : first + _BATCH]
        for name, trace in zip(names, captioner.caption_many(_read_all(names, captioner), decoding), strict=True):
            if as_json:
                _say(json.dumps(trace.to_dict(name)))
            else:
                _say(trace.caption if len(images) == 1 else f"{name}: {trace.caption}")


@figure_app.command()
def strip(
    images: Images,
    out: Out,
    model: Models = None,
    beam: Beam = None,
    context: Context = None,
    seed: Seed = 0,
    style: Style = "paper",
    scale: Scale = "shared",
) -> None:
    """Every word with its map (figure 2 of the paper); several models stand one above the other."""
    from sat.drawing.overlay import View
    from sat.drawing.strip import strip as draw

    loaded = [_captioner(name, beam, context, seed) for name in model or ["soft-flickr8k"]]
    view = View(style=style, scale=scale)
    _draw(images, out, loaded[0][0], lambda picture: draw(picture, [c.caption(picture, d) for c, d in loaded], view))


@figure_app.command()
def focus(
    images: Images,
    out: Out,
    model: Model = "soft-flickr8k",
    word: Annotated[str | None, typer.Option("--word", metavar="WORD|N", help="Which word; N counts from 1.")] = None,
    beam: Beam = None,
    context: Context = None,
    seed: Seed = 0,
    style: Style = "paper",
    scale: Scale = "shared",
) -> None:
    """One word, underlined in its caption, with its map (figure 3 of the paper)."""
    from sat.drawing.overlay import View
    from sat.drawing.strip import focus as draw

    captioner, decoding = _captioner(model, beam, context, seed)

    def figure(picture: Picture) -> Any:
        trace = captioner.caption(picture, decoding)
        return draw(picture, trace, _word_index(trace.words, word), View(style=style, scale=scale))

    _draw(images, out, captioner, figure)


@data_app.command()
def check(dataset: Name, data: Root = None) -> None:
    """Read every caption and picture and say what is wrong; exit code 1 if something is."""
    from sat.data.registry import check as read_all
    from sat.data.registry import load_dataset

    with _progress() as progress:
        report = read_all(load_dataset(dataset, data), progress=partial(progress, "pictures"))
    for problem in (*report.problems, *report.unreadable):
        _say(problem)
    _say(_summary(report))
    if not report.ok:
        raise typer.Exit(1)


@data_app.command()
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
    with _progress() as progress:
        report = make(dataset, data, entities=entities, count=count, seed=seed, progress=partial(progress, dataset))
    for problem in (*report.problems, *report.unreadable):
        _complain(f"passed over: {problem}")
    _say(_summary(report))


@app.command()
def evaluate(
    model: Model,
    split: Annotated[Literal["test", "dev"], typer.Option("--split")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for metrics.json and captions.jsonl.")],
    data: Root = None,
    dataset: DatasetOption = "flickr8k",
    beam: Beam = None,
    context: Context = None,
) -> None:
    """Score a model on a split by both protocols, with its attention and its grounding."""
    from sat.data.registry import load_dataset
    from sat.evaluation.evaluate import evaluate as score

    captioner, decoding = _captioner(model, beam, context, seed=0)
    with _progress() as progress:
        done = score(
            captioner,
            load_dataset(dataset, data),
            split,
            decoding=decoding,
            seed=captioner.config.seed,
            out=out,
            progress=progress,
        )
    for protocol in ("standard", "paper_like"):
        if done.metrics.get(protocol):
            _say(f"{protocol}: " + ", ".join(f"{name} {value}" for name, value in done.metrics[protocol].items()))
    _say(f"written to {out / 'metrics.json'} and {out / 'captions.jsonl'}")


@app.command()
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
    with _progress() as progress:
        store, problems = extract(network, [e.path for e in examples], progress=partial(progress, "annotations"))
    for problem in problems:
        _complain(f"passed over: {problem}")
    _say(f"{len(examples) - len(problems)} of {len(examples)} pictures have annotations in {store.folder}")


@app.command()
def train(
    preset: Annotated[str | None, typer.Argument(metavar="PRESET|CONFIG.yaml", help="What to train.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: model.hidden_dim=256.")
    ] = None,
    resume: Annotated[Path | None, typer.Option("--resume", metavar="RUN", help="Go on with a stopped run.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Run folder; else runs/NAME.")] = None,
) -> None:
    """Train a model. Ctrl-C saves and stops; --resume goes on exactly where it stopped."""
    from sat.training.settings import presets, train_config

    config = None if preset is None else train_config(preset, changes or [])
    if resume is not None:
        config, path = _resumed(resume, config, changed=bool(changes), out=out), resume
    elif config is None:
        raise UserError(f"Name what to train, one of {', '.join(presets())} or a YAML file, or a run to --resume.")
    else:
        path = out or Path("runs") / config.name
    from sat.training.trainer import train as run

    fresh = not os.path.lexists(path / "config.yaml")
    made = [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]
    try:
        with _Stop() as stop:
            finished = run(config, path, resume=resume is not None, should_stop=stop.asked)
    except UserError:
        if fresh:
            _withdraw(path, made)
        raise
    if not finished:
        _complain(f"Stopped and saved: go on with 'python -m sat train --resume {path}'.")
        raise typer.Exit(128 + stop.signal)
    _say(f"the model is in {path / 'model'}")


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, or a model folder.")],
    data: Root = None,
    dataset: DatasetOption = "flickr8k",
) -> None:
    """Score a finished run on the test split and add it to the shipped models, with its card."""
    from sat.data.registry import load_dataset
    from sat.evaluation.publish import publish as add

    with _progress() as progress:
        folder = add(run, load_dataset(dataset, data), progress=progress)
    _say(f"the model is in {folder}")


@app.command()
def models() -> None:
    """The models that there are, with their scores on the test split (standard protocol)."""
    from sat import checkpoints

    rows: list[tuple[str, ...]] = [("NAME", "ATTENTION", "ENCODER", "BLEU-4", "CIDEr")]
    damaged: list[UserError] = []
    for name in checkpoints.available():
        folder = checkpoints.find(name)
        try:
            config = checkpoints.read_config(folder)
        except UserError as error:
            damaged.append(error)
            continue
        scores = (checkpoints.read_metrics(folder) or {}).get("standard")
        bleu, cider = (scores.get(k) if isinstance(scores, dict) else None for k in ("BLEU-4", "CIDEr"))
        shown = (f"{score:.1f}" if isinstance(score, int | float) else "-" for score in (bleu, cider))
        rows.append((name, config.attention, config.encoder, *shown))
    if len(rows) == 1 and not damaged:
        root = checkpoints.checkpoints_root()
        raise UserError(f"There is no model in {root}: train one with 'python -m sat train soft-flickr8k'.")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if damaged:
        raise damaged[0]


# What several commands share.


def _captioner(name: str, beam: int | None, context: str | None, seed: int) -> tuple[Captioner, Decoding]:
    """The model, and its own decoding with what was asked for changed."""
    from sat.captioner import load
    from sat.config import Decoding, parse

    captioner = load(name)
    if context is not None and captioner.attention == "none":
        raise UserError(f"The model {captioner.name} has no attention: leave --context out.")
    values: dict[str, Any] = {"seed": seed}
    if beam is not None:
        values |= {"method": "beam", "beam": beam}
    if context is not None:
        values["context"] = context
    return captioner, parse(Decoding, captioner.config.decoding.model_dump() | values, "--beam, --context, --seed")


def _read_all(names: Sequence[str], captioner: Captioner) -> list[Picture]:
    from sat.images import read_picture

    return [read_picture(name, size=captioner.config.image_size) for name in names]


def _draw(images: Sequence[str], out: Path, captioner: Captioner, figure: Callable[[Picture], Any]) -> None:
    """One figure a picture; several are numbered: FILE-1.png, FILE-2.png, ... All are drawn before one is written."""
    from sat.drawing.export import FORMATS, save_figure

    if out.suffix.lower() not in FORMATS:
        raise UserError(f"{out} cannot be written: name a file that ends in {', '.join(FORMATS)}.")
    figures = [figure(picture) for picture in _read_all(images, captioner)]
    for i, drawn in enumerate(figures, start=1):
        path = out if len(figures) == 1 else out.with_stem(f"{out.stem}-{i}")
        save_figure(drawn, path)
        _say(str(path))


def _word_index(words: Sequence[str], wanted: str | None) -> int:
    """Which word, from 0: by number from 1, by itself, or the first that names something to look at."""
    from sat.drawing.words import first_content_word

    if wanted is None:
        return first_content_word(list(words))
    if wanted in words:
        return list(words).index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(words):
        return int(wanted) - 1
    raise UserError(
        f"The caption has no word {wanted!r}: it reads {' '.join(words)!r}; name one of its words, or a number from 1 "
        f"to {len(words)}."
    )


def _summary(report: Report) -> str:
    splits = ", ".join(f"{n} {split} ({report.captions[split]} captions)" for split, n in report.pictures.items())
    problems = len(report.problems) + len(report.unreadable)
    found = "no problems" if problems == 0 else "1 problem" if problems == 1 else f"{problems} problems"
    return f"{report.name} in {report.root}: {splits}; {found}"


def _resumed(run: Path, named: TrainConfig | None, *, changed: bool, out: Path | None) -> TrainConfig:
    """The settings of a run to go on with; whatever else was named must agree with it."""
    from sat.training.run import RunFolder

    if out is not None and out.resolve() != run.resolve():
        raise UserError("A resumed run stays in its folder: leave --out out.")
    config = RunFolder.open(run).config
    if named is None and changed:
        raise UserError("A resumed run keeps its settings: leave --set out.")
    if named is not None and named != config:
        ours, theirs = config.model_dump(), named.model_dump()
        key = next(key for key in ours if ours[key] != theirs[key])
        raise UserError(f"{run} was started with another setting of {key}: resume it without naming any.")
    return config


def _withdraw(path: Path, made: Sequence[Path]) -> None:
    """Take back the files and ``made`` folders of a run that failed before its first record: it can start again."""
    if (path / "metrics.jsonl").exists() or (path / "checkpoints" / "last.pt").exists():
        return
    for name in ("config.yaml", "status.json", "log.txt"):
        (path / name).unlink(missing_ok=True)
    for folder in (path / "checkpoints", path / "samples", *made):
        with suppress(OSError):  # it is not empty: something in it is somebody else's
            folder.rmdir()


class _Stop:
    """Ctrl-C and SIGTERM while training: the first asks for a stop that saves, the second stops at once.

    Before the first step nothing would be lost (annotations are kept as they are computed), so it stops at once too.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._training = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Stop:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: object) -> None:
        if self.signal or not self._training:
            raise SystemExit(128 + number)
        self.signal = number
        _complain("Stopping after this step and saving; once more stops at once.")

    def asked(self) -> bool:
        """Whether to stop; asked after every step."""
        self._training = True
        return self.signal != 0


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error, one for each stage; nothing where standard error is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage)
            bars.update(tasks[stage], completed=done, total=total)

        yield update


def _say(line: str) -> None:
    """A line to standard output, at once: a full disk behind it is reported like any other."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries, and complains, once more
        raise UserError(f"Standard output cannot be written ({error.strerror}): free some space.") from None


def _complain(line: str) -> None:
    """One line to standard error."""
    print(" ".join(line.splitlines()), file=sys.stderr, flush=True)


def main() -> NoReturn:
    """``python -m sat``."""
    app(prog_name="python -m sat")
    raise AssertionError("the program ends by itself")
