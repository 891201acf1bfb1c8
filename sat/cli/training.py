"""``train``: start a run, stop it so that nothing is lost, go on with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sat.cli.console import complain, say
from sat.errors import UserError

if TYPE_CHECKING:
    from sat.config import TrainConfig


def train(
    preset: Annotated[str | None, typer.Argument(metavar="PRESET|CONFIG.yaml", help="What to train.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: model.hidden_dim=256.")
    ] = None,
    resume: Annotated[Path | None, typer.Option("--resume", metavar="RUN", help="Go on with a stopped run.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Run folder; else NAME under runs/ ($SAT_RUNS).")
    ] = None,
) -> None:
    """Train a model. Ctrl-C saves and stops; --resume goes on exactly where it stopped."""
    from sat.training.run import runs_root
    from sat.training.settings import presets, train_config

    config = None if preset is None else train_config(preset, changes or [])
    if resume is not None:
        config, path = _resumed(resume, config, changed=bool(changes), out=out), resume
    elif config is None:
        raise UserError(f"Name what to train, one of {', '.join(presets())} or a YAML file, or a run to --resume.")
    else:
        path = out or runs_root() / config.name
    from sat.training.train import train as run

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
        complain(f"Stopped and saved: go on with 'python -m sat train --resume {path}'.")
        raise typer.Exit(128 + stop.signal)
    say(f"the model is in {path / 'model'}")


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
        complain("Stopping after this step and saving; once more stops at once.")

    def asked(self) -> bool:
        """Whether to stop; asked after every step."""
        self._training = True
        return self.signal != 0
