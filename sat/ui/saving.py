"""Save what is on the screen: figures, the animation and the numbers. Files are made when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sat.drawing.compare import comparison
from sat.drawing.export import FORMATS, figure_bytes
from sat.drawing.figure import Figure
from sat.drawing.overlay import View
from sat.drawing.strip import focus, strip
from sat.images import Picture
from sat.trace import Trace
from sat.ui.compare import Both
from sat.ui.player import Played


@dataclass(frozen=True)
class Shown:
    """What is on the screen: a picture and its caption, the open branch's caption if there is one, and the word."""

    picture: Picture
    trace: Trace
    branch: Trace | None
    played: Played


def save_buttons(shown: Callable[[], Shown], stem: str) -> None:
    """A row of buttons for the strip, the word and the trace.

    Args:
        shown: what is on the screen at the moment of the click. The buttons must stay outside the fragment that follows
            the player: every time they are drawn they get new addresses, and a click just then would be lost.
        stem: what file names begin with.
    """

    def words() -> Figure:
        now = shown()
        beside = now.branch is not None and now.branch.words and now.branch.picture == now.picture.digest
        return strip(now.picture, [now.trace, now.branch] if beside and now.branch else [now.trace], now.played.view)

    def word() -> Figure:
        now = shown()
        return focus(now.picture, now.trace, now.played.step, now.played.view)

    with st.container(horizontal=True, gap="medium", key="save"):
        with _group("Save all words"):
            for suffix in (".png", ".svg", ".pdf", ".gif"):
                _figure_button(suffix, f"{stem}-strip", words, "every word with its map")
        with _group("This word"):
            for suffix in (".png", ".svg", ".pdf"):
                _figure_button(suffix, f"{stem}-word", word, "this word's map")
        with _group("The numbers"):
            _button(
                "JSON",
                lambda: trace_json(shown().trace),
                f"{stem}.json",
                "application/json",
                "every number of the caption",
            )
            _button("NPZ", lambda: trace_npz(shown().trace), f"{stem}.npz", "application/zip", "the arrays, for numpy")


def save_comparison(both: Both, view: Callable[[], View], stem: str) -> None:
    """A row of buttons for the figure of two captions word against word, and for their numbers.

    Args:
        view: how maps are drawn at the moment of the click; as for ``save_buttons``, stay outside the fragment.
        stem: what file names begin with.
    """

    def figure() -> Figure:
        return comparison(both.picture, *both.traces, both.pairs, view(), same_text=both.same_text)

    def rows() -> Figure:
        return strip(both.picture, list(both.traces), view())

    with st.container(horizontal=True, gap="medium", key="save"):
        if any(trace.attention != "none" for trace in both.traces):
            with _group("Save the comparison"):
                for suffix in (".png", ".svg", ".pdf", ".gif"):
                    _figure_button(suffix, f"{stem}-compare", figure, "both models' maps and their difference")
            with _group("One over the other"):
                for suffix in (".png", ".svg", ".pdf"):
                    _figure_button(suffix, f"{stem}-rows", rows, "one model's maps over the other's, as in figure 2")
        with _group("The numbers"):
            _button(
                "JSON",
                lambda: comparison_json(both),
                f"{stem}-compare.json",
                "application/json",
                "every number of both captions",
            )


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


def comparison_json(both: Both) -> bytes:
    """Both traces and the pairs of their words as the JSON file that is saved."""
    first, second = both.traces
    pairs = [
        {
            "first": pair.first,
            "second": pair.second,
            "same": pair.same,
            "divergence": pair.divergence,
            "entropies": pair.entropies,
        }
        for pair in both.pairs
    ]
    record = {"same_text": both.same_text, "first": first.to_dict(), "second": second.to_dict(), "pairs": pairs}
    return json.dumps(record).encode("utf-8")


def trace_json(trace: Trace) -> bytes:
    """The trace as the JSON file that is saved."""
    return json.dumps(trace.to_dict()).encode("utf-8")


def trace_npz(trace: Trace) -> bytes:
    """The trace as the NPZ file that is saved."""
    return trace.npz_bytes()
