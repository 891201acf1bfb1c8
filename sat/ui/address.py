"""Writing choices into the address, so that a quick visitor's clicks do not undo each other.

The browser sends its address along with every click. What the server has just written into it reaches the browser a
moment later: a second click within that moment still carries the old address, which would take the first choice back.
So what was written in the last seconds is written again over such an address. The price: somebody who goes back within
these seconds has to do it twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import streamlit as st

_FRESH = "_address_fresh"
SECONDS = 3.0  # how long a browser may take to learn of a new address


@dataclass
class _Fresh:
    """What was written lately on one page: by parameter its value, None for one taken out, and when."""

    page: str = ""
    values: dict[str, tuple[str | None, float]] = field(default_factory=dict)


def put(name: str, value: str) -> None:
    """Write a parameter."""
    _remember(name, value)
    st.query_params[name] = value


def forget(name: str) -> None:
    """Take a parameter out."""
    _remember(name, None)
    st.query_params.pop(name, None)


def settle(page: str | None = None) -> None:
    """Write what was written lately over an address that does not know of it yet.

    Args:
        page: which page is shown; another one than before has an address of its own. None: the same as before.
    """
    fresh: _Fresh = st.session_state.setdefault(_FRESH, _Fresh())
    if page is not None and page != fresh.page:
        fresh.page, fresh.values = page, {}
    now = time.monotonic()
    fresh.values = {name: (value, at) for name, (value, at) in fresh.values.items() if now - at < SECONDS}
    for name, (value, _) in fresh.values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def _remember(name: str, value: str | None) -> None:
    settle()  # what the page's other controls wrote, before this is built upon it
    st.session_state[_FRESH].values[name] = (value, time.monotonic())
