"""Where a run stands, judged from all that can be known: its own word, Ray's word, its lock, its heartbeat."""

from __future__ import annotations

import re
from dataclasses import replace

from sat.jobs.cluster import News, Word
from sat.jobs.runs import Run, State
from sat.training.hints import hint

SILENCE = 90.0  # seconds without a heartbeat after which a run that nobody can vouch for is given up
RESUME = "Resume it: it goes on from the last saved state."
_KILLED = re.compile(r"exit code (-\d+|1(?:2[89]|[3-5]\d))\b")


def judge(run: Run, news: News, *, held: bool, silent: float, local: bool, submitting: bool = False) -> Run:
    """The run with its state as it really is.

    A run that ended with its own word (finished, stopped, failed) is believed. Otherwise it lives if a process holds
    its lock or Ray says so, and only when both say no, or nothing is heard of it for long, is it lost. No clock of
    another machine, and no clock that can be set, takes part.

    Args:
        run: as its folder tells it.
        news: Ray's word on its job.
        held: a process holds the lock of the folder.
        silent: seconds, by this machine's monotonic clock, since its heartbeat was last seen to move.
        local: the job was given to this machine's own head, so that an empty lock means that no process is left.
        submitting: somebody is just handing a job in.
    """
    if run.told == State.STOPPED and run.stop_asked and (held or news.word is Word.RUNNING):
        return replace(run, state=State.STOPPING)  # it was stopped in the queue just as its process began, or is saving
    if run.told in (State.FINISHED, State.STOPPED, State.FAILED) and not (held and run.told == State.FAILED):
        return replace(run, state=State(run.told))
    if news.word is Word.PENDING:
        return replace(run, state=State.STOPPED if run.stop_asked else State.QUEUED)
    if held or news.word is Word.RUNNING:
        started = held or run.told == State.RUNNING  # workers of a team may still wait for their places
        alive = State.RUNNING if started else State.QUEUED
        return replace(run, state=State.STOPPING if run.stop_asked else alive, error="", hint="")
    if news.word is Word.STOPPED:
        return replace(run, state=State.STOPPED)
    if news.word is Word.FAILED:
        return _failed(run, news)
    if news.word is Word.SUCCEEDED:
        return _lost(
            run,
            "The cluster says that it ended, but nothing of that was written here.",
            "Let SAT_RUNS name a folder that this machine and the cluster's machines share.",
        )
    if submitting:
        return replace(run, state=State.QUEUED)
    if run.order.job is None and run.told == State.QUEUED:
        return _lost(run, "It never reached the queue.", "Resume it to hand it in again.")
    if run.told == State.QUEUED:
        if local or news.word is Word.UNKNOWN or silent > SILENCE:
            return _lost(run, "The queue that it waited in is gone.", "Resume it to hand it in again.")
        return replace(run, state=State.QUEUED)
    if not local and news.word is Word.UNREACHABLE and silent <= SILENCE:
        return replace(run, state=State.STOPPING if run.stop_asked else State.RUNNING)
    return _lost(run, "It ended without a word: its process or its machine is gone.", RESUME)


def _lost(run: Run, error: str, advice: str) -> Run:
    if run.stop_asked:  # it was to end, and did, by force
        return replace(run, state=State.STOPPED, phase="")
    return replace(run, state=State.LOST, phase="", error=run.error or error, hint=run.hint or advice)


def _failed(run: Run, news: News) -> Run:
    """A job that Ray calls failed although the run itself said nothing: killed, or its last word was not written."""
    found = _KILLED.search(news.message)
    killed = found is not None or (news.exit_code is not None and not 0 <= news.exit_code < 128)
    if killed or "actor died" in news.message or "ActorDied" in news.message:
        code = news.exit_code if news.exit_code is not None else found.group(1) if found else ""
        said = f"Its process was killed{f' (exit code {code})' if code else ''}."
        return _lost(run, said, hint(f"{said} {news.message}") or RESUME)
    error = last_line(news.message) or "Ray gives no reason."
    return replace(run, state=State.FAILED, phase="", error=run.error or error, hint=run.hint or hint(news.message))


def last_line(message: str) -> str:
    """The line of a program's output that says why it ended: the last that is not empty, without colours."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in message.splitlines()]
    return next((line for line in reversed(lines) if line), "")
