"""Choices stand in the address even where the browser has not heard of them yet."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from sat.ui import address


def app() -> None:
    import streamlit as st

    from sat.ui import address

    address.settle(st.session_state.get("page", "explore"))
    st.button("hard", on_click=address.put, args=("model", "hard"))
    st.button("coffee", on_click=address.put, args=("sample", "coffee"))
    st.button("usual", on_click=address.forget, args=("model",))
    st.text(" ".join(f"{name}={value}" for name, value in sorted(st.query_params.items())))


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_function(app).run()


def click(at: AppTest, label: str, **sent: str) -> str:
    """Click while the browser's address is the one that is given; what the page then says."""
    at.query_params.clear()
    for name, value in sent.items():
        at.query_params[name] = value
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception
    return at.text[0].value


def test_a_second_click_before_the_browser_knows_of_the_first(at):
    assert click(at, "hard") == "model=hard"
    assert click(at, "coffee") == "model=hard sample=coffee"  # the browser still sent an empty address


def test_what_was_taken_out_stays_out(at):
    assert click(at, "hard") == "model=hard"
    assert click(at, "usual", model="hard") == ""
    assert click(at, "coffee", model="hard") == "sample=coffee"


def test_another_page_has_its_own_address(at):
    assert click(at, "hard") == "model=hard"
    at.session_state["page"] = "compare"
    at.query_params.clear()
    assert at.run().text[0].value == ""


def test_going_back_later_counts(at, monkeypatch):
    assert click(at, "hard") == "model=hard"
    later = time.monotonic() + address.SECONDS + 1
    monkeypatch.setattr(address.time, "monotonic", lambda: later)
    at.query_params.clear()
    assert at.run().text[0].value == ""
