"""What can be done with runs: on a queue that is on paper, with real run folders."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace

import pytest
import yaml

from sat.config import TrainConfig
from sat.errors import UserError
from sat.jobs.access import allowed
from sat.jobs.cluster import Word
from sat.jobs.reconcile import SILENCE
from sat.jobs.runs import Order, State, read_order
from sat.jobs.service import Jobs
from sat.training.run import RunFolder


def states(jobs: Jobs) -> dict[str, State]:
    return {run.name: run.state for run in jobs.runs()}


def test_a_run_goes_through_the_queue(jobs, queue, config):
    run = jobs.submit(config, cpus=2)
    assert (run.name, run.state, run.epochs, run.order.cpus, run.order.attempt) == ("tiny", State.QUEUED, 3, 2.0, 1)
    ((job, path, _),) = queue.submitted
    assert path == run.path and job == run.order.job and job.startswith("sat-tiny-1-")
    queue.says(job, Word.RUNNING)
    folder = RunFolder.open(run.path)
    with folder.hold():
        folder.status("running", phase="training", epoch=1, step=5, total=20, best=3.5)
        seen = jobs.get("tiny")
        assert (seen.state, seen.phase, seen.epoch, seen.progress, seen.best) == ("running", "training", 1, 0.25, 3.5)
    folder.status("finished", epoch=3, step=20, total=20)
    assert states(jobs) == {"tiny": State.FINISHED}
    assert jobs.runs(refresh=False)[0].progress == 1.0


def test_names_are_claimed_by_one_alone(jobs, config):
    names = [jobs.submit(config).name for _ in range(3)]
    assert names == ["tiny", "tiny-2", "tiny-3"]
    with pytest.raises(UserError, match="already"):
        jobs.submit(config, name="tiny-2")
    with pytest.raises(UserError, match="name 'a/b' does not do"):
        jobs.submit(config, name="a/b")
    named = jobs.submit(TrainConfig(name="x", dataset="shapes"), name="mine")
    settings = RunFolder.open(named.path).config
    assert (settings.name, settings.model.name) == ("mine", "mine")


def test_many_submits_at_once_are_all_taken(jobs, queue, config):
    threads = [threading.Thread(target=jobs.submit, args=(config,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(queue.submitted) == len({job for job, _, _ in queue.submitted}) == 6
    assert len({path for _, path, _ in queue.submitted}) == 6
    assert set(states(jobs).values()) == {State.QUEUED}


def test_a_submit_that_ray_refuses_leaves_nothing(jobs, queue, config):
    queue.refuses = UserError("Ray did not take the job")
    with pytest.raises(UserError, match="did not take"):
        jobs.submit(config)
    assert jobs.runs() == [] and not (jobs.root / "tiny").exists()


def test_wrong_settings_never_reach_the_queue(jobs, queue):
    with pytest.raises(UserError, match="no preset"):
        jobs.submit("no-such")
    with pytest.raises(UserError, match="epochs"):
        jobs.submit("soft-flickr8k", ["epochs=0"])
    assert queue.submitted == [] and not jobs.root.exists()


def test_folders_named_in_the_settings_are_made_absolute(jobs, queue, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some" / "model").mkdir(parents=True)
    run = jobs.submit(config.model_copy(update={"data": "here", "start_from": "some/model"}))
    settings = RunFolder.open(run.path).config
    assert settings.data == str(tmp_path / "here") and settings.start_from == str(tmp_path / "some" / "model")
    queue.local = False  # another machine's folders are its own
    assert RunFolder.open(jobs.submit(config.model_copy(update={"data": "here"})).path).config.data == "here"


@pytest.mark.parametrize(
    "call",
    [
        lambda jobs: jobs.submit("soft-flickr8k"),
        lambda jobs: jobs.stop("a"),
        lambda jobs: jobs.resume("a"),
        lambda jobs: jobs.retry("a"),
        lambda jobs: jobs.clone("a"),
        lambda jobs: jobs.delete("a"),
        lambda jobs: jobs.publish("a"),
        lambda jobs: jobs.shutdown(),
    ],
)
def test_a_public_demo_trains_nothing(jobs, queue, make_run, monkeypatch, call):
    make_run("a", "stopped")
    monkeypatch.setenv("SAT_PUBLIC", "1")
    assert not allowed()
    with pytest.raises(UserError, match="public demo"):
        call(jobs)
    assert queue.submitted == queue.stopped == []
    assert jobs.get("a").state is State.STOPPED  # looking is allowed
    monkeypatch.setenv("SAT_PUBLIC", "0")
    assert allowed()


def test_stopping_asks_the_trainer_and_tells_ray(jobs, queue, config, monkeypatch):
    run = jobs.submit(config)
    queue.says(run.order.job, Word.RUNNING)
    folder = RunFolder.open(run.path)
    with folder.hold():
        folder.status("running", epoch=1, step=9, total=20)
        assert jobs.stop("tiny").state is State.STOPPING
        assert queue.stopped == [run.order.job]
        monkeypatch.setenv("SAT_JOB", run.order.job)
        assert folder.stop_requested()
        monkeypatch.setenv("SAT_JOB", "another")
        assert not folder.stop_requested()
        folder.status("stopped", step=10)
        assert jobs.get("tiny").state is State.STOPPING  # it still holds the run
    queue.says(run.order.job, Word.STOPPED)
    stopped = jobs.get("tiny")
    assert (stopped.state, stopped.step, stopped.error) == (State.STOPPED, 10, "")
    with pytest.raises(UserError, match="nothing to stop"):
        jobs.stop("tiny")


def test_a_run_that_waits_leaves_the_queue(jobs, queue, config):
    run = jobs.submit(config)
    assert jobs.stop("tiny").state is State.STOPPED and queue.stopped == [run.order.job]
    again = jobs.resume("tiny")
    assert (again.state, again.order.attempt) == (State.QUEUED, 2)
    assert again.order.job != run.order.job and not again.stop_asked


def test_resume_goes_on_and_retry_begins_anew(jobs, queue, make_run):
    order = Order(job="old", attempt=1, cpus=2.0, created=5.0)
    folder = make_run("a", "failed", order=order, error="oops", hint="try", step=40)
    folder.record(kind="step", step=40)
    folder.save_state({"step": 40})
    assert jobs.get("a").resumable and jobs.get("a").hint == "try"
    run = jobs.resume("a")
    assert (run.state, run.step, run.error, run.hint) == (State.QUEUED, 40, "", "")
    assert (run.order.attempt, run.order.cpus, run.order.created) == (2, 2.0, 5.0)
    assert folder.load_state() == {"step": 40}
    with pytest.raises(UserError, match="a is queued: only a run that stopped"):
        jobs.retry("a")
    jobs.stop("a")
    (folder.path / "samples" / "epoch-000.json").write_text("[]")
    fresh = jobs.retry("a")
    assert (fresh.state, fresh.step, fresh.resumable, fresh.order.attempt) == (State.QUEUED, 0, False, 3)
    assert folder.metrics() == [] and not any((folder.path / "samples").iterdir()) and folder.config.name == "a"


def test_a_finished_run_is_not_resumed_but_cloned(jobs, queue, make_run):
    make_run("a", "finished", order=Order(job="old", cpus=3.0, workers=1))
    with pytest.raises(UserError, match="is finished"):
        jobs.resume("a")
    copy = jobs.clone("a", ["epochs=7"], new_name="b")
    assert (copy.name, copy.epochs, copy.order.cpus) == ("b", 7, 3.0)
    assert jobs.clone("a").name == "a-2"


def test_only_a_run_that_does_not_run_is_deleted(jobs, queue, config):
    run = jobs.submit(config)
    with pytest.raises(UserError, match="stop it first"):
        jobs.delete("tiny")
    jobs.stop("tiny")
    queue.says(run.order.job, Word.STOPPED)
    jobs.delete("tiny")
    assert not run.path.exists() and jobs.runs() == [] and queue.jobs == {}
    assert [p.name for p in jobs.root.iterdir() if "deleted" in p.name] == []
    with pytest.raises(UserError, match=r"There is no run 'tiny'.*none yet"):
        jobs.get("tiny")


@pytest.mark.parametrize("name", ["../elsewhere", "", ".", "a/b", "/etc"])
def test_no_name_leads_out_of_the_folder(jobs, make_run, name):
    make_run("a", "stopped")
    with pytest.raises(UserError, match="There is no run"):
        jobs.delete(name)


def test_a_folder_deleted_by_hand_vanishes_and_its_job_is_ended(jobs, queue, config):
    run = jobs.submit(config)
    kept = jobs.submit(config, name="kept")
    shutil.rmtree(run.path)
    assert list(states(jobs)) == ["kept"]
    assert queue.stopped == [run.order.job]
    assert [r.name for r in jobs.runs(refresh=False)] == [kept.name]


def test_jobs_of_other_folders_are_left_alone(jobs, queue, make_run, tmp_path):
    from sat.jobs.cluster import News

    make_run("a", "stopped")
    queue.jobs |= {"else": News(Word.RUNNING, run=str(tmp_path / "other" / "x")), "foreign": News(Word.RUNNING)}
    jobs.runs()
    assert queue.stopped == []


def test_after_a_crash_of_everything_runs_are_adopted_or_lost(jobs, queue, make_run):
    order = Order(job="j", attempt=1)
    alive = make_run("alive", "running", order=order)
    for name in ("dead", "waiting", "done"):
        make_run(name, {"dead": "running", "waiting": "queued", "done": "finished"}[name], order=order)
    queue.up = False
    with alive.hold():
        assert states(jobs) == {
            "alive": State.RUNNING, "dead": State.LOST, "waiting": State.LOST, "done": State.FINISHED
        }  # fmt: skip
    assert jobs.get("alive").state is State.LOST
    assert "Resume" in jobs.get("dead").hint
    assert jobs.resume("dead").state is State.QUEUED


def test_the_register_is_rebuilt_from_the_folders(jobs, make_run):
    for name, state in (("a", "stopped"), ("b", "finished"), ("c", "failed")):
        make_run(name, state, order=Order(created=ord(name)), error="oops" if state == "failed" else "")
    before = jobs.runs()
    assert [run.name for run in before] == ["c", "b", "a"]
    jobs.register.file.unlink()
    assert jobs.runs(refresh=False) == []
    assert jobs.runs() == before == jobs.runs(refresh=False)


def test_a_clock_that_is_set_does_not_end_a_run(jobs, queue, make_run, monkeypatch):
    folder = make_run("a", "running", order=Order(job="j", address="http://far:8265"))
    far = replace(queue, local=False, up=False, address="http://far:8265")
    monkeypatch.setattr(Jobs, "_cluster_at", lambda self, address: far)
    monotonic = 100.0
    jobs.register._clock = lambda: monotonic
    assert jobs.get("a").state is State.RUNNING
    status = folder.read_status()
    for heartbeat in (0.0, 4e9):  # 1970, and a far future
        (folder.path / "status.json").write_text(json.dumps({**status, "heartbeat": heartbeat}))
        assert jobs.get("a").state is State.RUNNING
    monotonic += SILENCE - 1
    assert jobs.get("a").state is State.RUNNING
    monotonic += 2
    assert jobs.get("a").state is State.LOST
    folder.status("running")  # it was only slow
    assert jobs.get("a").state is State.RUNNING


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"state": 3}', '{"state": "dancing", "epoch": "many"}', "\x00\xff"]
)
def test_damaged_files_hide_no_run(jobs, make_run, content):
    folder = make_run("a", "finished", order=Order(job="j"))
    for name in ("status.json", "job.json"):
        (folder.path / name).write_text(content)
    (run,) = jobs.runs()
    assert run.state is State.LOST and run.order == Order()
    (folder.path / "config.yaml").write_text("model: [")
    (run,) = jobs.runs()
    assert run.state is State.LOST and "not valid YAML" in run.error
    jobs.delete("a")
    assert jobs.runs() == []


def test_a_run_of_the_plain_command_line_is_seen_too(jobs, queue, make_run):
    folder = make_run("a", "running", epoch=2)
    with folder.hold():
        assert jobs.get("a").state is State.RUNNING
        assert jobs.stop("a").state is State.STOPPING
        assert folder.stop_requested() and queue.stopped == []
    assert jobs.get("a").state is State.STOPPED


def test_logs(jobs, queue, make_run):
    folder = make_run("a", "stopped", order=Order(job="j"))
    assert jobs.logs("a") == "printed by j"
    (folder.path / "log.txt").write_text("".join(f"line {i}\n" for i in range(300)))
    assert jobs.logs("a").splitlines() == [f"line {i}" for i in range(100, 300)]
    folder.status("failed", error="oops")
    assert jobs.logs("a", 2) == "line 299\nprinted by j"


def test_only_a_finished_run_is_published(jobs, make_run):
    make_run("a", "stopped")
    with pytest.raises(UserError, match="only a finished run"):
        jobs.publish("a")


def test_the_head_is_not_ended_under_a_run(jobs, queue, config):
    jobs.submit(config)
    with pytest.raises(UserError, match="tiny would be ended"):
        jobs.shutdown()


def test_job_json_says_what_was_asked(jobs, config):
    run = jobs.submit(config, cpus=2, workers=2)
    assert json.loads((run.path / "job.json").read_text())["workers"] == 2
    assert read_order(run.path) == run.order
    assert yaml.safe_load((run.path / "config.yaml").read_text())["name"] == "tiny"
