"""The register holds nothing that is not made again from the folders."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sat.errors import UserError
from sat.jobs import register as module
from sat.jobs.register import Register
from sat.jobs.runs import Order, Run, State


def run(name: str, state: State = State.RUNNING) -> Run:
    return Run(name, Path("/runs") / name, state, told="running", best=12.5, model=Path("m"), order=Order(job="j"))


def test_what_was_put_in_comes_out(tmp_path):
    register = Register(tmp_path)
    register.replace([run("b"), run("a", State.FINISHED)])
    assert register.runs() == [run("a", State.FINISHED), run("b")]
    register.put(run("b", State.STOPPED))
    register.remove("a")
    assert Register(tmp_path).runs() == [run("b", State.STOPPED)]
    register.replace([])
    assert register.runs() == []


@pytest.mark.parametrize("damage", ["garbage", "truncated", "old version", "bad row", "deleted"])
def test_a_damaged_file_is_made_anew(tmp_path, damage):
    register = Register(tmp_path)
    register.replace([run("a")])
    if damage == "garbage":
        register.file.write_bytes(b"this is no database" * 100)
    elif damage == "truncated":
        register.file.write_bytes(register.file.read_bytes()[:700])
    elif damage == "old version":
        register._once(lambda db: db.execute("PRAGMA user_version = 99"))
    elif damage == "bad row":
        register._once(lambda db: db.execute("""UPDATE runs SET run = '{"name": 3}'"""))
    else:
        register.file.unlink()
    assert register.runs() == []
    register.replace([run("b")])
    assert register.runs() == [run("b")]


def test_silence_is_measured_by_a_clock_that_cannot_be_set(tmp_path, monkeypatch):
    now = 1000.0
    register = Register(tmp_path, clock=lambda: now)
    assert register.silence("a", 7) == 0.0
    now = 1060.0
    assert register.silence("a", 7) == 60.0
    assert register.silence("a", 8) == 0.0  # the heartbeat moved
    now = 1070.0
    assert Register(tmp_path, clock=lambda: now).silence("a", 8) == 10.0  # another process saw it too
    now = 5.0
    assert register.silence("a", 8) == 0.0  # the machine started anew: no verdict from before
    now = 6.0
    monkeypatch.setattr(module, "boot_id", lambda: "another start")
    assert register.silence("a", 8) == 0.0


def test_a_restarted_run_may_count_from_the_beginning(tmp_path):
    now = 0.0
    register = Register(tmp_path, clock=lambda: now)
    register.silence("a", 50)
    now = 100.0
    assert register.silence("a", 1) == 0.0  # another number is a sign of life, smaller or not


def test_many_writers(tmp_path):
    def work(number: int) -> None:
        for i in range(5):
            Register(tmp_path).put(run(f"run-{number}-{i}"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Register(tmp_path).runs()) == 20


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="register.sqlite cannot be written"):
        Register(tmp_path / "file").put(run("a"))
