"""What is taken away: the listed captions with their review as CSV and JSON, and the montage of figure 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from sat.drawing.export import FORMATS, figure_bytes
from sat.drawing.figure import Figure
from sat.drawing.mistakes import Mistake, montage
from sat.errors import UserError
from sat.evaluation.browse import Condition
from sat.evaluation.worst import word_to_show
from sat.ui.mistakes.opened import Opened, book
from sat.ui.mistakes.query import Query

MOST = 24  # captions of a montage


def export(opened: Opened, asked: Query, wanted: Sequence[Condition], total: int) -> None:
    """Draw the buttons; files are made when they are asked for."""
    stem = f"{opened.found.model}-{opened.found.dataset}-{opened.found.split}"
    st.markdown(f"**The {total} captions of this list, with tags and notes**")
    with st.container(horizontal=True):
        _button("CSV", lambda: review(opened, asked, wanted)[0].encode("utf-8-sig"), f"{stem}.csv", "text/csv")
        _button("JSON", lambda: review(opened, asked, wanted)[1].encode(), f"{stem}.json", "application/json")
    st.markdown("**The first of them as a figure, as in the paper's figure 5**")
    most = min(MOST, total)
    count = min(6, most)
    if most > 1:
        count = st.slider("Captions", 1, most, count, key="montage_count")
    with st.container(horizontal=True):
        for suffix in (".pdf", ".png", ".svg"):
            make = _figure(opened, asked, wanted, int(count), suffix)
            _button(suffix[1:].upper(), make, f"{stem}-mistakes{suffix}", FORMATS[suffix])


def review(opened: Opened, asked: Query, wanted: Sequence[Condition]) -> tuple[str, str]:
    """CSV and JSON of the captions that fulfil the conditions, in the order of the query."""
    every = opened.store.count()
    rows = opened.store.page(wanted, sort=asked.sort, descending=asked.descending, count=every).rows
    made = book().export(opened.key, rows)
    return made.csv, made.json


def mistakes(opened: Opened, asked: Query, wanted: Sequence[Condition], count: int) -> Figure:
    """The first captions of a query as a montage; those without a word or a picture are passed over.

    Raises:
        UserError: none is left.
    """
    rows = opened.store.page(
        [*wanted, Condition("length", ">", 0)], sort=asked.sort, descending=asked.descending, count=4 * count
    ).rows
    found: list[Mistake] = []
    for row in rows:
        if len(found) == count:
            break
        try:
            picture = opened.picture(row)
        except UserError:
            continue
        trace, words = opened.trace(row, picture)
        bad = [word["step"] for word in words if word["hallucinated"]]
        step = bad[0] if bad else word_to_show(trace, row["references"])
        found.append(Mistake(picture, trace, step, row["image"], row["CIDEr"]))
    return montage(found)


def _figure(opened: Opened, asked: Query, wanted: Sequence[Condition], count: int, suffix: str) -> Callable[[], bytes]:
    return lambda: figure_bytes(mistakes(opened, asked, wanted, count), suffix)


def _button(label: str, data: Callable[[], bytes], file: str, mime: str) -> None:
    st.download_button(label, data, file_name=file, mime=mime, on_click="ignore", key=f"export {file}")
