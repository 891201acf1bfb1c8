"""Turns, ratios, and what is written of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import harness, results
from benchmarks.harness import Goal, Report, Result, compare, duration, interleave


def test_tasks_take_turns_and_each_round_begins_with_another():
    called: list[str] = []
    tasks = {name: (lambda name=name: called.append(name)) for name in "abc"}
    seconds = interleave(tasks, 3, warm=1, calls=1)
    assert "".join(called) == "abc" + "abc" + "bca" + "cab"
    assert all(values.shape == (3,) and (values >= 0).all() for values in seconds.values())


def test_seconds_are_of_one_call(monkeypatch):
    now = 0.0

    def slow() -> None:
        nonlocal now
        now += 2.0

    monkeypatch.setattr(harness, "_clock", lambda: now)
    assert interleave({"slow": slow}, 2, calls=5)["slow"].tolist() == [2.0, 2.0]


def test_a_ratio_is_taken_round_by_round():
    ours, other = np.array([1.0, 10.0, 3.0]), np.array([2.0, 20.0, 3.0])  # the second round fell on a busy moment
    slower = compare("ours over other", ours, other, Goal("at most", 0.5))
    assert slower.values == (0.5, 0.5, 1.0) and slower.median == 0.5 and slower.best == 0.5 and slower.met
    faster = compare("times faster", ours, other, Goal("at least", 2.5), faster=True)
    assert faster.values == (2.0, 2.0, 1.0) and faster.median == 2.0 and faster.best == 2.0 and not faster.met
    assert faster.middle_half == (1.5, 2.0)
    assert (faster.ours, faster.against) == ("3 s", "3 s")


@pytest.mark.parametrize("seconds, text", [(75.0, "75 s"), (1.5, "1.5 s"), (0.0123, "12.3 ms"), (4.5e-5, "45 µs")])
def test_durations_have_a_fitting_unit(seconds, text):
    assert duration(seconds) == text


def report(title: str, *made: Result) -> Report:
    settings = {"date": "2026-01-31", "machine": "a machine", "others": "0.01", "clock": "wall"}
    return Report(title, "What against what.", made, ("A note.",), (("n", "time"), ("1", "2 s")), settings)


SMALL = Result("small", (1.0, 2.0, 3.0), Goal("at most", 2.5), "2 s", "1 s", best=0.5)
LARGE = Result("large", (3.0, 4.0, 5.0), Goal("at most", 2.5))
OTHER = Result("for information", (7.0,))


def test_a_report_survives_being_kept():
    made = report("One", SMALL, OTHER)
    assert Report.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_the_summary_has_the_worst_line_of_every_goal():
    lines = results.summary({"one": report("One", SMALL, LARGE, OTHER)}).splitlines()
    assert lines[2:] == ["| One: large | 4.00 | at most 2.5 | missed |"]
    least = Goal("at least", 1)
    made = report("Two", Result("much", (5.0,), least, unit="s"), Result("little", (0.5,), least, unit="s"))
    assert "| Two: little | 0.50 s | at least 1 s | missed |" in results.summary({"two": made})


def test_writing_renews_the_page_and_the_readme(tmp_path, monkeypatch):
    for name in ("RECORDS", "RESULTS", "SUMMARY", "README"):
        monkeypatch.setattr(results, name, tmp_path / name)
    (tmp_path / "README").write_text("before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n")
    assert results.read() == {}
    results.write({"one": report("One", SMALL)})
    assert results.read() == {"one": report("One", SMALL)}
    page = (tmp_path / "RESULTS").read_text()
    assert "## One" in page and "| small | 2.00 | 1.50 to 2.50 | 0.50 | at most 2.5 | met | 2 s | 1 s | 3 |" in page
    assert "2026-01-31; a machine.*" in page and "in use" not in page and "- A note." in page and "| 1 | 2 s |" in page
    readme = (tmp_path / "README").read_text()
    assert readme.startswith("before\n") and readme.endswith("after\n") and "old" not in readme
    assert "| One: small | 2.00 | at most 2.5 | met |" in readme


def test_a_machine_in_use_and_another_clock_are_told():
    made = report("One", SMALL)
    used = Report.from_dict({**made.to_dict(), "settings": {**made.settings, "others": "0.31", "clock": "processor"}})
    page = results.as_page({"one": used})
    assert "other programs took 31 %" in page and "one thread" in page


def test_the_machine_has_no_name():
    import socket

    text = results.machine()
    assert "cores" in text and "torch" in text and "Python" in text
    assert socket.gethostname() not in text and "/" not in text.replace("+", "")


def test_what_is_kept_is_what_is_shown():
    """RESULTS.md and the README's table come from results.json and were not edited."""
    kept = results.read()
    assert kept, "run: make bench"
    assert results.RESULTS.read_text(encoding="utf-8") == results.as_page(kept)
    readme = results.README.read_text(encoding="utf-8")
    assert "<!-- speed -->" in readme and readme == results.with_table(readme, kept)
