"""Widgets that choose which captions are listed, and in what order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from sat.evaluation.found import Found
from sat.review import STATES
from sat.ui import links
from sat.ui.mistakes import nav
from sat.ui.mistakes.opened import Opened, book
from sat.ui.mistakes.query import ANY, HELP, MEASURES, Query, descending_first
from sat.ui.mistakes.sets import named_set

STATE_LABELS = {"new": "not reviewed", "reviewed": "reviewed", "later": "later"}


def choose(opened: Opened, asked: Query, others: Sequence[Found]) -> None:
    """Draw the widgets; what is chosen goes into the address."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _select("Sort by", list(MEASURES), asked.sort, MEASURES.__getitem__, lambda v: _sorted(asked, v), width=220)
        st.button(
            "Largest first" if asked.descending else "Smallest first",
            icon=":material/arrow_downward:" if asked.descending else ":material/arrow_upward:",
            key="order",
            help=HELP[asked.sort],
            on_click=nav.show,
            args=(replace(asked, descending=not asked.descending, page=1),),
        )
        _text("Words in the caption", asked.words, "white star", lambda v: replace(asked, words=v, page=1))
        _text("In what people wrote", asked.refs, "three", lambda v: replace(asked, refs=v, page=1))
        label = "More filters" if not asked.filters else f"More filters ({asked.filters} in use)"
        with st.popover(label, icon=":material/filter_alt:"):
            _more(opened, asked)
        if asked.filters:
            usual = Query(sort=asked.sort, descending=asked.descending)
            st.button("Clear", icon=":material/filter_alt_off:", key="clear", on_click=nav.show, args=(usual,))
    if asked.set:
        named = named_set(asked.set, opened, others)
        if named is not None:
            st.caption(f"Only {links.plain(named.label)}.")


def _more(opened: Opened, asked: Query) -> None:
    made_up, referred = classes(opened)
    wrong = ["", ANY, *made_up]
    labels = {"": "–", ANY: "any object", **{name: f"{name} ({count})" for name, count in made_up.items()}}
    if asked.wrong not in wrong:
        wrong.append(asked.wrong)
    _select(
        "Makes up",
        wrong,
        asked.wrong,
        lambda v: labels.get(v, v),
        lambda v: replace(asked, wrong=v, page=1),
        help="Named by the caption and borne out by no reference; people may have left it unsaid.",
    )
    things = ["", *referred] if asked.object in ("", *referred) else ["", *referred, asked.object]
    _select(
        "Shows, by what people wrote",
        things,
        asked.object,
        lambda v: f"{v} ({referred.get(v, 0)})" if v else "–",
        lambda v: replace(asked, object=v, page=1),
    )
    tags = ["", *dict.fromkeys([*book().known_tags(opened.key), *([asked.tag] if asked.tag else [])])]
    _select("Tag", tags, asked.tag, lambda v: v or "–", lambda v: replace(asked, tag=v, page=1))
    _select(
        "My review",
        ["", *STATES],
        asked.state if asked.state in STATES else "",
        lambda v: STATE_LABELS.get(v, "–"),
        lambda v: replace(asked, state=v, page=1),
    )
    measures = ["", *MEASURES]
    _select(
        "Only where",
        measures,
        asked.measure,
        lambda v: MEASURES.get(v, "–"),
        lambda v: replace(asked, measure=v, low=None, high=None, page=1),
    )
    if asked.measure:
        left, right = st.columns(2)
        with left:
            _number("at least", asked.low, lambda v: replace(asked, low=v, page=1))
        with right:
            _number("at most", asked.high, lambda v: replace(asked, high=v, page=1))


def classes(opened: Opened) -> tuple[dict[str, int], dict[str, int]]:
    """How many captions make a class up, and how many references name one; the most frequent first."""
    return _classes(opened.found.folder, opened.key, opened)


@st.cache_data(max_entries=6, show_spinner=False)
def _classes(folder: Any, key: str, _opened: Opened) -> tuple[dict[str, int], dict[str, int]]:
    columns = _opened.store.values(["objects_hallucinated", "others_hallucinated", "objects_in_references"])
    pairs = zip(columns["objects_hallucinated"], columns["others_hallucinated"], strict=True)
    made_up = Counter(name for objects, others in pairs for name in (*objects, *others))
    referred = Counter(name for names in columns["objects_in_references"] for name in names)
    return dict(made_up.most_common()), dict(referred.most_common())


def _sorted(asked: Query, measure: str) -> Query:
    return replace(asked, sort=measure, descending=descending_first(measure), page=1)


def _select(
    label: str,
    options: list[str],
    value: str,
    shown: Callable[[str], str],
    then: Callable[[str], Query],
    *,
    width: Any = "stretch",
    help: str | None = None,
) -> None:
    key = f"filter {label}"
    st.session_state[key] = value

    def changed() -> None:
        nav.show(then(st.session_state[key]))

    st.selectbox(label, options, format_func=shown, key=key, on_change=changed, width=width, help=help)


def _text(label: str, value: str, example: str, then: Callable[[str], Query]) -> None:
    key = f"filter {label}"
    st.session_state[key] = value

    def changed() -> None:
        nav.show(then(st.session_state[key].strip()))

    st.text_input(label, key=key, placeholder=example, max_chars=100, on_change=changed, width=190)


def _number(label: str, value: float | None, then: Callable[[float | None], Query]) -> None:
    key = f"filter {label}"
    st.session_state[key] = value

    def changed() -> None:
        nav.show(then(st.session_state[key]))

    st.number_input(label, key=key, on_change=changed, format="%g", placeholder="no limit")
