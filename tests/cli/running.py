"""The program as a person runs it: what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from sat.cli import app

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments], prog_name="python -m sat")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def good(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    """The one line; nothing on standard output, nothing left in the folder."""
    before = sorted(Path.cwd().rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n"), result.stderr
    assert sorted(Path.cwd().rglob("*")) == before
    return result.stderr
