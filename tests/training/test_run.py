"""The run folder as a meeting point of processes: one trains, others watch, and nobody trusts a clock."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sat.config import TrainConfig
from sat.errors import UserError
from sat.training import run as module
from sat.training.run import Onlooker, RunFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> RunFolder:
    monkeypatch.delenv("SAT_JOB", raising=False)
    return RunFolder.create(tmp_path / "run", TrainConfig())


def test_status_keeps_what_was_said_but_not_old_errors(folder):
    folder.status("running", epoch=2, step=7, total=90)
    folder.status("failed", error="oops", hint="try")
    status = folder.read_status()
    assert (status["state"], status["epoch"], status["error"]) == ("failed", 2, "oops")
    RunFolder.open(folder.path).status("queued")  # another process
    status = folder.read_status()
    assert (status["state"], status["step"], status["total"]) == ("queued", 7, 90)
    assert "error" not in status and "hint" not in status


def test_every_writing_counts_up_whatever_the_clock_says(folder, monkeypatch):
    seen = []
    for now in (1e9, 5.0, 4e9):
        monkeypatch.setattr(module.time, "time", lambda now=now: now)
        RunFolder.open(folder.path).status("running")
        seen.append(folder.read_status()["sequence"])
    assert seen == [1, 2, 3]


def test_the_heart_beats_while_the_main_thread_is_busy(folder, monkeypatch):
    monkeypatch.setattr(module, "_BEAT", 0.01)
    with folder.heartbeat():
        folder.status("running", step=3)
        first = folder.read_status()["sequence"]
        deadline = time.monotonic() + 30
        while folder.read_status()["sequence"] < first + 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    last = folder.read_status()
    assert last["sequence"] >= first + 3 and last["step"] == 3
    time.sleep(0.05)
    assert folder.read_status() == last  # and then no more


def test_a_heartbeat_on_a_full_disk_harms_nothing(folder, full_disk, monkeypatch):
    monkeypatch.setattr(module, "_BEAT", 0.01)
    folder.status("running", note="x" * 2000)
    with full_disk(), folder.heartbeat():
        time.sleep(0.1)
    assert folder.read_status()["state"] == "running"


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", "\x00"])
def test_a_damaged_status_reads_as_none(folder, content):
    (folder.path / "status.json").write_text(content)
    assert folder.read_status() == {}
    folder.status("running")
    assert folder.read_status()["sequence"] == 1


def test_one_process_at_a_time(folder):
    assert not folder.held()
    with folder.hold():
        assert folder.held() and RunFolder.open(folder.path).held()
        with (
            pytest.raises(UserError, match="is being trained by another process"),
            RunFolder.open(folder.path).hold(wait=0.1),
        ):
            pass
        assert folder.held()
    assert not folder.held() and not folder.lock_file.exists()


def test_the_lock_of_a_killed_process_is_free_and_its_half_written_files_are_cleared(folder):
    script = (
        "import sys, time; from pathlib import Path; from sat.training.run import RunFolder\n"
        "with RunFolder.open(Path(sys.argv[1])).hold(): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(folder.path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    assert folder.held()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not folder.held()
    (folder.path / "checkpoints" / ".last.1-2.tmp.pt").write_text("half")
    (folder.path / "checkpoints" / ".best.x.tmp").mkdir()
    (folder.path / "checkpoints" / "best").mkdir()
    with folder.hold():
        assert sorted(p.name for p in (folder.path / "checkpoints").iterdir()) == ["best", "lock"]


def test_a_request_to_stop_is_for_one_job(folder, monkeypatch):
    assert not folder.stop_requested()
    folder.request_stop("job-1")
    assert not folder.stop_requested()  # this process runs for no job
    monkeypatch.setenv("SAT_JOB", "job-2")
    assert not folder.stop_requested()
    folder.forget_stop()  # the second attempt begins: the request was for the first
    assert not folder.stop_file.exists()
    folder.request_stop("job-2")
    folder.forget_stop()
    assert folder.stop_requested()
    folder.request_stop()  # whichever it is
    assert folder.stop_requested()
    folder.forget_stop()
    assert not folder.stop_requested()


def test_a_deleted_run_does_not_come_back(folder):
    folder.status("running")
    shutil.rmtree(folder.path)
    folder.status("failed", error="x")
    assert not folder.path.exists()
    with pytest.raises(UserError, match="was deleted while"):
        folder.stop_requested()


def test_onlookers_write_nothing(folder):
    folder.status("running", step=1)
    before = {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()}
    other = Onlooker.open(folder.path)
    with other.hold(), other.heartbeat():
        other.log("x")
        other.record(kind="step")
        other.status("failed")
        other.save_state({})
        other.rewind(0)
        other.forget_stop()
    assert {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()} == before
    assert other.read_status()["step"] == 1


def test_status_tells_who_writes(folder, monkeypatch):
    monkeypatch.setenv("SAT_JOB", "job-7")
    folder.status("running")
    status = json.loads((folder.path / "status.json").read_text())
    assert (status["pid"], status["job"]) == (os.getpid(), "job-7") and status["host"]
