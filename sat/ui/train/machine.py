"""The time machine: the fixed pictures of a run with caption and attention at every epoch."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st

from sat.data.dataset import data_root
from sat.data.registry import load_dataset
from sat.drawing.words import first_content_word
from sat.errors import UserError
from sat.images import Picture, read_picture
from sat.jobs import Run
from sat.models.encoder import Geometry
from sat.trace import Trace
from sat.training.run import RunFolder
from sat.ui.player import word_player


def time_machine(run: Run) -> None:
    """Draw it, if the run has finished an epoch."""
    epochs = sample_files(run)
    if not epochs:
        return
    st.subheader("Attention being born", anchor=False)
    st.caption("The same pictures at the end of every epoch. Move through the epochs, and step through the words.")
    st.fragment(_look)(run, epochs)


def sample_files(run: Run) -> list[Path]:
    """The pictures of every epoch that is done, in order."""
    return sorted((run.path / "samples").glob("epoch-*.json"))


def _look(run: Run, epochs: list[Path]) -> None:
    latest = _records(str(epochs[-1]), epochs[-1].stat().st_mtime)
    if not latest:
        st.caption("The pictures of this run cannot be read.")
        return
    left, right = st.columns([0.6, 0.4], gap="medium")
    with right:
        at = 0
        if len(latest) > 1:
            at = st.pills(
                "Picture",
                range(len(latest)),
                format_func=lambda i: str(i + 1),
                default=0,
                required=True,
                key="machine_picture",
            )
        epoch = len(epochs)
        if len(epochs) > 1:
            epoch = _epoch(run.name, len(epochs))
    captions = []
    trace: Trace | None = None
    for number, path in enumerate(epochs, start=1):
        records = _records(str(path), path.stat().st_mtime)
        record = records[at] if at < len(records) else None
        if record is None:
            continue
        captions.append((number, " ".join(record["words"])))
        if number == epoch:
            trace = Trace.from_dict(record)
    if trace is None:
        st.caption("This epoch's pictures cannot be read.")
        return
    with left:
        try:
            picture = _picture(run, latest[at]["image"])
        except UserError as error:
            st.info(f"The picture cannot be shown here: {error}", icon=":material/info:")
            return
        config = RunFolder(run.path).config.model
        word_player(
            picture,
            trace,
            Geometry(config.rows, config.columns, config.image_size // config.columns, config.image_size),
            key="machine",
            start=first_content_word(trace.words),
            reason="This model has no attention; its caption still changes." if trace.attention == "none" else None,
        )
    with right:
        st.table(
            {
                "Epoch": [f"**{n}**" if n == epoch else str(n) for n, _ in captions],
                "Caption": [f"**{text}**" if n == epoch else text for n, text in captions],
            },
            hide_index=True,
        )


def _epoch(name: str, last: int) -> int:
    """The epoch that is looked at: while a run goes on the last one, unless the person has gone back."""
    key, seen = f"machine_epoch {name}", f"_machine_last {name}"
    now = st.session_state.get(key)
    if now is None or now == st.session_state.get(seen) or now > last:
        st.session_state[key] = last
    st.session_state[seen] = last
    return int(st.slider("Epoch", 1, last, key=key))


@st.cache_data(max_entries=64, show_spinner=False)
def _records(path: str, modified: float) -> list[dict]:
    """The traces of one epoch; none where the file is damaged."""
    try:
        records = json.loads(Path(path).read_text(encoding="utf-8"))
        for record in records:
            Trace.from_dict(record)
    except (OSError, ValueError, TypeError, UserError):
        return []
    return records


def _picture(run: Run, name: str) -> Picture:
    config = RunFolder(run.path).config
    return _read(config.dataset, config.data or str(data_root()), name)


@st.cache_data(max_entries=32, show_spinner=False)
def _read(dataset: str, root: str, name: str) -> Picture:
    for example in load_dataset(dataset, root).examples:
        if example.name == name:
            return read_picture(example.path)
    raise UserError(f"{dataset} has no picture {name}.")
