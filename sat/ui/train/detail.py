"""One run: where it stands, what can be done with it, its curves, its log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from sat.drawing.charts_training import epoch_curves
from sat.errors import UserError
from sat.jobs import Jobs, Run, State
from sat.training.run import RunFolder
from sat.ui.models import RUN as MODEL_OF_RUN
from sat.ui.train import RUN
from sat.ui.train.board import REFRESH, badge
from sat.ui.train.machine import time_machine

CHART = {"displayModeBar": False}
# Title of a chart: lines as (label, kind of record, group, key).
CHARTS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "Loss a word": (("", "step", "", "nll"),),
    "Dev BLEU-4 and CIDEr": (("BLEU-4", "epoch", "dev", "BLEU-4"), ("CIDEr", "epoch", "dev", "CIDEr")),
    "Attention's entropy": (("training", "step", "", "entropy"), ("dev", "epoch", "dev", "entropy")),
    "Reward and baseline": (("reward", "step", "", "reward"), ("baseline", "step", "", "baseline")),
    "Doubly stochastic penalty": (("", "step", "", "penalty"),),
    "Gradient norm": (("", "step", "", "grad_norm"),),
    "Learning rate": (("", "step", "", "lr"),),
    "GPU memory, GB": (("", "step", "", "gpu_memory"),),
    "GPU busy, %": (("", "step", "", "gpu_busy"),),
}


def detail(jobs: Jobs, name: str) -> None:
    """Draw one run; what changes is drawn again every few seconds while it is active."""
    try:
        run = jobs.get(name)
    except UserError as error:
        st.info(str(error), icon=":material/info:")
        return
    others = [r.name for r in jobs.runs(refresh=False) if r.name != name]
    st.divider()
    _actions(jobs, run)
    beside = st.multiselect(
        "Beside it", others, key="run_beside", max_selections=4, placeholder="Other runs to compare"
    )
    st.fragment(_live, run_every=REFRESH if run.state.active else None)(jobs, name, run.state, beside)
    time_machine(run)
    with st.expander("Settings"):
        st.code((run.path / "config.yaml").read_text(encoding="utf-8"), language="yaml")


def _live(jobs: Jobs, name: str, seen: State, beside: list[str]) -> None:
    try:
        run = jobs.get(name)
    except UserError as error:  # deleted meanwhile
        st.info(str(error), icon=":material/info:")
        return
    if run.state is not seen:
        st.rerun()  # the buttons must follow
    badge(run)
    st.progress(run.progress, text=f"Epoch {min(run.epoch + run.state.active, run.epochs)} of {run.epochs}, "
                f"step {run.step} of {run.total or '?'}")  # fmt: skip
    if run.error:
        st.error(f"{run.error} {run.hint}".strip(), icon=":material/error:")
    elif run.state is State.QUEUED:
        st.caption("It waits until the processors or GPUs that it asks for are free.")
    elif run.state is State.LOST:
        st.warning(
            "It ended without a word: the process, the machine or Ray is gone. Resume it.", icon=":material/help:"
        )
    records = {n: _records(jobs, n) for n in [name, *beside]}
    columns = st.columns(2, gap="medium")
    drawn = 0
    for title, lines in CHARTS.items():
        curves = _curves(records, lines)
        if curves:
            with columns[drawn % 2]:
                st.markdown(f"**{title}**")
                last = "; ".join(f"{n} {y[-1]:.4g}" for n, (_, y) in curves.items())
                st.plotly_chart(
                    epoch_curves(curves, "", height=210, markers=False),
                    config=CHART,
                    key=f"chart {title}",
                    alt=f"{title}: {last}",
                )
            drawn += 1
    with st.expander("Log", expanded=bool(run.error)):
        text = jobs.logs(name, lines=60)
        st.code(text or "(nothing yet)", language=None, height=260)
    log = run.path / "log.txt"
    if log.is_file():
        st.download_button("Save the log", log.read_bytes, file_name=f"{name}.txt", on_click="ignore", key="save_log")


def _records(jobs: Jobs, name: str) -> tuple[list[dict[str, Any]], float]:
    """The records of a run, and how many steps an epoch has."""
    folder = RunFolder(jobs.root / name)
    run = jobs.get(name)
    return folder.metrics(), max(run.total / max(run.epochs, 1), 1.0)


def _curves(
    records: dict[str, tuple[list[dict[str, Any]], float]], lines: tuple[tuple[str, str, str, str], ...]
) -> dict[str, tuple[list[float], list[float]]]:
    found = {}
    for name, (all_records, steps) in records.items():
        for label, kind, group, key in lines:
            points = []
            for record in all_records:
                if record.get("kind") != kind:
                    continue
                value = (record.get(group) or {}).get(key) if group else record.get(key)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    points.append((record.get("step", 0) / steps, float(value)))
            if points:
                parts = [part for part in (name if len(records) > 1 else "", label) if part]
                found[" ".join(parts) or "this run"] = ([x for x, _ in points], [y for _, y in points])
    return found


def _actions(jobs: Jobs, run: Run) -> None:
    def act(what: Callable[[], object], done: str) -> None:
        try:
            what()
            st.toast(done)
        except UserError as error:
            st.session_state["_train_problem"] = str(error)

    problem = st.session_state.pop("_train_problem", "")
    if problem:
        st.warning(problem, icon=":material/info:")
    with st.container(horizontal=True):
        if run.state.active:
            st.button(
                "Stop",
                icon=":material/stop:",
                key="stop",
                on_click=act,
                args=(lambda: jobs.stop(run.name), "It saves, then ends."),
                help="It saves its state first, so that it can be resumed.",
            )
            if run.state is State.STOPPING:
                st.button(
                    "Kill it now", key="kill", on_click=act, args=(lambda: jobs.stop(run.name, force=True), "Killed.")
                )
        elif run.state is not State.FINISHED:
            if run.resumable:
                st.button("Resume", icon=":material/play_arrow:", type="primary", key="resume", on_click=act,
                          args=(lambda: jobs.resume(run.name), "It goes on from its last saved state."))  # fmt: skip
            st.button("Start again", icon=":material/replay:", key="retry", on_click=act,
                      args=(lambda: jobs.retry(run.name), "It begins anew."))  # fmt: skip
        if run.model is not None:
            if st.button("Open in Explore", icon=":material/visibility:", type="primary", key="open"):
                sample = {"sample": "shapes"} if run.dataset == "shapes" else {}
                st.switch_page("pages/explore.py", query_params={"model": MODEL_OF_RUN + run.name, **sample})
            if st.button("Publish to checkpoints", icon=":material/publish:", key="publish"):
                with st.spinner("Scoring it on the test split …"):
                    act(lambda: jobs.publish(run.name), "It is among the shipped models now.")
        st.button("Clone", icon=":material/content_copy:", key="clone", on_click=act,
                  args=(lambda: _clone(jobs, run), "A new run with the same settings waits."))  # fmt: skip
        if not run.state.active and st.button("Delete …", icon=":material/delete:", key="delete"):
            _ask(jobs, run)


def _clone(jobs: Jobs, run: Run) -> None:
    st.query_params[RUN] = jobs.clone(run.name).name


@st.dialog("Delete this run?")
def _ask(jobs: Jobs, run: Run) -> None:
    st.markdown(f"**{run.name}** and all that it saved will be gone: its weights, its curves, its log.")
    if st.button("Delete it", type="primary", key="really", on_click=_delete, args=(jobs, run)):
        st.rerun()  # closes the question


def _delete(jobs: Jobs, run: Run) -> None:
    try:
        jobs.delete(run.name)
        st.query_params.pop(RUN, None)
    except UserError as error:
        st.session_state["_train_problem"] = str(error)
