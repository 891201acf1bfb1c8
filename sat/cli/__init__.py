"""The command line: what the pages do, without a browser.

A mistake of the user ends in one line on standard error and exit code 2, whatever the command; a bug keeps its
traceback. torch and timm are imported inside the commands, so that ``--help`` answers at once. Each module has the
commands of one subject; they become commands of the program here, in the order in which ``--help`` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from sat.cli.captioning import caption
from sat.cli.console import OneLineErrors, say
from sat.cli.datasets import check, features, prepare
from sat.cli.evaluation import evaluate, publish
from sat.cli.figures import compare, focus, mistakes, strip
from sat.cli.listing import models
from sat.cli.serving import serve
from sat.cli.training import train
from sat.jobs.commands import app as jobs_app

app = typer.Typer(cls=OneLineErrors, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
figure_app = typer.Typer(help="Draw a caption word by word: PNG, SVG, PDF or GIF.", rich_markup_mode=None)
data_app = typer.Typer(help="Make data sets ready and check them.", rich_markup_mode=None)
app.add_typer(figure_app, name="figure")
app.add_typer(data_app, name="data")
app.add_typer(jobs_app, name="jobs")
COMMANDS: tuple[tuple[typer.Typer, tuple[Callable[..., None], ...]], ...] = (
    (app, (caption, evaluate, features, train, publish, models, serve)),
    (figure_app, (strip, focus, compare, mistakes)),
    (data_app, (check, prepare)),
)
for group, commands in COMMANDS:
    for command in commands:
        group.command()(command)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Look inside an attention captioner ("Show, Attend and Tell")."""
    if version:
        import sat

        say(sat.__version__)
    elif context.invoked_subcommand is None:
        say(context.get_help())


def main() -> NoReturn:
    """``python -m sat``."""
    app(prog_name="python -m sat")
    raise AssertionError("the program ends by itself")
