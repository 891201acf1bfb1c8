"""What changes while one looks must not be mistaken for a loss."""

from __future__ import annotations

from sat.jobs.cluster import News, Word
from sat.jobs.runs import Order, State


def test_a_run_that_ends_while_ray_is_asked_is_finished_not_lost(jobs, queue, make_run, monkeypatch):
    folder = make_run("a", "running", order=Order(job="j"))

    def asked_at_its_end() -> dict[str, News]:
        folder.status("finished")
        return {"j": News(Word.SUCCEEDED)}

    monkeypatch.setattr(queue, "news", asked_at_its_end)
    assert [run.state for run in jobs.runs()] == [State.FINISHED]


def test_a_run_that_is_handed_in_while_one_looks_is_queued(jobs, queue, make_run, monkeypatch):
    folder = make_run("a", "queued", order=Order(job=None))

    def taken_meanwhile() -> dict[str, News]:
        Order(job="new").write(folder.path)
        return {}

    monkeypatch.setattr(queue, "news", taken_meanwhile)
    assert [run.state for run in jobs.runs()] == [State.QUEUED]
    monkeypatch.setattr(queue, "news", dict)
    assert [run.state for run in jobs.runs()] == [State.LOST]  # and then Ray really does not know it


def test_somebody_who_submits_is_waited_for(jobs, make_run):
    make_run("a", "queued", order=Order(job=None))
    with jobs._submitting():
        assert jobs.get("a").state is State.QUEUED
    assert jobs.get("a").state is State.LOST


def test_ray_is_asked_once_for_all_runs(jobs, queue, make_run, monkeypatch):
    asked = []
    monkeypatch.setattr(queue, "news", lambda: asked.append(1) or {})
    for name in "abcd":
        make_run(name, "running", order=Order(job=name))
    assert len(jobs.runs()) == 4 and asked == [1]
    jobs.runs(refresh=False)
    assert asked == [1]
