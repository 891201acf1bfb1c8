"""Save what is on the screen: figures, the animation and the numbers. Files are made when they are asked for."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sat.drawing.export import FORMATS, figure_bytes
from sat.drawing.figure import Figure
from sat.drawing.strip import focus, strip
from sat.images import Picture
from sat.trace import Trace
from sat.ui.player import Played


def save_buttons(picture: Picture, trace: Trace, current: Callable[[], Played], name: str) -> None:
    """A row of buttons for the strip, the word and the trace.

    Args:
        current: where the person is at the moment of the click. The buttons must stay outside the fragment that follows
            the player: every time they are drawn they get new addresses, and a click just then would be lost.
        name: what file names begin with.
    """
    stem = f"{name}-{trace.model}"

    def words() -> Figure:
        return strip(picture, [trace], current().view)

    def word() -> Figure:
        return focus(picture, trace, current().step, current().view)

    with st.container(horizontal=True, gap="medium", key="save"):
        with _group("Save all words"):
            for suffix in (".png", ".svg", ".pdf", ".gif"):
                _figure_button(suffix, f"{stem}-strip", words, "every word with its map")
        with _group("This word"):
            for suffix in (".png", ".svg", ".pdf"):
                _figure_button(suffix, f"{stem}-word", word, "this word's map")
        with _group("The numbers"):
            _button(
                "JSON", partial(trace_json, trace), f"{stem}.json", "application/json", "every number of the caption"
            )
            _button("NPZ", partial(trace_npz, trace), f"{stem}.npz", "application/zip", "the arrays, for numpy")


def _group(label: str) -> DeltaGenerator:
    """A label with its buttons, kept together where the row breaks."""
    group = st.container(horizontal=True, vertical_alignment="center", gap="small", width="content")
    group.markdown(label, width="content")
    return group


def _figure_button(suffix: str, stem: str, make: Callable[[], Figure], what: str) -> None:
    label = suffix[1:].upper()
    _button(label, lambda: figure_bytes(make(), suffix), stem + suffix, FORMATS[suffix], f"{what}, as {label}")


def _button(label: str, data: Callable[[], bytes], file: str, mime: str, what: str) -> None:
    st.download_button(
        label, data, file_name=file, mime=mime, on_click="ignore", key=f"save {file}", help=f"Save {what}"
    )


def trace_json(trace: Trace) -> bytes:
    """The trace as the JSON file that is saved."""
    return json.dumps(trace.to_dict()).encode("utf-8")


def trace_npz(trace: Trace) -> bytes:
    """The trace as the NPZ file that is saved."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.npz"
        trace.save_npz(path)
        return path.read_bytes()
