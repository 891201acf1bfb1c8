"""Pictures pasted from the clipboard (one Streamlit component, v2, that shows nothing)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from pathlib import Path

import streamlit as st

MAX_CHARACTERS = 8_000_000  # of a pasted picture; the browser sends far less

_component = st.components.v2.component(
    "sat_paste", js=(Path(__file__).parent / "paste.js").read_text(encoding="utf-8"), html="<span hidden></span>"
)


def pasting(*, key: str, on_paste: Callable[[bytes], None]) -> None:
    """Listen for pasted pictures.

    Args:
        key: of the component.
        on_paste: gets the bytes of one (a JPEG, if the browser is honest) before the page runs again.
    """

    def pasted() -> None:
        on_paste(decoded(st.session_state[key].pasted))

    _component(key=key, on_pasted_change=pasted, height=1)


def decoded(sent: object) -> bytes:
    """The bytes that the browser sent as base64; none where it is something else."""
    if not isinstance(sent, str) or len(sent) > MAX_CHARACTERS:
        return b""
    try:
        return base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        return b""
