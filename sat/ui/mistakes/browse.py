"""The browser: captions by filter and order, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from sat.evaluation.found import Found
from sat.ui.mistakes import filters, nav
from sat.ui.mistakes.export import export
from sat.ui.mistakes.listing import PAGE, chosen, list_rows
from sat.ui.mistakes.opened import Opened
from sat.ui.mistakes.query import Query


def browse(opened: Opened, asked: Query, others: Sequence[Found], person: str) -> None:
    """Draw it."""
    filters.choose(opened, asked, others)
    wanted, note = chosen(opened, asked, others, person)
    if note:
        st.info(note, icon=":material/link_off:")
    total = opened.store.count(wanted)
    if not total:
        st.info("No caption is like that. Clear a filter to see more.", icon=":material/filter_alt_off:")
        return
    pages = -(-total // PAGE)
    page = min(asked.page, pages)
    found = opened.store.page(wanted, sort=asked.sort, descending=asked.descending, first=(page - 1) * PAGE, count=PAGE)
    said = f"{total} of {opened.store.count()} captions" if asked.filters else f"{total} captions"
    first, last = (page - 1) * PAGE + 1, min(page * PAGE, total)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{said}; {first} to {last} are shown. Wavy: no reference bears it out.", width="stretch")
        with st.popover("Export", icon=":material/download:"):
            export(opened, asked, wanted, total)
    list_rows(opened, replace(asked, page=page), found.rows, key="rows", person=person)
    if pages > 1:
        key = f"page {page} of {pages}"  # a new one after a turn, so that it begins at its default

        def turn() -> None:
            nav.show(replace(asked, page=int(st.session_state[key])))

        st.pagination(pages, default=page, key=key, on_change=turn, max_visible_pages=7)
