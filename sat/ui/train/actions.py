"""What can be done with a run: buttons that say afterwards what happened, or why not."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from sat import checkpoints
from sat.errors import UserError
from sat.jobs import Jobs, Run, State
from sat.ui import links
from sat.ui.models import RUN as MODEL_OF_RUN
from sat.ui.train import LIKE, RUN, VIEW

_PROBLEM = "_train_problem"


def actions(jobs: Jobs, run: Run) -> None:
    """The buttons that make sense for a run as it stands."""
    problem = st.session_state.pop(_PROBLEM, "")
    if problem:
        st.warning(problem, icon=":material/info:")
    with st.container(horizontal=True):
        if run.state.active:
            _active(jobs, run)
        elif run.state is not State.FINISHED:
            _ended_early(jobs, run)
        if run.model is not None:
            _finished(jobs, run)
        st.button(
            "Clone …",
            icon=":material/content_copy:",
            key="clone",
            on_click=_clone,
            args=(run,),
            help="A new run with these settings, to be changed before it starts.",
        )
        if not run.state.active and st.button("Delete …", icon=":material/delete:", key="delete"):
            _ask_delete(jobs, run)


def _active(jobs: Jobs, run: Run) -> None:
    if run.state is not State.STOPPING:
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            on_click=_act,
            args=(lambda: jobs.stop(run.name), "It saves, then ends."),
            help="It saves its state first, so that it can be resumed.",
        )
    else:
        st.button(
            "Kill it now",
            icon=":material/dangerous:",
            key="kill",
            on_click=_act,
            args=(lambda: jobs.stop(run.name, force=True), "Killed."),
            help="It is saving, and then ends by itself. Killed now, it loses what it did since it last saved.",
        )


def _ended_early(jobs: Jobs, run: Run) -> None:
    if run.resumable:
        st.button(
            "Resume",
            icon=":material/play_arrow:",
            type="primary",
            key="resume",
            on_click=_act,
            args=(lambda: jobs.resume(run.name), "It goes on from its last saved state."),
        )
    if not run.resumable:
        st.button(
            "Try again",
            icon=":material/replay:",
            type="primary",
            key="retry",
            on_click=_act,
            args=(lambda: jobs.retry(run.name), "It begins anew."),
        )
    elif st.button("Start again …", icon=":material/replay:", key="retry"):
        _ask_retry(jobs, run)


def _finished(jobs: Jobs, run: Run) -> None:
    if st.button("Open in Explore", icon=":material/visibility:", type="primary", key="open"):
        sample = {"sample": "shapes"} if run.dataset == "shapes" else {}
        st.switch_page("pages/explore.py", query_params={"model": MODEL_OF_RUN + run.name, **sample})
    if run.state is State.FINISHED and st.button(
        "Publish to checkpoints …",
        icon=":material/publish:",
        key="publish",
        help="Scores it on the test split and adds it, with its card, to the models that everybody sees.",
    ):
        _ask_publish(jobs, run)


def _act(what: Callable[[], object], done: str) -> None:
    try:
        what()
        st.toast(done)
    except UserError as error:
        st.session_state[_PROBLEM] = str(error)


def _clone(run: Run) -> None:
    st.query_params[VIEW] = "new"
    st.query_params[LIKE] = run.name


@st.dialog("Delete this run?")
def _ask_delete(jobs: Jobs, run: Run) -> None:
    st.markdown(f"**{run.name}** and all that it saved will be gone: its weights, its curves, its log.")
    if st.button("Delete it", type="primary", key="really", on_click=_delete, args=(jobs, run)):
        st.rerun()  # closes the question


def _delete(jobs: Jobs, run: Run) -> None:
    _act(lambda: jobs.delete(run.name), f"{run.name} is deleted.")
    st.query_params.pop(RUN, None)


@st.dialog("Start this run again?")
def _ask_retry(jobs: Jobs, run: Run) -> None:
    st.markdown(
        f"**{run.name}** begins anew: what it saved up to epoch {run.epoch} of {run.epochs} will be gone. “Resume” "
        "keeps it and goes on."
    )
    again = (lambda: jobs.retry(run.name), "It begins anew.")
    if st.button("Begin anew", type="primary", key="really_retry", on_click=_act, args=again):
        st.rerun()


@st.dialog("Publish this model?")
def _ask_publish(jobs: Jobs, run: Run) -> None:
    publish_form(jobs, run)


def publish_form(jobs: Jobs, run: Run) -> None:
    """Ask for a name, and publish a finished run under it."""
    shipped = checkpoints.available()
    name = st.text_input("Name of the model", value=_free(run.name, shipped), max_chars=80, key="publish_name").strip()
    st.markdown(
        "It is scored on the test split, which takes a minute or more, and written to "
        f"**checkpoints/{links.plain(name)}** with its card. Leave this open meanwhile."
    )
    if name in shipped:
        st.warning(f"There is a model {name} already: it will be replaced.", icon=":material/warning:")
    if not st.button("Publish it", type="primary", key="really_publish"):
        return
    bar = st.progress(0.0, text="Scoring it on the test split …")

    def progress(stage: str, done: int, total: int) -> None:
        bar.progress(min(done / max(total, 1), 1.0), text=f"Scoring it on the test split: {stage} …")

    try:
        folder = jobs.publish(run.name, name or None, progress)
    except UserError as error:
        st.warning(str(error), icon=":material/info:")
        return
    bar.empty()
    st.success(f"{folder.name} is among the shipped models now.", icon=":material/check_circle:")


def _free(name: str, taken: list[str]) -> str:
    """A name like this one that no model has."""
    return next(n for n in (name, *(f"{name}-{i}" for i in range(2, 10_000))) if n not in taken)
