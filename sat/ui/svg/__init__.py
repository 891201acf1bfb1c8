"""An SVG drawing in the page's own colours (one Streamlit component, v2): Streamlit's HTML leaves drawings out."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "sat_svg",
    html='<div class="scroll" tabindex="0" role="group"></div>',
    css=(_HERE / "svg.css").read_text(encoding="utf-8"),
    js=(_HERE / "svg.js").read_text(encoding="utf-8"),
)


def svg(drawing: str, *, key: str, label: str) -> None:
    """Show a drawing; one that is wider than its place can be scrolled, with the keyboard too.

    Args:
        drawing: an ``svg`` element that this program made; what it says must have been escaped.
        key: of the component.
        label: what it shows, for those who do not see it.
    """
    _component(key=key, data={"drawing": drawing, "label": label}, width="stretch")
