"""Evaluations that run by themselves: what is told of them, and that they stop, go on and survive a kill."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from filelock import FileLock

from sat.data import shapes
from sat.errors import UserError
from sat.evaluation import background
from sat.evaluation.background import Order, jobs, read, start, stop, work
from sat.evaluation.browse import EvaluationStore
from sat.evaluation.evaluate import evaluate

ORDER = Order("soft-tiny", "shapes", "test")


def written(root: Path, state: str, *, at: float | None = None, order: Order = ORDER) -> Path:
    """The folder of an evaluation that says it is in some state."""
    folder = root / "evaluations" / order.name
    folder.mkdir(parents=True)
    (folder / "order.json").write_text(json.dumps(vars(order)))
    said = {"state": state, "doing": "captions", "done": 3, "total": 9, "problem": "", "at": at or time.time()}
    (folder / "progress.json").write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize(
    ("order", "name"),
    [
        (ORDER, "soft-tiny-shapes-test"),
        (Order("/runs/mine/model", "flickr8k", "dev"), "mine-flickr8k-dev"),
        (Order("soft-tiny", "folder", "test", "/home/me/my pictures"), "soft-tiny-my-pictures-test"),
        (Order("../..", "folder", "test", "/"), "-folder-test"),
    ],
)
def test_the_folder_is_named_after_what_is_evaluated(order: Order, name: str):
    assert "/" not in order.name and not order.name.startswith(".")
    assert order.name == name or order.model == "../.."


def test_options_are_those_of_the_command():
    assert Order("m", "coco", "dev", "/data").options == [
        "--model", "m", "--data", "/data", "--dataset", "coco", "--split", "dev",
    ]  # fmt: skip


def test_whether_it_lives_is_told_by_the_lock(tmp_path: Path):
    folder = written(tmp_path, "running")
    assert read(folder).state == "failed" and "start it again" in read(folder).problem
    with FileLock(folder / "running.lock"):
        job = read(folder)
        assert (job.state, job.doing, job.done, job.total, job.active) == ("running", "captions", 3, 9, True)
        stop(tmp_path, folder.name)
        assert read(folder).state == "stopping"
        with pytest.raises(UserError, match="is being evaluated already"):
            start(tmp_path, ORDER)


def test_one_that_never_began_has_failed_after_a_while(tmp_path: Path):
    assert read(written(tmp_path / "a", "starting")).state == "starting"
    assert read(written(tmp_path / "b", "starting", at=time.time() - 999)).state == "failed"


@pytest.mark.parametrize(("file", "text"), [("order.json", "{"), ("progress.json", "[]"), ("order.json", '{"x": 1}')])
def test_damaged_records_are_left_out(tmp_path: Path, file: str, text: str):
    folder = written(tmp_path, "finished")
    assert [job.name for job in jobs(tmp_path)] == [folder.name]
    (folder / file).write_text(text)
    assert jobs(tmp_path) == [] and read(folder) is None
    stop(tmp_path, folder.name)  # does no harm


def test_what_went_wrong_is_kept_in_a_sentence(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAT_DATA", str(tmp_path / "nowhere"))
    folder = written(tmp_path, "starting")
    assert work(folder) == 2
    job = read(folder)
    assert job.state == "failed" and "does not exist" in job.problem and not job.active
    written(tmp_path / "other", "starting", order=Order("no-such-model", "shapes", "test"))
    assert work(tmp_path / "other" / "evaluations" / "no-such-model-shapes-test") == 2


def test_it_stops_when_asked(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch):
    from sat.evaluation.parts import EvaluationStopped

    shapes.generate(tmp_path / "shapes", count={"test": 1})
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    folder = written(tmp_path, "starting")

    def stopped(*args, should_stop, progress, **kwargs):
        progress("captions", 1, 2)
        assert not should_stop() and read(folder).state == "running"
        stop(tmp_path, folder.name)
        assert should_stop() and read(folder).state == "stopping"
        raise EvaluationStopped("stopped")

    monkeypatch.setattr("sat.evaluation.evaluate.evaluate", stopped)
    assert work(folder) == 0 and read(folder).state == "stopped"


@pytest.mark.slow
def test_a_process_of_its_own_goes_on_after_a_kill(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch):
    shapes.generate(tmp_path / "data" / "shapes", count={"test": 100})
    monkeypatch.setenv("SAT_CACHE", str(tmp_path / "cache"))
    order = Order("soft-tiny", "shapes", "test", str(tmp_path / "data"))
    started: list[subprocess.Popen] = []
    popen = subprocess.Popen

    def remembered(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(background.subprocess, "Popen", remembered)
    name = start(tmp_path, order)
    folder = tmp_path / background.FOLDER / name

    def wait(until, seconds: float = 240) -> background.Job:
        deadline = time.monotonic() + seconds
        while True:
            job = read(folder)
            if job is not None and until(job):
                return job
            assert time.monotonic() < deadline and (job is None or job.state != "failed"), (job, job and job.log)
            time.sleep(0.05)

    wait(lambda job: list((folder / "parts").glob("captions-*.parquet")))
    started[0].kill()
    started[0].wait(20)
    assert read(folder).state == "failed"
    kept = {path.name: path.stat().st_mtime_ns for path in (folder / "parts").glob("captions-*.parquet")}
    start(tmp_path, order)
    job = wait(lambda job: not job.active)
    assert job.state == "finished" and kept
    whole = tmp_path / "whole"
    from sat.captioner import load
    from sat.data.registry import load_dataset

    evaluate(load("soft-tiny"), load_dataset("shapes", tmp_path / "data"), "test", out=whole, rows=True)
    one, other = (EvaluationStore.open(path).page(count=100).rows for path in (folder, whole))
    assert one == other


def test_the_last_twenty_lines_of_what_it_said(tmp_path):
    folder = written(tmp_path, "failed")
    (folder / "log.txt").write_text("\n".join(f"line {i}" for i in range(50)))
    (job,) = jobs(tmp_path)
    assert job.log.splitlines() == [f"line {i}" for i in range(30, 50)]
