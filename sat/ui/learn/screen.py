"""One screen of a chapter: text, formula, a question before the numbers, and the numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from sat.lessons.chapter import Chapter, Screen
from sat.lessons.engine import Filled, fill
from sat.lessons.scene import Scene
from sat.ui.learn.classroom import guessed
from sat.ui.learn.known import how_we_know
from sat.ui.learn.live import numbers


def draw_screen(chapter: Chapter, screen: Screen, scene: Scene) -> None:
    """Draw it. What takes long is computed when it is asked for."""
    st.subheader(screen.title, anchor=False)
    for paragraph in screen.text.split("\n\n"):
        st.markdown(paragraph)
    if screen.formula:
        st.latex(screen.formula)
    key = f"{chapter.slug}/{screen.slug}"
    if screen.slow:
        asked = f"{key}/{scene.trace.identity}/{scene.step}"
        if st.session_state.get("_asked") != asked:
            st.button(
                "Compute it on this picture",
                icon=":material/calculate:",
                key=f"compute {key}",
                on_click=st.session_state.__setitem__,
                args=("_asked", asked),
            )
            how_we_know(screen.known)
            return
    with st.spinner("Computing …", show_time=False):
        filled = scene.once(_filler(screen), each_step=True)
    if filled.missing:
        st.info(filled.missing, icon=":material/info:")
    elif filled.numbers is not None and (filled.question is None or guessed(key, filled.question)):
        numbers(filled.numbers, scene)
    if screen.further is not None:
        st.page_link(
            f"pages/{screen.further.page}.py",
            label=screen.further.label,
            icon=":material/arrow_outward:",
            query_params=dict(screen.further.query),
        )
    how_we_know(screen.known)


@lru_cache(maxsize=256)
def _filler(screen: Screen) -> Callable[[Scene], Filled]:
    """A function of the scene, the same object for the same screen, so that a scene remembers its result."""
    return lambda scene: fill(screen, scene)
