"""Patterns over many captions: looked right and said right, nouns taken for others, and slices."""

from __future__ import annotations

import streamlit as st

from sat.drawing import charts_mistakes
from sat.evaluation import slices
from sat.evaluation.quadrants import Quadrants
from sat.evaluation.rows import SCORES
from sat.review import TAXONOMY
from sat.ui import links
from sat.ui.mistakes import nav
from sat.ui.mistakes import opened as evaluation
from sat.ui.mistakes.opened import Opened, book
from sat.ui.mistakes.query import Query
from sat.ui.mistakes.sets import QUADRANT_LABELS, confusion_set, quadrant_set

CHART = {"displayModeBar": False}
PATTERN, OF, SCORE, SLICE = "pattern", "of", "score", "slice"  # in the address
PATTERNS = {"looked": "Looked right, said right", "nouns": "Nouns confused", "slices": "Slices"}
OFS = {"objects": "Objects in the picture", "words": "Words written"}
SLICES = {"class": "by what is in the picture", "length": "by length", "tag": "by tag"}
LEAST = 3  # pictures of a slice


def patterns(opened: Opened) -> None:
    """Draw the one that is asked for."""
    pattern = links.select("Pattern", list(PATTERNS), PATTERNS, name=PATTERN, default="looked", new_caption=False)
    {"looked": _looked, "nouns": _nouns, "slices": _slices}[pattern](opened)


def _looked(opened: Opened) -> None:
    if not opened.attends:
        st.info("This model has no attention, so it looks nowhere: choose one that attends.", icon=":material/info:")
        return
    of = links.select("Judge", list(OFS), OFS, name=OF, default="objects", new_caption=False)
    found = (evaluation.objects if of == "objects" else evaluation.words)(opened)
    if not found.count:
        st.info(
            "This needs boxes that people drew round what the captions name (`entities_aligned.jsonl.gz` beside the "
            "data set); the data set that was evaluated has none.",
            icon=":material/crop_free:",
        )
        return
    left, right = st.columns([0.55, 0.45], gap="large")
    with left:
        _chart(opened, of, found)
    with right:
        st.markdown(
            "Every object that people drew a box round, named or not. *Looked right*: at some word, more attention lay "
            "in its boxes than captions of other pictures pay there. *Said right*: the caption names it."
            if of == "objects"
            else "Every written word whose class has boxes. *Looked right*: at that word, more attention lay in the "
            "boxes than a blob in the middle of the picture has there. *Said right*: a reference bears it out."
        )
        yes, no = found.said_when_looked, found.said_when_not_looked
        if yes is not None and no is not None:
            st.markdown(
                f"**What this means:** where it looked right, {_share(yes)} is said right; where it looked elsewhere, "
                f"{_share(no)}. "
                + ("Looking right goes with saying right." if yes > no else "Looking right did not help.")
            )
        elif yes is not None:
            st.markdown(f"**What this means:** it always looked right, and said {_share(yes)} right.")
        if found.without_boxes:
            st.caption(f"{found.without_boxes} made-up objects have no box that could be looked at; they are left out.")
        for index, quadrant in enumerate(found.all()):
            st.button(
                f"{QUADRANT_LABELS[index].capitalize()}: {quadrant.count} in {len(quadrant.images)} pictures",
                key=f"quadrant {of} {index}",
                disabled=not quadrant.count,
                width="stretch",
                on_click=nav.show,
                args=(Query(set=quadrant_set(of, index)),),
            )


def _share(value: float) -> str:
    return f"{value:.0%}".replace("%", " %")


