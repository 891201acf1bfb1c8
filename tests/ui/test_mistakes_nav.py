"""A picture that was opened stays open where the browser has not heard of it yet."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def app() -> None:
    import streamlit as st

    from sat.ui.mistakes import nav

    st.button("open", on_click=nav.go, kwargs={"image": "a.jpg"})
    st.button("next", on_click=nav.go, kwargs={"image": "b.jpg"})
    st.button("close", on_click=nav.close_image)
    st.button("word")
    st.text(f"{nav.holds('a.jpg')} {st.query_params.get('image')}")


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_function(app).run()


def click(at: AppTest, label: str, image: str | None) -> str:
    """Click while the browser's address has that picture; what the page then says."""
    at.query_params.clear()
    if image is not None:
        at.query_params["image"] = image
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception
    return at.text[0].value


def test_a_click_with_the_address_from_before_does_not_close_it(at):
    assert click(at, "open", None) == "True a.jpg"
    assert click(at, "word", None) == "True a.jpg"


def test_going_on_and_closing_let_go_of_it(at):
    click(at, "open", None)
    assert click(at, "next", "a.jpg") == "False b.jpg"
    assert click(at, "word", "b.jpg") == "False b.jpg"
    click(at, "open", "b.jpg")
    assert click(at, "close", "a.jpg") == "False None"
    assert click(at, "word", None) == "False None"


def test_an_address_that_was_typed_counts(at):
    assert click(at, "word", "a.jpg") == "True a.jpg"
    assert click(at, "word", None) == "False None"
