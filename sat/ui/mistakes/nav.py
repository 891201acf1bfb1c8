"""Going from one view of the page to another: the address is the one place that says where one is."""

from __future__ import annotations

import streamlit as st

from sat.ui import links
from sat.ui.mistakes import query
from sat.ui.mistakes.query import Query

EVAL, VIEW, IMAGE, OTHER = "eval", "view", "image", "other"
_GONE_TO = "_mistakes_gone_to"
VIEWS = {
    "overview": "Overview",
    "browse": "Browse",
    "patterns": "Patterns",
    "two": "Two models",
    "review": "Review",
    "evaluate": "Evaluate",
}


def go(view: str | None = None, image: str | None = None, **parameters: str | None) -> None:
    """Show a view, and in it a picture or none.

    Args:
        view: None keeps the one that is shown.
        parameters: to be written; None takes one out.
    """
    links.forget_caption()
    for name, value in {VIEW: view or st.query_params.get(VIEW), IMAGE: image, **parameters}.items():
        if value:
            st.query_params[name] = value
        else:
            links.forget(name)
    st.session_state[_GONE_TO] = image


def holds(image: str) -> bool:
    """Whether a part of the page that runs alone still has the picture that the page is at.

    A click soon after a picture was opened comes with the address from before, which would close it again: the browser
    has not heard of the new one yet, and is told again.
    """
    if st.query_params.get(IMAGE) != image and st.session_state.get(_GONE_TO) == image:
        st.query_params[IMAGE] = image
    return st.query_params.get(IMAGE) == image


def show(asked: Query, view: str = "browse") -> None:
    """Show the captions of a query."""
    there = query.written(asked)
    go(view, None, **{name: there.get(name) for name in query.NAMES})


def open_image(image: str, asked: Query) -> None:
    """Show one picture among those of a query."""
    there = query.written(asked)
    go(None, image, **{name: there.get(name) for name in query.NAMES})


def close_image() -> None:
    """Back to where it was opened."""
    go(None, None)


def asked() -> tuple[Query, list[str]]:
    """The query of the address, and the parameters of it that cannot be used."""
    return query.read(dict(st.query_params))
