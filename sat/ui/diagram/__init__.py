"""Live diagrams whose parts lead to their chapters (one Streamlit component, v2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from sat.ui.untouched import untouched

_HERE = Path(__file__).parent
NAMES = ("pipeline", "cell")
_DRAWINGS = "".join((_HERE / f"{name}.svg").read_text(encoding="utf-8") for name in NAMES)
_component = st.components.v2.component(
    "sat_diagram",
    html=f'<div class="scroll">{_DRAWINGS}</div>',
    css=(_HERE / "diagram.css").read_text(encoding="utf-8"),
    js=(_HERE / "diagram.js").read_text(encoding="utf-8"),
)


def diagram(
    name: str,
    numbers: Mapping[str, str],
    *,
    key: str,
    here: str,
    on_part: Callable[[str, str], None],
    images: Mapping[str, str] | None = None,
    gauges: Mapping[str, float] | None = None,
    words: Sequence[str] = (),
    at: int = 0,
) -> None:
    """Show a diagram; its parts are links into the chapters.

    Args:
        name: ``pipeline`` (picture, annotations, attention, LSTM, words) or ``cell`` (the LSTM with its gates).
        numbers: what is written at the parts, by the part's name.
        key: of the component.
        here: the chapter and screen that one is at, ``chapter/screen``; its part is marked.
        on_part: called with chapter and screen when a part is clicked, before the page runs again.
        images: data URLs of what the parts show, by name (``picture``, ``annotations``, ``attention``).
        gauges: how far gates are open, 0 to 1, by name.
        words: of the caption; at: the current one.
    """

    def clicked() -> None:
        chapter, _, screen = str(st.session_state[key].part).partition("/")
        on_part(chapter, screen)

    data = {
        "name": name,
        "numbers": dict(numbers),
        "images": dict(images or {}),
        "gauges": dict(gauges or {}),
        "words": list(words),
        "at": at,
        "here": here,
    }
    _component(key=key, data=untouched(data), on_part_change=clicked, width="stretch")
