"""Visitors take turns at the models. Whoever waits is told how many come first; whoever leaves is not served.

Work is done inside functions that Streamlit caches, where nothing may be drawn. So ``working`` does not wait there: it
gives up when it is not one's turn, and ``served`` waits outside and tries again. What is known already needs no turn.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st

from sat.turns import Line, Turn
from sat.ui import limits

R = TypeVar("R")

POLL = 0.3  # seconds between two looks at the line
_ASKED = "_waiting"
# torch uses all processors for one caption; more at once would make each slower and none earlier.
_line = Line(places=max(1, (os.cpu_count() or 1) // 4))
_mine = threading.local()  # ``held``: whether the work of this thread has its turn


class _NotYet(Exception):
    """Somebody else's turn."""


@contextmanager
def working() -> Iterator[None]:
    """Around the work of a cached function that ``served`` calls.

    Raises:
        UserError: the visitor has asked for too much in a public demo.
    """
    if getattr(_mine, "held", False):
        yield
        return
    limits.spend_computation()
    turn = _line.try_turn()
    if turn is None:
        raise _NotYet
    _mine.held = True
    try:
        yield
    finally:
        _mine.held = False
        _line.end(turn)


def served(work: Callable[[], R]) -> R:
    """The result of some work, when it is this visitor's turn.

    Streamlit ends the script of a tab that was closed, or whose visitor has asked for something else, while it waits
    here, and so takes it out of the line.

    Raises:
        UserError: too many wait, or what the work raises.
    """
    try:
        return work()
    except _NotYet:
        pass
    with _line.queued() as turn:
        _wait(turn)
        _mine.held = True
        try:
            return work()
        finally:
            _mine.held = False


def _wait(turn: Turn) -> None:
    """Wait, and say how many come first. A spinner takes no place on the page, so that what follows keeps its own."""
    while not turn.wait(POLL):
        before = turn.before
        with st.spinner(_said(before)):
            while turn.before == before and not turn.wait(POLL):
                st.session_state.get(_ASKED)  # a look there is where Streamlit ends scripts that nobody waits for


def _said(before: int) -> str:
    visitors = "1 visitor" if before == 1 else f"{before} visitors"
    return f"{visitors} before you …" if before else "Your turn …"
