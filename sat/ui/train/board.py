"""The queue and the history: all runs with where they stand."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sat.jobs import Jobs, Run, State
from sat.ui import links
from sat.ui.train import RUN

STATES = {
    State.QUEUED: ("gray", "waits"),
    State.RUNNING: ("blue", "running"),
    State.STOPPING: ("orange", "stopping"),
    State.FINISHED: ("green", "finished"),
    State.STOPPED: ("gray", "stopped"),
    State.FAILED: ("red", "failed"),
    State.LOST: ("red", "lost"),
}
REFRESH = 3.0  # seconds


def board(jobs: Jobs) -> str | None:
    """Draw the runs, and return the name of the one that the person looks at."""
    runs = jobs.runs()
    if not runs:
        st.info("There is no run yet. Start one under “New run”.", icon=":material/rocket_launch:")
        return None
    names = [run.name for run in runs]
    wanted, text = _filters()
    every = REFRESH if any(run.state.active for run in runs) else None
    st.fragment(_table, run_every=every)(jobs, wanted, text)
    asked = st.query_params.get(RUN)
    chosen = asked if asked in names else names[0]
    key = "run_choice"
    st.session_state[key] = chosen

    def choose() -> None:
        st.query_params[RUN] = st.session_state[key]

    st.selectbox("Look at", names, key=key, on_change=choose, width=360)
    if asked is not None and asked not in names:
        st.info(links.note([f"{RUN}={asked[:40]}"]), icon=":material/link_off:")
    return chosen


def _filters() -> tuple[Sequence[State], str]:
    with st.container(horizontal=True, vertical_alignment="top"):
        states = st.pills(
            "Show", list(STATES), format_func=lambda s: STATES[s][1], selection_mode="multi", key="run_states"
        )
        text = st.text_input("Name holds", key="run_text", width=200)
    return states, text.strip().lower()


def _table(jobs: Jobs, wanted: Sequence[State], text: str) -> None:
    runs = [r for r in jobs.runs() if (not wanted or r.state in wanted) and text in r.name.lower()]
    st.dataframe(
        {
            "run": [r.name for r in runs],
            "state": [STATES[r.state][1] for r in runs],
            "progress": [r.progress for r in runs],
            "epoch": [f"{min(r.epoch, r.epochs)} of {r.epochs}" for r in runs],
            "best dev CIDEr": [r.best for r in runs],
            "attention": [r.attention for r in runs],
            "data": [r.dataset for r in runs],
        },
        hide_index=True,
        width="stretch",
        column_config={
            "progress": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent"),
            "best dev CIDEr": st.column_config.NumberColumn(format="%.1f"),
        },
        placeholder="–",
    )
    if not runs:
        st.caption("No run is like that.")


def badge(run: Run) -> None:
    """The run's name with its state."""
    colour, said = STATES[run.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(run.name, anchor=False, width="content")
        st.badge(said + (f", {run.phase}" if run.phase else ""), color=colour)  # type: ignore[arg-type]
