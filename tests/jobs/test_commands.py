"""``sat jobs``: what it prints, and one line for every mistake."""

from __future__ import annotations

import sys

import pytest
import typer
from typer.testing import CliRunner, Result

from sat.cli.console import OneLineErrors
from sat.jobs import commands, service
from sat.jobs.cluster import Word
from sat.jobs.preflight import Report, judge

from .test_preflight import GIB, MEASURED

program = typer.Typer(cls=OneLineErrors, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
program.add_typer(commands.app, name="jobs")


@pytest.fixture
def run(jobs, monkeypatch):
    monkeypatch.setattr(service, "Jobs", lambda: jobs)

    def call(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(program, ["jobs", *arguments], prog_name="sat")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


def test_the_life_of_a_run(run, jobs, queue, tmp_path):
    settings = tmp_path / "mine.yaml"
    settings.write_text("name: mine\ndataset: shapes\n")
    said = run("submit", str(settings), "--set", "epochs=4", "--cpus", "2", "--name", "first").stdout
    assert said == f"first is queued: {jobs.root / 'first'}\n"
    assert jobs.get("first").epochs == 4 and jobs.get("first").order.cpus == 2
    assert run("list").stdout.splitlines() == [
        "RUN    STATE   EPOCH  STEP  BEST CIDEr",
        "first  queued  0/4    -     -",
    ]
    assert run("logs", "first").stdout.startswith("printed by sat-first-1-")
    assert "first is stopped" in run("stop", "first").stdout
    assert "first is queued" in run("resume", "first").stdout
    run("stop", "first")
    assert "first is queued" in run("retry", "first").stdout
    assert "second is queued" in run("clone", "first", "--name", "second", "--set", "epochs=9").stdout
    run("stop", "first")
    assert run("delete", "first").stdout == "first is deleted\n"
    assert [r.name for r in jobs.runs()] == ["second"]


def test_logs_end_with_the_reason(run, jobs, queue, config):
    made = jobs.submit(config)
    queue.says(made.order.job, Word.FAILED, "failed with exit code -9", -9)
    lines = run("logs", "tiny").stdout.splitlines()
    assert "exit code -9" in lines[-2] and "resume" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list",), "There is no run in"),
        (("stop", "nobody"), "There is no run 'nobody'"),
        (("submit", "no-such-preset"), "no preset"),
        (("submit", "soft-flickr8k", "--set", "epochs"), "key=value"),
        (("submit", "soft-flickr8k", "--cpus", "8"), "8 are asked for"),
        (("submit",), "see 'sat jobs submit --help'"),
    ],
)
def test_a_mistake_is_one_line(run, arguments, message):
    result = run(*arguments, code=2)
    assert result.stdout == "" and message in result.stderr and result.stderr.count("\n") == 1


def test_check_prints_what_will_happen(run, monkeypatch):
    from sat.config import TrainConfig
    from sat.jobs import preflight as module

    report = judge(TrainConfig(), MEASURED, 100 * GIB)
    monkeypatch.setattr(module, "preflight", lambda config, gpus: report)
    said = run("check", "soft-flickr8k").stdout
    assert "100 training pictures with 500 captions" in said and "40 updates of 0.50 s on cpu" in said
    broken = Report(None, 0, 0, 0, 0, 0, 0, ("The data are gone: get them.",))
    monkeypatch.setattr(module, "preflight", lambda config, gpus: broken)
    assert run("check", "soft-flickr8k", code=1).stdout == "The data are gone: get them.\n"


def test_help_needs_neither_torch_nor_ray():
    import subprocess

    script = (
        "import sys; from sat.jobs.commands import app; import sat.jobs.entry; "
        "print([m for m in ('torch', 'ray', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
