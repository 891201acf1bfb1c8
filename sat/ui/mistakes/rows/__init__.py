"""Captions in rows with thumbnail and numbers: one Streamlit component (v2), which sorts and opens by a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from sat.ui.untouched import untouched

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "sat_mistake_rows",
    html=(_HERE / "rows.html").read_text(encoding="utf-8"),
    css=(_HERE / "rows.css").read_text(encoding="utf-8"),
    js=(_HERE / "rows.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Column:
    """A column of numbers: its name, its heading and what it means."""

    name: str
    label: str
    help: str


@dataclass(frozen=True)
class Row:
    """A caption.

    Attributes:
        image: name of its picture; thumbnail: a data URL, empty for none.
        words: each with whether no reference bears it out.
        note, tags: what stands below the caption.
        cells: the numbers as text, one a column.
    """

    image: str
    thumbnail: str
    words: list[tuple[str, bool]]
    note: str
    tags: list[str]
    cells: list[str]


def show_rows(
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    sort: str,
    descending: bool,
    key: str,
    on_open: Callable[[str], None],
    on_sort: Callable[[str], None],
) -> None:
    """Show captions.

    Args:
        sort: the column that they are sorted by.
        on_open, on_sort: called with the image, and with the column, before the page runs again.
    """
    images, names = {row.image for row in rows}, {column.name for column in columns}

    def opened() -> None:
        image = st.session_state[key].opened
        if image in images:
            on_open(image)

    def sorted_by() -> None:
        name = st.session_state[key].sorted
        if name in names:
            on_sort(name)

    _component(
        key=key,
        data=untouched(
            {
                "rows": [asdict(row) for row in rows],
                "columns": [asdict(column) for column in columns],
                "sort": sort,
                "descending": descending,
                "label": "Captions with their scores",
            }
        ),
        on_opened_change=opened,
        on_sorted_change=sorted_by,
        width="stretch",
    )
