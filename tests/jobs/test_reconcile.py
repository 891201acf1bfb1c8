"""Where a run stands, for every combination of what can be known about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sat.jobs.cluster import News, Word
from sat.jobs.reconcile import SILENCE, judge, last_line
from sat.jobs.runs import Order, Run, State

QUIET = SILENCE + 1


def run(told: str, *, stop_asked: bool = False, job: str | None = "j", error: str = "") -> Run:
    state = State(told) if told in tuple(State) else State.LOST
    return Run("r", Path("r"), state, told=told, stop_asked=stop_asked, error=error, order=Order(job=job))


def verdict(told: str, word: Word, *, held: bool = False, silent: float = 0.0, local: bool = True, **of_run) -> State:
    return judge(run(told, **of_run), News(word), held=held, silent=silent, local=local).state


@pytest.mark.parametrize("word", list(Word))
@pytest.mark.parametrize("told", ["finished", "stopped", "failed"])
def test_a_run_that_ended_with_its_own_word_is_believed(told, word):
    assert verdict(told, word) == told
    assert verdict(told, word, silent=QUIET, local=False) == told


@pytest.mark.parametrize(
    ("told", "word", "held", "expected"),
    [
        ("queued", Word.PENDING, False, State.QUEUED),
        ("queued", Word.RUNNING, False, State.QUEUED),  # its process is just starting
        ("queued", Word.RUNNING, True, State.RUNNING),
        ("running", Word.RUNNING, True, State.RUNNING),
        ("running", Word.RUNNING, False, State.RUNNING),  # on another machine, whose lock cannot be seen
        ("running", Word.UNREACHABLE, True, State.RUNNING),  # the head died, the process is still there: adopted
        ("running", Word.UNKNOWN, True, State.RUNNING),
        ("running", Word.FAILED, True, State.RUNNING),  # Ray gave it up, but it still writes
        ("failed", Word.RUNNING, True, State.RUNNING),  # a team that is started again
        ("running", Word.UNREACHABLE, False, State.LOST),
        ("running", Word.UNKNOWN, False, State.LOST),
        ("running", Word.SUCCEEDED, False, State.LOST),  # it wrote somewhere else
        ("queued", Word.UNREACHABLE, False, State.LOST),
        ("queued", Word.UNKNOWN, False, State.LOST),
        ("running", Word.STOPPED, False, State.STOPPED),
        ("running", Word.FAILED, False, State.FAILED),
        ("", Word.UNREACHABLE, False, State.LOST),  # status.json is damaged
        ("", Word.UNREACHABLE, True, State.RUNNING),
    ],
)
def test_a_run_lives_while_its_lock_or_ray_says_so(told, word, held, expected):
    assert verdict(told, word, held=held) == expected


@pytest.mark.parametrize(
    ("told", "word", "held", "expected"),
    [
        ("queued", Word.PENDING, False, State.STOPPED),
        ("stopped", Word.RUNNING, False, State.STOPPING),  # its process was just starting when it was stopped
        ("stopped", Word.RUNNING, True, State.STOPPING),  # it has saved, and is about to let go
        ("stopped", Word.STOPPED, True, State.STOPPING),
        ("stopped", Word.STOPPED, False, State.STOPPED),
        ("stopped", Word.UNREACHABLE, False, State.STOPPED),
        ("running", Word.RUNNING, True, State.STOPPING),
        ("running", Word.UNREACHABLE, True, State.STOPPING),
        ("running", Word.UNREACHABLE, False, State.STOPPED),  # killed while it stopped: that was wanted
        ("running", Word.FAILED, False, State.FAILED),
    ],
)
def test_a_run_that_was_asked_to_stop(told, word, held, expected):
    assert verdict(told, word, held=held, stop_asked=True) == expected


def test_a_far_cluster_that_does_not_answer_is_waited_for():
    for told in ("running", "queued"):
        assert verdict(told, Word.UNREACHABLE, local=False, silent=SILENCE - 1) == told
        assert verdict(told, Word.UNREACHABLE, local=False, silent=QUIET) == State.LOST


def test_a_run_on_its_way_to_the_queue():
    waiting = run("queued", job=None)
    assert judge(waiting, News(Word.UNKNOWN), held=False, silent=0, local=True, submitting=True).state is State.QUEUED
    abandoned = judge(waiting, News(Word.UNKNOWN), held=False, silent=0, local=True, submitting=False)
    assert abandoned.state is State.LOST and "never reached the queue" in abandoned.error


@pytest.mark.parametrize("code", [-9, 137, 143])
def test_a_killed_process_is_lost_with_a_hint(code):
    news = News(Word.FAILED, f"Job entrypoint command failed with exit code {code}, last available logs", code)
    found = judge(run("running"), news, held=False, silent=0, local=True)
    assert found.state is State.LOST and str(code) in found.error and "resume" in found.hint.lower()


def test_the_exit_code_may_stand_in_the_message_alone():
    found = judge(run("running"), News(Word.FAILED, "failed with exit code -9"), held=False, silent=0, local=True)
    assert found.state is State.LOST and "exit code -9" in found.error
    found = judge(run("running"), News(Word.FAILED, "failed with exit code 2, logs:\noops"), held=False, silent=0,
                  local=True)  # fmt: skip
    assert (found.state, found.error) == (State.FAILED, "oops")


def test_the_last_words_that_only_ray_heard_become_the_error_and_the_hint():
    message = (
        "failed with exit code 2, last available logs:\nepoch 1\n\x1b[31mlog.txt could not be written (No space)\n\n"
    )
    found = judge(run("running"), News(Word.FAILED, message, 2), held=False, silent=0, local=True)
    assert found.state is State.FAILED
    assert found.error == "log.txt could not be written (No space)" and "free some space" in found.hint
    kept = judge(run("running", error="its own"), News(Word.FAILED, message, 2), held=False, silent=0, local=True)
    assert kept.error == "its own"


def test_last_line():
    assert last_line("a\n  \x1b[33mb\x1b[0m \n\n") == "b"
    assert last_line(" \n") == ""
