"""What goes wrong in practice, with a real Ray on this machine and real training: nothing is lost but time."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sat.config import ModelConfig, TrainConfig
from sat.data import shapes
from sat.data.features import extract
from sat.data.registry import load_dataset
from sat.jobs.runs import Run, State
from sat.jobs.service import Jobs
from sat.models.encoder import Encoder
from sat.training.run import RunFolder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SECONDS = 240  # before a test gives up waiting; a quiet machine needs a tenth


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Iterator[Path]:
    """A folder with a small data set whose annotations are there already, named by the environment."""
    root = tmp_path_factory.mktemp("jobs")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SAT_PUBLIC", "SAT_RAY_ADDRESS", "SAT_JOB", "RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
            patch.delenv(name, raising=False)
        patch.setenv("SAT_DATA", str(root / "data"))
        patch.setenv("SAT_CACHE", str(root / "cache"))
        patch.setenv("SAT_RUNS", str(root / "runs"))
        shapes.generate(root / "data" / "shapes", count={"train": 22, "dev": 4, "test": 4}, seed=3)
        extract(encoder, [e.path for e in load_dataset("shapes").examples])
        yield root


@pytest.fixture(scope="module")
def jobs(place: Path) -> Iterator[Jobs]:
    """The service with its head, which ends with the tests."""
    service = Jobs()
    yield service
    service.shutdown(force=True)
    assert not service.cluster.head.alive()


@pytest.fixture(autouse=True)
def _room(jobs: Jobs) -> Iterator[None]:
    """No test leaves a run in the next one's way."""
    yield
    for run in jobs.runs():
        if run.state.active:
            jobs.stop(run.name, force=True)
    until(lambda: not any(run.state.active for run in jobs.runs()))


def settings(name: str, **changes) -> TrainConfig:
    """A run that would go on for hours."""
    values = {
        "name": name, "dataset": "shapes", "epochs": 10_000, "batch_pictures": 4, "min_word_count": 1, "samples": 1,
        "meteor": False, "precision": "float32", "model": ModelConfig(
            name=name, embedding_dim=16, hidden_dim=24, attention_dim=8, decoding={"beam": 2, "max_words": 6}
        ),
    }  # fmt: skip
    return TrainConfig.model_validate({**values, **changes})


