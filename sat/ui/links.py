"""The address of a view: what it may say, and what to tell the visitor when it says something that is not there.

Numbers are kept there by their widgets (``bind="query-params"``), choices by ``select`` (a bound widget would write its
label instead of the name), samples by the picker, and the word and the overlay by the player, in the browser, without
asking the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from sat.drawing.overlay import SCALES, SHOWS, STYLES, View
from sat.public import is_public, without_paths
from sat.ui import address

SAMPLE, MODEL, STEP, OVERLAY, SCALE, SHOW = "sample", "model", "step", "overlay", "scale", "show"
SIGMA, STRENGTH = "sigma", "strength"
BRANCHES, OPEN, PANEL, PICTURE = "branches", "branch", "panel", "picture"
_FIRST = "_links_read"
_MARKS = re.compile(r"[\\`*\[\]<>$~|]|(?<!\w)_|_(?!\w)|:(?=\S)")  # of Markdown, within a line


def first_run() -> bool:
    """Whether this is the visitor's first run, the one whose address was typed or followed."""
    return not st.session_state.get(_FIRST, False)


def mark_read() -> None:
    """Remember that the address has been read; call it at the end of the first run."""
    st.session_state[_FIRST] = True


def one_of(values: Collection[str]) -> Callable[[str], bool]:
    """A check that a parameter is one of some values."""
    return lambda value: value in values


def whole(low: int, high: int) -> Callable[[str], bool]:
    """A check that a parameter is a whole number in a range, both ends included."""
    return lambda value: value.isascii() and value.isdigit() and len(value) < 12 and low <= int(value) <= high


def within(low: float, high: float) -> Callable[[str], bool]:
    """A check that a parameter is a number in a range, both ends included."""

    def check(value: str) -> bool:
        try:
            return low <= float(value) <= high
        except ValueError:
            return False

    return check


# What the address may say of the overlay; the sliders of the player have the same ends.
VIEW_CHECKS: dict[str, Callable[[str], bool]] = {
    OVERLAY: one_of(STYLES),
    SCALE: one_of(SCALES),
    SHOW: one_of(SHOWS),
    SIGMA: within(0, 48),
    STRENGTH: within(0, 1),
}


def wrong_values(checks: dict[str, Callable[[str], bool]]) -> list[str]:
    """The parameters of the address that are there and fail their check, as the visitor wrote them."""
    wrong = []
    for name, check in checks.items():
        value = st.query_params.get(name)
        if value is not None and not check(value):
            shown = value if len(value) <= 40 else value[:40] + "…"
            wrong.append(f"{name}={''.join(c if c.isprintable() else '�' for c in shown)}")
    return wrong


def note(wrong: list[str]) -> str:
    """One sentence about parameters that could not be used."""
    listed = ", ".join(f"“{literal(item)}”" for item in wrong)
    return f"The link asks for {listed}, which is not to be had here, so the usual setting is shown instead."


def view_from_address() -> View:
    """The overlay that the address asks for; what is missing or wrong is the usual one."""
    usual = View()
    asked = {name: st.query_params.get(name) for name in (OVERLAY, SCALE, SHOW)}
    return View(
        style=next((s for s in STYLES if s == asked[OVERLAY]), usual.style),
        scale=next((s for s in SCALES if s == asked[SCALE]), usual.scale),
        show=next((s for s in SHOWS if s == asked[SHOW]), usual.show),
        sigma=_number(SIGMA, usual.sigma),
        strength=_number(STRENGTH, usual.strength),
    )


def _number(name: str, usual: float) -> float:
    """A number of the address; the usual one where it is missing or wrong."""
    value = st.query_params.get(name, "")
    return float(value) if VIEW_CHECKS[name](value) else usual


def step_from_address() -> int | None:
    """The word that the address asks for, from 0 (the address counts from 1); None where it does not say."""
    value = st.query_params.get(STEP, "")
    return int(value) - 1 if whole(1, 1000)(value) else None


def select(
    label: str,
    options: Sequence[str],
    labels: Mapping[str, str],
    *,
    name: str,
    default: str,
    help: str | None = None,
    new_caption: bool = True,
    buttons: bool = False,
    forgets: Sequence[str] = (),
) -> str:
    """A choice among a few, kept in the address under ``name`` unless it is the default.

    The address is the one place that says what is chosen, so that links, reloading and going back all agree.

    Args:
        new_caption: the choice leads to another caption, so that what the address says of this one is forgotten.
        buttons: a row of buttons, however many there are.
        forgets: what else in the address loses its sense with another choice.
    """
    asked = st.query_params.get(name)
    value = asked if asked in options else default
    key = f"{name}_choice"
    st.session_state[key] = value
    much = len(options) > 5 or sum(len(labels[option]) for option in options) > 90  # for a row of buttons
    many = much and not buttons
    widget: Any = st.selectbox if many else partial(st.segmented_control, required=True)
    widget(
        label,
        options,
        format_func=labels.get,
        key=key,
        help=help,
        on_change=_keep,
        args=(name, key, default, new_caption, forgets),
    )
    return str(value)


def _keep(name: str, key: str, default: str, new_caption: bool, forgets: Sequence[str]) -> None:
    value = st.session_state[key]
    for other in forgets:
        forget(other)
    if new_caption:
        forget_caption()
    if value == default:
        address.forget(name)
    else:
        address.put(name, value)


def plain(text: str) -> str:
    """Somebody else's text, so that it is shown as it is and not as Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|<>$:~" else c for c in text)


def literal(sentence: str) -> str:
    """A sentence that repeats what somebody wrote, so that nothing in it becomes a picture, a link or a colour.

    In a public demo the folders of the server are taken out of it.
    """
    return _MARKS.sub(r"\\\g<0>", without_paths(sentence) if is_public() else sentence)


def forget_caption() -> None:
    """Take out what the address says of a caption: it will be another."""
    for name in (STEP, BRANCHES, OPEN):
        forget(name)


def forget(name: str) -> None:
    """Take a parameter out of the address if it is there."""
    if name in st.query_params:
        del st.query_params[name]
