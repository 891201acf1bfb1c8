"""One run: where it stands, what can be done with it, its pictures, its curves, its log."""

from __future__ import annotations

import streamlit as st

from sat.errors import UserError
from sat.jobs import Jobs, Run, State
from sat.jobs.units import duration
from sat.training.run import RunFolder
from sat.ui.train.actions import actions
from sat.ui.train.board import REFRESH, badge
from sat.ui.train.curves import draw_curves
from sat.ui.train.machine import sample_files, time_machine


def detail(jobs: Jobs, name: str) -> None:
    """Draw one run; what changes is drawn again every few seconds while it is active."""
    try:
        run = jobs.get(name)
    except UserError as error:
        st.info(str(error), icon=":material/info:")
        return
    st.divider()
    every = REFRESH if run.state.active else None
    st.fragment(_standing, run_every=every)(jobs, name, run.state, len(sample_files(run)))
    actions(jobs, run)
    time_machine(run)
    others = [r.name for r in jobs.runs(refresh=False) if r.name != name]
    if RunFolder(run.path).metrics_file.is_file():
        st.subheader("Curves", anchor=False)
        beside = []
        if others:
            beside = st.multiselect(
                "Beside it", others, key="run_beside", max_selections=4, placeholder="Other runs in the same charts"
            )
        st.fragment(_curves, run_every=every)(jobs, [name, *beside])
    st.fragment(_log, run_every=every)(jobs, run)
    with st.expander("Settings"):
        st.code((run.path / "config.yaml").read_text(encoding="utf-8", errors="replace"), language="yaml")


def _standing(jobs: Jobs, name: str, seen: State, pictures: int) -> None:
    try:
        run = jobs.get(name)
    except UserError as error:  # deleted meanwhile
        st.info(str(error), icon=":material/info:")
        return
    if run.state is not seen or len(sample_files(run)) != pictures:
        st.rerun()  # the buttons, and the time machine, must follow
    badge(run)
    st.progress(run.progress, text=_progress(run))
    if run.error:
        st.error(f"{run.error} {run.hint}".strip(), icon=":material/error:")
    elif run.state is State.QUEUED:
        st.caption("It waits until the processors or GPUs that it asks for are free.")
    elif run.state is State.STOPPING:
        st.caption("It saves its state, and then ends.")
    elif run.state.active and run.phase == "preparing":
        said = jobs.logs(name, lines=1)
        st.caption(said.partition("  ")[2] or "It is being started.")
    elif run.state is State.STOPPED and run.resumable:
        st.caption(f"It is saved at step {run.step}. “Resume” goes on from there.")


def _progress(run: Run) -> str:
    if not run.total:
        return f"{run.epochs} epochs" if run.epochs else ""
    text = f"Epoch {min(run.epoch + run.state.active, run.epochs)} of {run.epochs}, step {run.step} of {run.total}"
    left = _seconds_left(run)
    return f"{text}, about {duration(left)} left" if left else text


def _seconds_left(run: Run) -> float:
    """What the last epoch took, for what is still to be trained; 0 before there was one, and where nothing runs."""
    if run.state is not State.RUNNING or run.phase != "training":
        return 0.0
    took = [r["seconds"] for r in RunFolder(run.path).metrics("epoch") if isinstance(r.get("seconds"), int | float)]
    return took[-1] * run.epochs * (1.0 - run.progress) if took else 0.0


def _curves(jobs: Jobs, names: list[str]) -> None:
    known = {run.name: run for run in jobs.runs(refresh=False)}
    draw_curves([known[name] for name in names if name in known])


def _log(jobs: Jobs, run: Run) -> None:
    with st.expander("Log", expanded=bool(run.error)):
        try:
            text = jobs.logs(run.name, lines=60)
        except UserError as error:  # deleted meanwhile
            text = str(error)
        st.code(text or "(nothing yet)", language=None, height=260)
        log = run.path / "log.txt"
        if log.is_file():
            st.download_button(
                "Save the log",
                log.read_bytes,
                file_name=f"{run.name}.txt",
                icon=":material/download:",
                on_click="ignore",
                key="save_log",
            )
