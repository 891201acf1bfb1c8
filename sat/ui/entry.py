"""The pages of the app, and the way into them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st
from starlette.formparsers import MultiPartParser

from sat.public import UPLOAD_MB
from sat.ui import address

_ENTERED = "_entered"
_first = threading.Lock()
_THEME = Path(__file__).with_name("theme.css")

# An upload on its way in lies in memory too, and not, as is usual beyond a megabyte, in a temporary file.
MultiPartParser.spool_max_size = (UPLOAD_MB + 1) * 2**20


def run() -> None:
    """Show the page that the address asks for, under the navigation."""
    st.session_state[_ENTERED] = True
    st.html(_THEME)
    page = st.navigation(_pages(), position="top")
    address.settle(page.url_path)
    with _libraries_kept():
        page.run()


@contextmanager
def _libraries_kept() -> Iterator[None]:
    """Around the first page of a server: what it loads, libraries above all, is for good and never looked at again.

    That is half a million objects. To look for rubbish among them took a seventh of the time until the first caption,
    and later 0.2 s at each full collection, in which nobody else's page could run either.
    """
    if not _first.acquire(blocking=False):  # held for ever by the first
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def through_the_entry() -> None:
    """Go through the entry first where Streamlit ran a page by itself; every page begins with this.

    Until ``st.navigation`` has been called once in a server, Streamlit takes each file of ``pages/`` for a page of its
    own, so the first visitor after a start who follows a link to one would get it bare, without title and theme.
    """
    if _ENTERED not in st.session_state:
        st.session_state[_ENTERED] = True
        st.navigation(_pages(), position="hidden")  # that it has been called is what counts
        st.rerun()


def _pages() -> list[st.Page]:
    return [
        st.Page("pages/explore.py", title="Explore", icon=":material/visibility:", default=True),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
        st.Page("pages/mistakes.py", title="Mistakes", icon=":material/troubleshoot:"),
        st.Page("pages/results.py", title="Results", icon=":material/leaderboard:"),
        st.Page("pages/learn.py", title="Learn", icon=":material/school:"),
        st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
    ]
