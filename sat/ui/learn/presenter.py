"""Presenter mode: larger type for a class, and nothing on the page but the screen."""

from __future__ import annotations

import streamlit as st

PRESENTER = "presenter"  # in the address
_STYLE = """<style>
.stMain p, .stMain li, .stMain label, .stMain td, .stMain th, .stMain .facts dt, .stMain .tally dt, .stMain .tally dd
  {font-size: 1.35rem !important; line-height: 1.5}
.stMain .facts dd {font-size: 1.9rem}
.stMain .facts {grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr))}
.stMain h3 {font-size: 2.4rem !important}
.stMain .katex {font-size: 1.6em}
.stMain .js-plotly-plot text {font-size: 17px !important}
.stMain .stButton button p {font-size: 1.2rem !important}
.stMain [data-testid="stMainBlockContainer"] {padding-top: 4.5rem; max-width: none}
.st-key-title, .st-key-purpose, .st-key-choices, .st-key-how-we-know, .st-key-handout {display: none}
</style>"""


def presenter_switch() -> bool:
    """Draw the switch; whether it is on."""
    on = st.toggle(
        "Presenter mode",
        key=PRESENTER,
        bind="query-params",
        help="Larger type and only the screen itself. N and B turn the screens, the arrows the words, Enter reveals.",
    )
    if on:
        st.html(_STYLE)
    return on
