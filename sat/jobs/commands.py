"""``sat jobs ...``: training runs in a queue that outlives the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sat.errors import UserError

if TYPE_CHECKING:
    from sat.jobs.preflight import Report
    from sat.jobs.runs import Run

app = typer.Typer(help="Training runs in a queue that outlives this shell.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="RUN", help="A run of 'jobs list'.")]
Cpus = Annotated[float | None, typer.Option("--cpus", help="Processors for each worker; else a fair part.")]
Gpus = Annotated[float | None, typer.Option("--gpus", help="GPUs for each worker, 0 or 1; else one if there is one.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: model.hidden_dim=256.")
]
Preset = Annotated[str, typer.Argument(metavar="PRESET|CONFIG.yaml", help="What to train.")]


@app.command()
def submit(
    preset: Preset,
    changes: Changes = None,
    name: Annotated[str | None, typer.Option("--name", help="Of the run; else that of its settings.")] = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many train together.")] = 1,
) -> None:
    """Hand a run to the queue; Ray is started on this machine if it is not running."""
    from sat.jobs.service import Jobs

    _say(_line(Jobs().submit(preset, changes or [], name=name, cpus=cpus, gpus=gpus, workers=workers)))


@app.command("list")
def list_runs() -> None:
    """The runs, the latest first."""
    from sat.jobs.service import Jobs

    jobs = Jobs()
    runs = jobs.runs()
    if not runs:
        raise UserError(f"There is no run in {jobs.root}: start one with 'python -m sat jobs submit soft-flickr8k'.")
    rows = [("RUN", "STATE", "EPOCH", "STEP", "BEST CIDEr"), *map(_row, runs)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command()
def logs(
    name: Name, lines: Annotated[int, typer.Option("--lines", min=1, help="How many, from the end.")] = 40
) -> None:
    """The end of a run's log, and why it ended if it failed."""
    from sat.jobs.service import Jobs

    jobs = Jobs()
    text = jobs.logs(name, lines)
    if text:
        _say(text)
    run = jobs.get(name)
    for said in (run.error, run.hint):
        if said:
            _say(said)


@app.command()
def stop(
    name: Name, force: Annotated[bool, typer.Option("--force", help="Kill it now; unsaved steps are lost.")] = False
) -> None:
    """Ask a run to save and end; it has two minutes for that."""
    from sat.jobs.service import Jobs

    _say(_line(Jobs().stop(name, force=force)))


@app.command()
def resume(name: Name, cpus: Cpus = None, gpus: Gpus = None) -> None:
    """Go on with a run that stopped, failed or was lost."""
    from sat.jobs.service import Jobs

    _say(_line(Jobs().resume(name, cpus=cpus, gpus=gpus)))


@app.command()
def retry(name: Name) -> None:
    """Start a run that stopped, failed or was lost again from its beginning."""
    from sat.jobs.service import Jobs

    _say(_line(Jobs().retry(name)))


@app.command()
def clone(
    name: Name,
    changes: Changes = None,
    new_name: Annotated[str | None, typer.Option("--name", help="Of the new run.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="As many as before unless given.")] = None,
) -> None:
    """A new run with the settings of another, and changes."""
    from sat.jobs.service import Jobs

    _say(_line(Jobs().clone(name, changes or [], new_name=new_name, workers=workers)))


@app.command()
def delete(name: Name) -> None:
    """Delete a run that does not run, with all its files."""
    from sat.jobs.service import Jobs

    Jobs().delete(name)
    _say(f"{name} is deleted")


@app.command()
def check(preset: Preset, changes: Changes = None, gpus: Gpus = None) -> None:
    """Try a run out: data, disk, memory, and how long it will take; exit code 1 if something stands in the way."""
    from sat.jobs.preflight import preflight
    from sat.training.settings import train_config

    report = preflight(train_config(preset, changes or []), gpus=gpus or 0.0)
    for line in _report(report):
        _say(line)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def shutdown(
    force: Annotated[bool, typer.Option("--force", help="End runs that are still active, too.")] = False,
) -> None:
    """End Ray on this machine; the runs' folders stay, and the next 'submit' starts it again."""
    from sat.jobs.service import Jobs

    Jobs().shutdown(force=force)
    _say("Ray is not running")


def _row(run: Run) -> tuple[str, ...]:
    return (
        run.name,
        str(run.state),
        f"{run.epoch}/{run.epochs}" if run.epochs else "-",
        f"{run.step}/{run.total}" if run.total else "-",
        "-" if run.best is None else f"{run.best:.1f}",
    )


def _line(run: Run) -> str:
    return f"{run.name} is {run.state}: {run.path}"


def _report(report: Report) -> list[str]:
    from sat.jobs.units import duration, size

    lines = list(report.problems)
    found = report.measured
    if found is not None:
        lines += [
            f"{found.pictures} training pictures with {found.captions} captions, {found.dev} dev pictures; "
            f"annotations of {found.missing} pictures are still to be computed",
            f"{found.steps} updates of {found.step:.2f} s on {found.device}, about {duration(report.seconds)} in all",
            f"about {size(report.memory)} of memory ({size(report.memory_free)} free) and "
            f"{size(report.disk)} of disk ({size(report.disk_free)} free)",
        ]
        if found.draw:
            lines.append(f"the pictures will be drawn first, in about {duration(found.draw)}")
    return lines


def _say(line: str) -> None:
    from sat.cli.console import say  # the command line's own way out, which a full disk or a closed pipe does not break

    say(line)
