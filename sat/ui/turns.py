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
from streamlit.delta_generator import DeltaGenerator

from sat.turns import Line
from sat.ui import limits

R = TypeVar("R")

POLL = 0.3  # seconds between two looks at the line
_PLACE = "_waiting_place"
# torch uses all processors for one caption; more at once would make each slower and none earlier.
_line = Line(places=max(1, (os.cpu_count() or 1) // 4))
_mine = threading.local()  # ``held``: whether the work of this thread has its turn


class _NotYet(Exception):
    """Somebody else's turn."""


def waiting_place() -> None:
    """Make the place of the line that a visitor reads who waits; always there, so that what follows keeps its own."""
    st.session_state[_PLACE] = st.empty()


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
    place = st.session_state.get(_PLACE)
    with _line.queued() as turn:
        try:
            while not turn.wait(POLL):
                _say(place, turn.before)
        finally:
            if place is not None:
                place.empty()
        _mine.held = True
        try:
            return work()
        finally:
            _mine.held = False


def _say(place: DeltaGenerator | None, before: int) -> None:
    """Draw the line again, which is also where Streamlit ends scripts that nobody waits for any more."""
    if place is None:
        st.session_state.get(_PLACE)  # as is this
    elif before:
        visitors = "1 visitor" if before == 1 else f"{before} visitors"
        place.info(f"{visitors} before you. Your turn comes by itself.", icon=":material/hourglass_top:")
