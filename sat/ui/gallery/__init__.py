"""Thumbnails to choose a sample picture from (one Streamlit component, v2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from sat.ui.untouched import untouched

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "sat_gallery",
    html=(_HERE / "gallery.html").read_text(encoding="utf-8"),
    css=(_HERE / "gallery.css").read_text(encoding="utf-8"),
    js=(_HERE / "gallery.js").read_text(encoding="utf-8"),
)


def gallery(
    items: Sequence[tuple[str, str, str]], chosen: str | None, *, key: str, on_choose: Callable[[str], None]
) -> None:
    """Show thumbnails and call ``on_choose`` with the name of the one that is picked, before the page runs again.

    Args:
        items: name, label and thumbnail (a data URL) of each.
        chosen: the name of the one that is marked; None marks none.
        key: of the component.
        on_choose: gets one of the names.
    """
    names = {name for name, _, _ in items}

    def picked() -> None:
        name = st.session_state[key].chosen
        if name in names:
            on_choose(name)

    _component(
        key=key,
        data=untouched(
            {"items": [{"name": n, "label": label, "thumbnail": t} for n, label, t in items], "chosen": chosen}
        ),
        on_chosen_change=picked,
    )