def until(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def training(jobs: Jobs, run: Run, step: int = 12) -> RunFolder:
    """Wait until the run has come this far and has saved itself."""
    folder = RunFolder(run.path)

    def far() -> bool:
        status = folder.read_status()
        assert status.get("state") != "failed", status
        begun = status["state"] == "running" and status.get("phase") in ("training", "scoring")
        return begun and status["step"] >= step and folder.state_file.is_file()

    until(far)
    return folder


def pid(folder: RunFolder) -> int:
    return int(folder.read_status()["pid"])


def test_two_shells_submit_at_once_and_are_gone_before_the_runs_are_done(jobs, place):
    """One head is started for both; the runs wait for each other, and outlive the processes that submitted them."""
    script = (
        "import sys; from sat.config import TrainConfig; from sat.jobs import Jobs; "
        "print(Jobs().submit(TrainConfig.model_validate_json(sys.argv[1]), cpus=float(sys.argv[2])).order.job)"
    )
    cpus = str(os.cpu_count())
    command = [sys.executable, "-c", script, settings("short", epochs=2).model_dump_json(), cpus]
    shells = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    names = {shell.communicate(timeout=SECONDS)[0].strip() for shell in shells}
    assert [shell.returncode for shell in shells] == [0, 0] and len(names) == 2
    assert len(jobs.runs()) == 2 and {run.order.job for run in jobs.runs()} == names
    seen: set[tuple[State, ...]] = set()

    def done() -> bool:
        seen.add(tuple(sorted(run.state for run in jobs.runs())))
        return all(run.state is State.FINISHED for run in jobs.runs())

    until(done)
    assert (State.RUNNING, State.RUNNING) not in seen  # each asked for the whole machine
    assert all(run.model is not None and run.epoch == 2 and run.best is not None for run in jobs.runs())
    head = jobs.cluster.head.folder
    record = jobs.cluster.head._read()
    assert oct((head / "token").stat().st_mode & 0o777) == "0o600"
    assert record is not None and oct(Path(record.folder).stat().st_mode & 0o777) == "0o700"


def test_the_head_listens_to_us_alone(jobs):
    import requests

    jobs.cluster.ensure()
    url = jobs.cluster.head.url
    assert url is not None and url.startswith("http://127.0.0.1:")
    assert requests.get(f"{url}/api/jobs/", timeout=10).status_code == 401
    wrong = {"Authorization": "Bearer " + "0" * 64}
    assert requests.get(f"{url}/api/jobs/", headers=wrong, timeout=10).status_code == 403
    assert requests.get(f"{url}/api/jobs/", headers=jobs.cluster.head.headers, timeout=10).status_code == 200


def test_a_killed_training_process_is_lost_and_resumed_and_stopped(jobs):
    run = jobs.submit(settings("killed"), cpus=1)
    folder = training(jobs, run)
    assert jobs.get("killed").state is State.RUNNING
    os.kill(pid(folder), signal.SIGKILL)
    until(lambda: jobs.get("killed").state is State.LOST)
    lost = jobs.get("killed")
    assert lost.resumable and lost.error and "resume" in lost.hint.lower()
    saved = folder.load_state()["step"]
    jobs.resume("killed")
    training(jobs, run, step=saved + 6)
    assert f"resumed at epoch {saved // 6 + 1}, step {saved}" in jobs.logs("killed")
    assert jobs.stop("killed").state in (State.STOPPING, State.STOPPED)
    until(lambda: jobs.get("killed").state is State.STOPPED)
    assert folder.load_state()["step"] == jobs.get("killed").step > saved
    steps = [record["step"] for record in folder.metrics("epoch")]
    assert steps == sorted(set(steps))


def test_killed_while_a_checkpoint_is_written(jobs):
    """The state before it is whole, and what was half written is gone after the next start."""
    model = ModelConfig(name="w", embedding_dim=64, hidden_dim=900, attention_dim=8, decoding={"beam": 1})
    run = jobs.submit(settings("written", model=model, limit=4), cpus=1)  # one update an epoch
    folder = training(jobs, run, step=1)
    process = pid(folder)
    halves = lambda: list(folder.state_file.parent.glob(".last.*.tmp.pt"))  # noqa: E731
    deadline = time.monotonic() + SECONDS
    while not halves():
        assert time.monotonic() < deadline
    os.kill(process, signal.SIGKILL)
    until(lambda: jobs.get("written").state is State.LOST)
    saved = folder.load_state()["step"]
    jobs.resume("written")
    training(jobs, run, step=saved + 1)
    left = set(halves())
    jobs.stop("written")
    until(lambda: jobs.get("written").state is State.STOPPED)
    assert halves() == [] and len(left) <= 1
    assert folder.load_state()["step"] > saved


def test_a_loss_that_is_not_a_number(jobs):
    run = jobs.submit(settings("nan", learning_rate=1e30, final_learning_rate=0.0, warmup_steps=0), cpus=1)
    until(lambda: jobs.get("nan").state is State.FAILED)
    failed = jobs.get("nan")
    assert "loss became" in failed.error and "learning_rate" in failed.hint
    assert failed.error in jobs.logs("nan")
    until(lambda: not RunFolder(run.path).held())
    assert jobs.clone("nan", ["learning_rate=0.001"], new_name="better").state is State.QUEUED


def test_a_full_disk(jobs):
    """No file of the training process may grow beyond a few kilobytes: the system itself refuses."""
    run = jobs.submit(settings("full"), cpus=1)
    folder = training(jobs, run)
    resource.prlimit(pid(folder), resource.RLIMIT_FSIZE, (6000, 6000))
    until(lambda: jobs.get("full").state is State.FAILED)
    failed = jobs.get("full")
    assert "could not be written" in failed.error and "disk is full" in failed.hint
    saved = folder.load_state()["step"]
    until(lambda: not folder.held())
    jobs.resume("full")  # there is room again
    training(jobs, run, step=saved + 6)


def test_a_folder_deleted_under_a_run(jobs):
    run = jobs.submit(settings("deleted"), cpus=1)
    process = pid(training(jobs, run))
    shutil.rmtree(run.path, ignore_errors=True)
    assert "deleted" not in [r.name for r in jobs.runs()]
    until(lambda: not Path(f"/proc/{process}").exists())
    assert "deleted" not in [r.name for r in jobs.runs()]
    assert not (run.path / "config.yaml").exists()


def test_the_head_is_killed(jobs):
    """kill -9 of all of Ray: its job ends with it, is lost, and goes on under a new head."""
    run = jobs.submit(settings("headless"), cpus=1)
    folder = training(jobs, run)
    waiting = jobs.submit(settings("waiting"), cpus=os.cpu_count())
    assert waiting.state is State.QUEUED
    record = jobs.cluster.head._read()
    assert record is not None
    os.killpg(record.group, signal.SIGKILL)
    until(lambda: jobs.get("headless").state is State.LOST)
    assert jobs.get("waiting").state is State.LOST and "queue" in jobs.get("waiting").error
    assert jobs.cluster.news() is None
    saved = folder.load_state()["step"]
    assert jobs.resume("headless").state is State.QUEUED
    training(jobs, run, step=saved + 6)
    assert jobs.get("headless").order.attempt == 2
    assert not Path(record.folder).exists()  # nothing is left of the old one
