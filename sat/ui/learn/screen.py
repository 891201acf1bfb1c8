"""One screen of a chapter: text, formula, a question before the numbers, and the numbers."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import streamlit as st

from sat.drawing import charts_lessons
from sat.drawing.overlay import View, overlay
from sat.drawing.signed import signed_overlay
from sat.drawing.words import describe
from sat.errors import UserError
from sat.lessons.chapter import Chapter, Known, Screen
from sat.lessons.engine import Filled, Posed, fill, source_line, test_line
from sat.lessons.numbers import Map, Numbers
from sat.lessons.scene import Scene
from sat.lessons.tally import Tally
from sat.ui import links
from sat.ui.closer import small

CHART = {"displayModeBar": False}
CLASS = "class"  # in the address: the word that a class shares
COLUMNS = 4  # of values


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
            if not st.button("Compute it on this picture", icon=":material/calculate:", key=f"compute {key}"):
                _known(screen.known)
                return
            st.session_state["_asked"] = asked
    with st.spinner("Computing …", show_time=False):
        filled = scene.once(_filler(screen), each_step=True)
    if filled.missing:
        st.info(filled.missing, icon=":material/info:")
    elif filled.numbers is not None and (filled.question is None or _question(key, filled.question)):
        numbers(filled.numbers, scene)
    _known(screen.known)


@lru_cache(maxsize=256)
def _filler(screen: Screen) -> Callable[[Scene], Filled]:
    """A function of the scene, the same object for the same screen, so that a scene remembers its result."""
    return lambda scene: fill(screen, scene)


def numbers(found: Numbers, scene: Scene) -> None:
    """Values, the formula with the numbers in it, tables, charts, maps and trees."""
    if found.filled:
        st.latex(found.filled)
    shown = found.shown
    for first in range(0, len(shown), COLUMNS):
        for column, value in zip(st.columns(COLUMNS), shown[first : first + COLUMNS], strict=False):
            with column:
                st.caption(value.label)
                st.markdown(f"**{value.text}**")
    if found.maps and scene.picture is not None:
        for column, one in zip(st.columns(max(len(found.maps), 2)), found.maps, strict=False):
            with column:
                st.image(_map(one, scene), caption=one.title, alt=f"{one.title}: {_said(one)}", width="stretch")
    for i, chart in enumerate(found.charts):
        st.markdown(f"**{chart.title}**")
        st.plotly_chart(charts_lessons.chart(chart), config=CHART, key=f"lesson {i} {chart.title}", alt=chart.title)
    for i, tree in enumerate(found.trees):
        st.markdown(f"**{tree.title}**")
        st.plotly_chart(charts_lessons.tree(tree), config=CHART, key=f"tree {i} {tree.title}", alt=tree.title)
    for table in found.tables:
        st.markdown(f"**{table.title}**")
        rows = [table.text(row) for row in range(len(table.rows))]
        st.table({name: [row[i] for row in rows] for i, name in enumerate(table.columns)}, hide_index=True)


def _question(key: str, posed: Posed) -> bool:
    """Predict, then reveal; whether the numbers may be shown."""
    answered: dict[str, int] = st.session_state.setdefault("_answers", {})
    mine = f"{key}: {posed.prompt}"
    with st.container(border=True):
        st.markdown(f"**First guess.** {posed.prompt}")
        chosen = st.radio(
            "Your guess",
            range(len(posed.options)),
            format_func=posed.options.__getitem__,
            index=answered.get(mine),
            key=f"guess {mine}",
            label_visibility="collapsed",
        )
        left, right = st.columns(2)
        if chosen is not None and left.button("Reveal", type="primary", key=f"reveal {key}", shortcut="Enter"):
            answered[mine] = chosen
            _vote(key, posed, chosen)
        skipped = right.button("Show the numbers without guessing", key=f"skip {key}", type="tertiary")
        if skipped:
            answered[mine] = -1
        if mine not in answered:
            return False
        right_one = answered[mine] == posed.answer
        if answered[mine] >= 0:
            (st.success if right_one else st.info)(
                f"{'Yes' if right_one else 'No'}: {posed.options[posed.answer]}. {posed.reveal}"
            )
        else:
            st.markdown(f"{posed.options[posed.answer]}. {posed.reveal}")
        _tally(key, posed)
    return True


def _vote(key: str, posed: Posed, option: int) -> None:
    try:
        _tallies().vote(_named(key), _voter(), option, len(posed.options))
    except UserError as error:
        st.caption(links.literal(str(error)))


def _tally(key: str, posed: Posed) -> None:
    counts = _tallies().counts(_named(key), len(posed.options))
    if sum(counts) > 1:
        st.caption("So far: " + "; ".join(f"{o}: {n}" for o, n in zip(posed.options, counts, strict=True)))
        if st.query_params.get(CLASS) and st.button("Reset the class's answers", key=f"reset {key}", type="tertiary"):
            _tallies().reset(_named(key))
            st.rerun()


def _named(key: str) -> str:
    return f"{st.query_params.get(CLASS, '')[:40]}/{key}"


def _voter() -> str:
    return str(st.session_state.setdefault("_voter", secrets.token_hex(8)))


@st.cache_resource(show_spinner=False)
def _tallies() -> Tally:
    return Tally()


def _known(known: Known) -> None:
    with st.expander("How do we know?"):
        file, line = source_line(known)
        st.markdown(f"The code: `{file}`, line {line}.")
        try:
            path, at = test_line(known)
            st.markdown(f"The test that holds it to its word: `{path}`, line {at}, `{known.test.partition('::')[2]}`.")
        except LookupError:
            st.markdown(f"The test that holds it to its word: `{known.test}`.")


def _map(one: Map, scene: Scene) -> np.ndarray:
    assert scene.picture is not None, "maps are drawn over a picture"
    shown = small(scene.picture)
    if one.signed:
        return signed_overlay(shown, one.values, float(np.abs(one.values).max()), sigma=8.0)
    return overlay(shown, one.values[None], 0, View(style="heat", scale="own", sigma=8.0))


def _said(one: Map) -> str:
    values = np.nan_to_num(one.values).clip(0)
    return describe(values / values.sum()).removeprefix("looks ") if values.any() else "nothing above 0"
