"""Work that takes its time, in turns: the page says whose was begun."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from sat.ui import turns


@st.cache_resource
def begun() -> list[str]:
    return []


@st.cache_data(show_spinner=False)
def work(who: str) -> str:
    with turns.working():
        begun().append(who)
        time.sleep(4)  # long enough for two others to come, on a busy machine too
        return who


st.info(turns.served(lambda: work(st.query_params["who"])))
st.info(" ".join(begun()))
