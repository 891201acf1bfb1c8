"""Evaluate a model from the page: what on what, how far it is, stop and go on."""

from __future__ import annotations

import shlex
from pathlib import Path

import streamlit as st

from sat.data import shapes
from sat.data.dataset import cache_root, data_root
from sat.errors import UserError
from sat.evaluation import background
from sat.evaluation.background import Job, Order
from sat.jobs import allowed, runs_root
from sat.ui import datasets, links
from sat.ui.mistakes import nav
from sat.ui.models import NO_MODELS, RUN, config_of, folder_of, model_names

MODEL, DATA, SPLIT = "model", "data", "split"  # in the address
DRAWN, FOLDER = "drawn", "folder"
LABELS = {**datasets.KNOWN, DRAWN: "Shapes, drawn here", FOLDER: "A folder of your own"}
COUNT = {"dev": 200, "test": 200}  # pictures that are drawn here
REFRESH = 1.0  # seconds
STATES = {
    "starting": ("blue", "starting"),
    "running": ("blue", "running"),
    "stopping": ("orange", "stopping"),
    "stopped": ("gray", "stopped"),
    "failed": ("red", "failed"),
    "finished": ("green", "finished"),
}
DOING = {
    "loading": "loading the model",
    "annotations": "looking at the pictures",
    "captions": "writing captions",
    "grounding": "reading the references",
    "rows": "judging",
}


def evaluate() -> None:
    """Draw it."""
    if not allowed():
        st.markdown(
            "This is a public demo, so nothing can be evaluated here. On a machine of your own this page does, or:"
        )
        st.code("python -m sat evaluate --model soft-flickr8k --split test --out results/soft", language="bash")
        return
    names = model_names()
    if not names:
        st.info(NO_MODELS, icon=":material/model_training:")
        return
    _form(names)
    every = REFRESH if any(job.active for job in background.jobs(runs_root())) else None
    st.fragment(_jobs, run_every=every)()


def _form(names: list[str]) -> None:
    sets = [*(name for name in datasets.prepared() if name in datasets.KNOWN), FOLDER]
    if "shapes" not in sets:
        sets.insert(len(sets) - 1, DRAWN)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        model = links.select(
            "Model", names, {name: name for name in names}, name=MODEL, default=names[0], new_caption=False
        )
        trained = "shapes" if model.startswith("shapes") else "flickr8k"
        usual = next((name for name in (trained, DRAWN) if name in sets), sets[0])
        dataset = links.select("Data set", sets, LABELS, name=DATA, default=usual, new_caption=False)
        split = links.select(
            "Split", ["test", "dev"], {"test": "test", "dev": "dev"}, name=SPLIT, default="test", new_caption=False
        )
    data: str | None = None
    if dataset == FOLDER:
        data = st.text_input(
            "The folder",
            key="evaluated_folder",
            placeholder="/home/me/pictures",
            help="On the server: pictures and a captions.csv that begins `image,caption` or `image,caption,split`.",
        ).strip()
        st.caption(
            "Without boxes there is no grounding, and no looked right, said right; with one caption a picture, people "
            "cannot be set against each other. All else works."
        )
    order = Order(_named(model), "shapes" if dataset == DRAWN else dataset, split, data or _root(dataset))
    st.caption("The same from a shell:")
    out = str(runs_root() / background.FOLDER / order.name)
    st.code(shlex.join(["python", "-m", "sat", "evaluate", *order.options, "--out", out]), language="bash")
    started = st.button(
        "Evaluate",
        icon=":material/play_arrow:",
        key="evaluate",
        disabled=dataset == FOLDER and not data,
    )
    if config_of(model).encoder and dataset not in ("shapes", DRAWN):
        st.caption("The first time, the encoder looks at every picture of the split: some minutes for a thousand.")
    if started:
        try:
            if dataset == DRAWN:
                with st.spinner("Drawing the pictures …"):
                    shapes.generate(Path(str(order.data)) / "shapes", count=COUNT)
            background.start(runs_root(), order)
        except UserError as error:
            st.warning(str(error), icon=":material/warning:")
        else:
            st.rerun()


def _named(model: str) -> str:
    """As ``evaluate`` takes it."""
    return str(folder_of(model)) if model.startswith(RUN) else model


def _root(dataset: str) -> str | None:
    """The root folder that the process is told."""
    if dataset == DRAWN:
        return str((cache_root() / "drawn").resolve())
    return str(data_root().resolve())


def _jobs() -> None:
    found = background.jobs(runs_root())
    if not found:
        return
    st.subheader("Evaluations started here", anchor=False)
    known = st.session_state.get("_running", set())
    running = {job.name for job in found if job.active}
    st.session_state["_running"] = running
    if known - running:
        st.rerun()  # the whole page: there is a new evaluation to choose
    for job in found:
        _job(job)


def _job(job: Job) -> None:
    colour, said = STATES[job.state]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{links.plain(job.name)}**", width="stretch")
            st.badge(said, color=colour)  # type: ignore[arg-type]
            if job.active:
                st.button(
                    "Stop", icon=":material/stop:", key=f"stop {job.name}", disabled=job.state == "stopping",
                    on_click=background.stop, args=(runs_root(), job.name),
                )  # fmt: skip
            elif job.state != "finished":
                if st.button("Go on", icon=":material/play_arrow:", key=f"resume {job.name}"):
                    background.start(runs_root(), job.order)
                    st.rerun()
            else:
                st.button(
                    "Open", icon=":material/troubleshoot:", key=f"open {job.name}", on_click=nav.go,
                    args=("overview",), kwargs={nav.EVAL: f"{runs_root().name}/{background.FOLDER}/{job.name}"},
                )  # fmt: skip
        if job.active:
            share = job.done / job.total if job.total else 0.0
            doing = DOING.get(job.doing, job.doing or "starting")
            st.progress(min(share, 1.0), text=f"{doing}: {job.done} of {job.total}" if job.total else doing)
        if job.problem:
            st.error(job.problem, icon=":material/error:")
            if job.log:
                with st.expander("What it said last"):
                    st.code(job.log, language=None)
