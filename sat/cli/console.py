"""What every command says and how it ends: lines, bars, and for a mistake one line and exit code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from sat.errors import UserError

_UsageError: Any = typer.BadParameter.__mro__[1]  # of click, which newer typers carry without naming it


class OneLineErrors(TyperGroup):
    """The program's one way out: 0, 2 with one line on standard error, or the code that a command chose."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # a file name need not be text
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except UserError as error:
            complain(str(error))
            code = 2
        except _UsageError as error:
            path = error.ctx.command_path if error.ctx is not None else "python -m sat"
            complain(f"{error.format_message().rstrip('.')}: see '{path} --help'.")
            code = 2
        sys.exit(code or 0)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
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


def say(line: str) -> None:
    """A line to standard output, at once: a full disk behind it is reported like any other."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries, and complains, once more
        raise UserError(f"Standard output cannot be written ({error.strerror}): free some space.") from None


def complain(line: str) -> None:
    """One line to standard error."""
    print(" ".join(line.splitlines()), file=sys.stderr, flush=True)
