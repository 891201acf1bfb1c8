"""The Train page: a form for new runs, the queue and its history, and one run from the inside."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from sat.jobs import Jobs
from sat.ui.train.guard import permitted

RUN, VIEW, LIKE = "run", "view", "like"  # in the address


@st.cache_resource(show_spinner=False)
def get_jobs(root: str) -> Jobs:
    """The queue of the runs in a folder, shared by all sessions."""
    return Jobs(Path(root), permit=permitted)
