"""The overview: how good the captions are, what goes with bad ones, what is made up, and the worst of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from sat.drawing import charts_mistakes
from sat.evaluation.browse import Condition
from sat.evaluation.drivers import Driver, drivers
from sat.evaluation.rows import SCORES
from sat.ui import links
from sat.ui.mistakes import nav
from sat.ui.mistakes.filters import classes
from sat.ui.mistakes.listing import list_rows
from sat.ui.mistakes.opened import Opened
from sat.ui.mistakes.query import ANY, HELP, MEASURES, Query

CHART = {"displayModeBar": False}
WORST = 5
SCORE = "score"  # in the address


def overview(opened: Opened, person: str) -> None:
    """Draw it."""
    _headline(opened)
    usual = Query()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("The captions of lowest CIDEr", anchor=False, width="stretch")
        st.button("All captions", icon=":material/list:", key="all", on_click=nav.show, args=(usual,))
    worst = opened.store.page(sort="CIDEr", count=WORST).rows
    list_rows(opened, usual, worst, key="worst", person=person)
    left, right = st.columns(2, gap="large")
    with left:
        _what_goes_with(opened)
    with right:
        _how_it_lies(opened)
    _made_up(opened)


def _headline(opened: Opened) -> None:
    scores = opened.metrics.get("standard") or {}
    objects = opened.hallucination.get("objects") or {}
    model, human = objects.get("model") or {}, objects.get("human") or {}
    attention = opened.metrics.get("attention") or {}
    with st.container(horizontal=True, gap="medium"):
        for name in ("CIDEr", "METEOR", "BLEU-4"):
            if scores.get(name) is not None:
                st.metric(name, f"{scores[name]:.1f}", help="Of the whole split, standard protocol.", width="content")
        _against("Objects made up", model.get("chair_i"), human.get("chair_i"), "inverse", _CHAIR)
        _against("Captions with one", model.get("chair_s"), human.get("chair_s"), "inverse", _CHAIR)
        _against("Objects named", model.get("recall"), human.get("recall"), "normal", _RECALL)
        if attention.get("effective_places") is not None:
            st.metric(
                "Looks at",
                f"{attention['effective_places']:.0f} places",
                help=f"Effective number of places, of {opened.geometry.rows * opened.geometry.columns}.",
                width="content",
            )
    if model.get("chair_i") is not None and human.get("chair_i") is not None:
        less = model["chair_i"] <= human["chair_i"]
        st.markdown(
            f"**What this means:** {_percent(model['chair_i'])} of the objects it names are borne out by no reference; "
            f"of the objects that people name it is {_percent(human['chair_i'])}, each judged by the others. "
            + ("By this measure it makes up no more than a person." if less else "The rest is the model's own making.")
        )


_CHAIR = (
    "An object is made up where no reference names it (CHAIR). Below: one person's caption, judged by the others of "
    "the same picture. References leave things unsaid, so only the distance between the two says something."
)
_RECALL = "Of the objects that the references name, how many the caption names. Below: one person's caption."


def _against(label: str, value: float | None, human: float | None, colour: Any, help: str) -> None:
    if value is None:
        return
    delta = None if human is None else f"people {_percent(human)}"
    st.metric(label, _percent(value), delta=delta, delta_color="off", delta_arrow="off", help=help, width="content")


def _what_goes_with(opened: Opened) -> None:
    st.subheader("What goes with a good caption?", anchor=False)
    score = links.select(
        "Score", list(SCORES), {name: name for name in SCORES}, name=SCORE, default="CIDEr", new_caption=False
    )
    found = [one for one in _drivers(opened.found.folder, opened.key, opened) if one.score == score]
    if not found:
        st.caption("There are too few captions to say.")
        return
    found.sort(key=lambda one: -abs(one.rho))
    rows = [(MEASURES[one.measure], one.rho, one.low, one.high) for one in found]
    said = "; ".join(f"{label} {rho:.2f}" for label, rho, _, _ in rows)
    st.plotly_chart(
        charts_mistakes.correlations(rows), config=CHART, key="drivers", alt=f"Rank correlations with {score}: {said}"
    )
    st.caption(
        "Spearman's rank correlation over the captions, with 95 % intervals; grey ones may be nothing. What goes "
        "together need not cause each other."
    )
    strongest = found[0]
    if not strongest.low <= 0 <= strongest.high:
        way = "larger" if strongest.rho > 0 else "smaller"
        st.markdown(
            f"**What this means:** captions of higher {score} have a {way} {MEASURES[strongest.measure]}; of all that "
            "was measured, this goes with it most."
        )


def _how_it_lies(opened: Opened) -> None:
    st.subheader("How a number lies over the captions", anchor=False)
    there = opened.store.columns()
    names = [name for name in MEASURES if name in there]
    measure = st.selectbox("Number", names, format_func=MEASURES.__getitem__, key="histogram_of", width=260)
    values = opened.store.values([measure])[measure]
    if np.isnan(values).all():
        st.caption(f"This evaluation has no {MEASURES[measure]}: {why_missing(opened, measure)}")
        return
    figure, ends = charts_mistakes.histogram(values, MEASURES[measure])
    key = f"histogram {opened.found.name} {measure}"

    def picked() -> None:
        points = st.session_state[key].selection.points
        index = points[0].get("point_index") if points else None
        if isinstance(index, int) and 0 <= index < len(ends):
            low, high = ends[index]
            nav.show(Query(sort=measure, measure=measure, low=_down(low), high=_up(high)))

    st.plotly_chart(
        figure,
        config=CHART,
        key=key,
        on_select=picked,
        selection_mode="points",
        alt=f"Histogram of {MEASURES[measure]}; click a bar to see its captions",
    )
    st.caption(f"{HELP[measure]} Click a bar to see its captions.")


def why_missing(opened: Opened, measure: str) -> str:
    """What a measure would need."""
    if measure in ("box_mass",):
        return (
            "it needs a model that attends, and boxes that people drew (`entities_aligned.jsonl.gz` of the data set)."
        )
    if measure in ("entropy", "step_divergence", "beta", "necessity"):
        return "it needs a model with attention."
    return "the model does not hold its mean image." if measure == "evidence" else "it was not measured."


def _made_up(opened: Opened) -> None:
    by_kind = opened.hallucination.get("by_kind") or {}
    rows = [
        {
            "kind": kind,
            "said": of["model"]["mentions"],
            "made up": of["model"]["chair_i"],
            "people make up": of["human"]["chair_i"],
            "named of those there": of["model"]["recall"],
            "people name": of["human"]["recall"],
        }
        for kind, of in by_kind.items()
        if of["model"]["mentions"]
    ]
    if not rows:
        return
    st.subheader("What is made up?", anchor=False)
    left, right = st.columns([0.62, 0.38], gap="large")
    with left:
        number = st.column_config.NumberColumn(format="%.1f %%")
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="–",
            width="stretch",
            height="content",
            column_config={name: number for name in list(rows[0])[2:]},
        )
        worst = max(rows, key=lambda row: (row["made up"] or 0) - (row["people make up"] or 0))
        gap = (worst["made up"] or 0) - (worst["people make up"] or 0)
        if gap > 0:
            st.markdown(
                f"**What this means:** it goes wrong most with {worst['kind']}: {_percent(worst['made up'] or 0)} of "
                f"those it says are borne out by no reference, against {_percent(worst['people make up'] or 0)} of "
                "people's."
            )
    with right:
        st.markdown("**Most often made up**")
        most = list(classes(opened)[0].items())[:8]
        if not most:
            st.caption("Nothing: every class that it names is borne out.")
        with st.container(horizontal=True):
            for name, count in most:
                st.button(f"{name} ({count})", key=f"made up {name}", on_click=nav.show, args=(Query(wrong=name),))
        objects = opened.store.count([Condition("hallucinated", ">", 0)])
        if objects:
            st.button(
                f"All {objects} captions with an object made up",
                key="made up any",
                icon=":material/list:",
                on_click=nav.show,
                args=(Query(wrong=ANY),),
            )


@st.cache_resource(max_entries=6, show_spinner=False)
def _drivers(folder: Any, key: str, _opened: Opened) -> list[Driver]:
    return drivers(_opened.store)


def _percent(value: float) -> str:
    return f"{value:.1f} %"


def _down(value: float) -> float:
    """Rounded so that the number in the address is not above it."""
    return _rounded(value, math.floor)


def _up(value: float) -> float:
    return _rounded(value, math.ceil)


def _rounded(value: float, way: Any) -> float:
    if value == 0:
        return 0.0
    scale = 10 ** (4 - math.floor(math.log10(abs(value))))
    return way(value * scale) / scale