def _chart(opened: Opened, of: str, found: Quadrants) -> None:
    fields = [(QUADRANT_LABELS[i], quadrant.count) for i, quadrant in enumerate(found.all())]
    key = f"quadrants {opened.found.name} {of}"

    def picked() -> None:
        points = st.session_state[key].selection.points
        data = points[0].get("customdata") if points else None
        index = data[0] if isinstance(data, list | tuple) and data else None
        if isinstance(index, int) and 0 <= index < 4 and fields[index][1]:
            nav.show(Query(set=quadrant_set(of, index)))

    st.plotly_chart(
        charts_mistakes.quadrants(
            fields,
            (("looked right", "looked<br>elsewhere"), ("said right", "said wrong")),
            dark=st.context.theme.type == "dark",
        ),
        config=CHART,
        key=key,
        on_select=picked,
        selection_mode="points",
        alt="; ".join(f"{label}: {count}" for label, count in fields),
    )
    st.caption("Click a field for its pictures.")


def _nouns(opened: Opened) -> None:
    found = evaluation.confusions(opened)
    if not found:
        st.info(
            "No caption names a made-up object while it leaves out one of the same kind: there is nothing confused.",
            icon=":material/check_circle:",
        )
        return
    pictures = len({image for one in found for image in one.images})
    st.markdown(
        f"A noun that no reference bears out, beside one of the same kind that they name and the caption does not: "
        f"{len(found)} pairs in {pictures} pictures. Where several are possible, each pair counts."
    )
    for one in found[:30]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{one.said}** for **{one.missed}** · {one.kind}", width="stretch")
            said = f"{one.count} pictures" if one.count > 1 else "1 picture"
            st.button(
                said + (f", {one.alone} of them clear" if 0 < one.alone < one.count else ""),
                key=f"confused {one.said} {one.missed}",
                on_click=nav.show,
                args=(Query(set=confusion_set(one.said, one.missed)),),
            )
    if len(found) > 30:
        st.caption(f"{len(found) - 30} rarer pairs are not shown.")


def _slices(opened: Opened) -> None:
    with st.container(horizontal=True, gap="large"):
        by = links.select("Slices", list(SLICES), SLICES, name=SLICE, default="class", new_caption=False)
        score = links.select(
            "Score", list(SCORES), {name: name for name in SCORES}, name=SCORE, default="CIDEr", new_caption=False
        )
    if by == "class":
        found = slices.by_class(opened.store, least=LEAST)[:25]
    elif by == "length":
        found = slices.by_length(opened.store)
    else:
        given: dict[str, set[str]] = {tag: set() for tag in TAXONOMY}
        for tag in book().tags(opened.key):
            given.setdefault(tag.tag, set()).add(tag.image)
        found = slices.by_images(opened.store, given)
    if not found:
        what = "Nobody has given a tag yet." if by == "tag" else "There are too few captions for slices."
        st.info(what, icon=":material/info:")
        return
    every = slices.whole(opened.store)
    rows = {f"{one.name} ({one.n})": (one.scores[score], one.spread[score]) for one in found}
    key = f"slices {opened.found.name} {by} {score}"

    def picked() -> None:
        points = st.session_state[key].selection.points
        index = points[0].get("point_index") if points else None
        if isinstance(index, int) and 0 <= index < len(found):
            nav.show(_query_of(by, found[index].name))

    st.plotly_chart(
        charts_mistakes.bars(rows, score, None if every is None else every.scores[score]),
        config=CHART,
        key=key,
        on_select=picked,
        selection_mode="points",
        alt="; ".join(f"{name}: {value:.0f}" for name, (value, _) in rows.items()),
    )
    st.caption("Mean with its standard error; dotted: all captions. Click a bar for its captions.")
    if every is not None and len(found) > 1:
        worst = min(found, key=lambda one: one.scores[score])
        st.markdown(
            f"**What this means:** {worst.name} is hardest: {worst.scores[score]:.0f} against "
            f"{every.scores[score]:.0f} over all ({worst.n} captions{', which is few' if worst.n < 10 else ''})."
        )


def _query_of(by: str, name: str) -> Query:
    if by == "class":
        return Query(object=name)
    if by == "tag":
        return Query(tag=name)
    words = float(name.split()[0])
    return Query(measure="length", low=words, high=words)
