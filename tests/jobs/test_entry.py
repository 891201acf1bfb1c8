"""What a job runs on the machine that it lands on."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import pytest

from sat.errors import UserError
from sat.jobs import entry
from sat.jobs.runs import Order, read_order
from sat.training.run import RunFolder


class _Became(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_exec(monkeypatch):
    def execv(program, arguments):
        raise _Became(program, arguments)

    monkeypatch.setattr("os.execv", execv)
    monkeypatch.delenv("SAT_SETTINGS", raising=False)
    monkeypatch.setenv("SAT_JOB", "j")


def test_a_job_becomes_the_command_that_a_person_would_give(make_run):
    path = make_run("a", "queued").path
    with pytest.raises(_Became) as became:
        entry.main([str(path)])
    assert became.value.args == (sys.executable, [sys.executable, "-m", "sat", "train", "--resume", str(path)])


def test_settings_that_came_along_make_the_folder(tmp_path, config, monkeypatch):
    path = tmp_path / "far" / "runs" / "tiny"
    order = Order(attempt=1, cpus=2.0)
    monkeypatch.setenv("SAT_SETTINGS", json.dumps({"config": config.model_dump(mode="json"), "order": asdict(order)}))
    with pytest.raises(_Became):
        entry.main([str(path)])
    assert RunFolder.open(path).config == config
    assert (read_order(path).job, read_order(path).cpus) == ("j", 2.0)
    RunFolder.open(path).status("running", step=3)
    with pytest.raises(_Became):
        entry.main([str(path)])  # a second attempt finds it, and leaves it as it is
    assert RunFolder.open(path).read_status()["step"] == 3


def test_settings_of_another_version_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_SETTINGS", json.dumps({"config": {"no_such": 1}, "order": {}}))
    with pytest.raises(UserError, match="no_such"):
        entry.main([str(tmp_path / "x")])
    assert not (tmp_path / "x").exists()


def test_several_workers_become_a_team(make_run, monkeypatch):
    from sat.jobs import distributed

    path = make_run("a", "queued", order=Order(workers=2)).path
    monkeypatch.setattr(distributed, "train_together", lambda run: 7 if run == path else 0)
    with pytest.raises(SystemExit) as ended:
        entry.main([str(path)])
    assert ended.value.code == 7
