"""The best next words at a step, to choose another one from (one Streamlit component, v2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from sat.drawing.charts import percent
from sat.trace import Step
from sat.ui.untouched import untouched

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "sat_alternatives",
    html=(_HERE / "alternatives.html").read_text(encoding="utf-8"),
    css=(_HERE / "alternatives.css").read_text(encoding="utf-8"),
    js=(_HERE / "alternatives.js").read_text(encoding="utf-8"),
)


def alternatives(step: Step, identity: str, *, key: str, on_choose: Callable[[str], None] | None = None) -> None:
    """Show the best next words of a step as bars, the one that was written in colour.

    A word that was written without being among the best (sampling) is added below them.

    Args:
        identity: of the caption and the step; a click on an older list is ignored.
        key: of the component.
        on_choose: called with another word of the list when it is clicked, before the page runs again; None: the words
            are only shown.
    """
    rows = list(step.top)
    if step.word not in (word for word, _ in rows):
        rows.append((step.word, math.exp(step.log_prob)))
    words = {word for word, _ in rows}

    def chosen() -> None:
        reported = st.session_state[key].chosen
        if (
            on_choose
            and isinstance(reported, dict)
            and reported.get("id") == identity
            and reported.get("word") in words
        ):
            on_choose(reported["word"])

    _component(
        key=key,
        data=untouched(
            {
                "id": identity,
                "top": max(p for _, p in rows),
                "choosable": on_choose is not None,
                "words": [{"word": w, "share": p, "percent": percent(p), "written": w == step.word} for w, p in rows],
            }
        ),
        on_chosen_change=chosen,
        width="stretch",
    )
