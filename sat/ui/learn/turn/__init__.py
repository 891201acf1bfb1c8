"""The top of a screen, brought into view when the screen is turned (one Streamlit component, v2).

The buttons that turn stand under a screen, and the next one begins above them: on a phone out of sight.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "sat_turn",
    html='<div class="top"></div>',
    css=".top {scroll-margin-top: 5rem}",  # the page's own bar lies over its top
    js=(_HERE / "turn.js").read_text(encoding="utf-8"),
)


def top_of(screen: str) -> None:
    """Mark the place as the top of a screen.

    Args:
        screen: its name; where it is another than before, the place is brought into view.
    """
    _component(key="top_of_screen", data={"screen": screen}, height=1)
