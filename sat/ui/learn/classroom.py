"""Predict, then reveal; and what a class that shares a word has answered, kept on the server until it is reset."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from html import escape

import streamlit as st

from sat.errors import UserError
from sat.lessons.engine import Posed
from sat.lessons.tally import Tally
from sat.ui import links

CLASS = "class"  # in the address: the word that a class shares
MOST = 40  # characters of it
REFRESH = 3  # seconds between two counts while a class answers
_SKIPPED = -1
_BARS = """<style>
.tally {display: grid; grid-template-columns: minmax(6rem, auto) 1fr auto; gap: 0.35rem 0.75rem; align-items: center;
  margin: 0}
.tally dt {font-size: 0.875rem}
.tally dd {margin: 0; font-size: 0.875rem; font-variant-numeric: tabular-nums}
.tally .bar {height: 0.7rem; border-radius: 0.35rem; background: #80888f; min-width: 2px}
.tally .right {background: #1a9a8c}
</style>"""


def class_word() -> str:
    """The word of the class; empty for nobody's."""
    return st.query_params.get(CLASS, "")[:MOST]


def class_bar() -> None:
    """The means to answer as a class."""
    key = "class_word"
    st.session_state[key] = class_word()

    def named() -> None:
        word = "".join(st.session_state[key].split())[:MOST]
        if word:
            st.query_params[CLASS] = word
        else:
            links.forget(CLASS)

    with st.popover("For a class", icon=":material/groups:"):
        st.text_input(
            "A word that your class shares",
            key=key,
            max_chars=MOST,
            placeholder="blue-room-7",
            on_change=named,
            help="There are no accounts: everybody whose address has this word answers together.",
        )
        if class_word():
            st.caption(
                "Share the address of this page: it has the word. The answers of all are counted as they come, and are "
                "forgotten when you say so or when the server starts again."
            )
            st.button(
                "Forget all answers of this class",
                key="forget_class",
                icon=":material/delete:",
                on_click=_tallies().forget,
                args=(f"{class_word()}/",),
            )
        else:
            st.caption("With a word, every question shows what the class guessed before its answer is revealed.")


def guessed(key: str, posed: Posed) -> bool:
    """Ask, count and reveal; whether the numbers may be shown.

    Args:
        key: of the question, chapter/screen.
    """
    answered: dict[str, int] = st.session_state.setdefault("_answers", {})
    mine = f"{key}: {posed.prompt}"
    with st.container(border=True, key="question"):
        st.markdown(f"**First guess.** {posed.prompt}")
        if mine not in answered:
            _ask(key, mine, posed)
        else:
            _reveal(answered[mine], posed)
            _tally(key, posed.options, posed.answer)
            st.empty()  # in the buttons' place: a count of the class at the same moment would leave them on the page
    return mine in answered


def _reveal(chosen: int, posed: Posed) -> None:
    """The answer, beside what was guessed."""
    answer = posed.options[posed.answer]
    if chosen == _SKIPPED:
        st.info(f"{answer}. {posed.reveal}", icon=":material/lightbulb:")
    elif chosen == posed.answer:
        st.success(f"Right: {answer}. {posed.reveal}", icon=":material/check:")
    else:
        st.info(f"You said “{posed.options[chosen]}”, but: {answer}. {posed.reveal}", icon=":material/lightbulb:")


def _ask(key: str, mine: str, posed: Posed) -> None:
    """The options and the buttons, which note the answer before the page runs again."""
    chosen = st.radio(
        "Your guess",
        range(len(posed.options)),
        format_func=posed.options.__getitem__,
        index=None,
        key=f"guess {mine}",
        label_visibility="collapsed",
    )
    if class_word():
        _tally(key, posed.options, None)
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen is not None:
            st.button(
                "Reveal",
                type="primary",
                key=f"reveal {key}",
                shortcut="Enter",
                on_click=_answer,
                args=(key, mine, chosen, len(posed.options)),
            )
        st.button(
            "Show the numbers without guessing",
            key=f"skip {key}",
            type="tertiary",
            on_click=_answer,
            args=(key, mine, _SKIPPED, len(posed.options)),
        )


def _answer(key: str, mine: str, chosen: int, options: int) -> None:
    st.session_state["_answers"][mine] = chosen
    if chosen == _SKIPPED:
        return
    try:
        _tallies().vote(_named(key), _voter(), chosen, options)
    except UserError:  # so many have answered that one more does not count
        return


def _tally(key: str, options: Sequence[str], answer: int | None) -> None:
    """What was answered so far; of a class it is counted again and again."""
    if class_word():
        st.fragment(_count, run_every=REFRESH)(key, tuple(options), answer)
    elif answer is not None and sum(_tallies().counts(_named(key), len(options))) > 1:
        _count(key, tuple(options), answer)


def _count(key: str, options: tuple[str, ...], answer: int | None) -> None:
    counts = _tallies().counts(_named(key), len(options))
    total = sum(counts)
    where = f" in {links.plain(class_word())}" if class_word() else ""
    st.caption(f"{total} {'answer' if total == 1 else 'answers'} so far{where}.")
    if answer is None and total:  # how they are spread would give hints before one's own guess
        return
    if total:
        rows = "".join(
            f"<dt>{escape(option)}</dt><dd><div class='bar{' right' if i == answer else ''}' "
            f"style='width: {100 * n / total:.0f}%'></div></dd><dd>{n}</dd>"
            for i, (option, n) in enumerate(zip(options, counts, strict=True))
        )
        st.html(f'{_BARS}<dl class="tally">{rows}</dl>')
    if class_word() and answer is not None and total:
        st.button(
            "Reset this question",
            key=f"reset {key}",
            type="tertiary",
            icon=":material/restart_alt:",
            on_click=_tallies().reset,
            args=(_named(key),),
        )


def _named(key: str) -> str:
    return f"{class_word()}/{key}"


def _voter() -> str:
    return str(st.session_state.setdefault("_voter", secrets.token_hex(8)))


@st.cache_resource(show_spinner=False)
def _tallies() -> Tally:
    return Tally()
