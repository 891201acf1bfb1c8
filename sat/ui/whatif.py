"""What if: the means to change a caption at one word or at all of them, each change a branch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from sat.decoding.interventions import (
    Edit,
    Erase,
    Flatten,
    ForceWord,
    LookAt,
    Move,
    PaintMap,
    Pin,
    SetGate,
    Shuffle,
)
from sat.trace import Trace
from sat.ui.branches import Branches
from sat.ui.player import Box

WORD, ATTENTION, GATE, PICTURE = "word", "attention", "gate", "picture"
SUBJECTS = {WORD: "Word", ATTENTION: "Attention", GATE: "Gate", PICTURE: "Picture"}
PAINT, CELL, MOVE, PIN, FLATTEN, SHUFFLE = "paint", "cell", "move", "pin", "uniform", "shuffle"
WAYS = {
    PAINT: "Painted by hand",
    CELL: "Only in the chosen cells",
    MOVE: "Moved",
    PIN: "As at another word",
    FLATTEN: "Everywhere alike",
    SHUFFLE: "Shuffled",
}
_SUBJECT, _WAY, _EVERY = "whatif_subject", "whatif_way", "whatif_every"
_CHOOSE = "Click a cell of the picture, or drag a box over it, and come back here."


def painting() -> bool:
    """Whether the person has chosen to paint, as the player must know before the means below it are drawn."""
    state = st.session_state
    return state.get(_SUBJECT, WORD) == ATTENTION and state.get(_WAY, PAINT) == PAINT


def paint(branches: Branches, step: int, levels: np.ndarray) -> None:
    """Make a branch of a map painted in the player."""
    at = None if _everywhere() else step
    branches.add([PaintMap.of(levels, at)], f"painted at {_where(branches.base_trace, at)}")


def choose_word(branches: Branches, step: int, word: str) -> None:
    """Make a branch that says another word."""
    branches.add([ForceWord(step=step, word=word)], f"{word} at word {step + 1}")


def what_if(branches: Branches, vocabulary: Sequence[str], step: int, box: Box | None) -> None:
    """Draw the means.

    Args:
        vocabulary: the words that may be written.
        step: the word of the base's caption that is changed.
        box: the cells that are chosen on its picture.
    """
    trace = branches.base_trace
    attends = trace.attention != "none"
    subjects = list(SUBJECTS) if attends else [WORD, PICTURE]
    if st.session_state.get(_SUBJECT) not in subjects:
        st.session_state[_SUBJECT] = WORD
    subject = st.segmented_control(
        "What if it had had another …", subjects, format_func=SUBJECTS.__getitem__, key=_SUBJECT, required=True
    )
    if subject == WORD:
        _another_word(branches, vocabulary, step)
    elif subject == ATTENTION:
        _other_attention(branches, trace, step, box)
    elif subject == GATE:
        _another_gate(branches, trace, step)
    else:
        _without(branches, box)


def _another_word(branches: Branches, vocabulary: Sequence[str], step: int) -> None:
    st.caption("Click one of the next words, or choose from all that the model knows.")

    def chosen() -> None:
        word = st.session_state["whatif_word"]
        if word is not None:
            choose_word(branches, step, word)
            st.session_state["whatif_word"] = None

    st.selectbox(
        f"Instead of “{branches.base_trace.words[step]}”",
        list(vocabulary),
        index=None,
        placeholder=f"One of its {len(vocabulary)} words",
        key="whatif_word",
        on_change=chosen,
        width=340,
    )


def _other_attention(branches: Branches, trace: Trace, step: int, box: Box | None) -> None:
    way = st.selectbox("The attention", list(WAYS), format_func=WAYS.__getitem__, key=_WAY, width=280)
    at = _at(trace, step)
    where = _where(trace, at)
    if way == PAINT:
        st.caption("Paint on the picture, then press “Try it” under it.")
    elif way == CELL:
        if box is None:
            st.caption(_CHOOSE)
        else:
            _try(branches, [_look_at(box, trace, at)], f"{_cells(box)} at {where}", f"Look only at {_cells(box)}")
    elif way == MOVE:
        with st.container(horizontal=True, gap="medium"):
            down = st.slider("Down, in cells", -7, 7, 0, key="whatif_down", width=200, help="Negative: up.")
            right = st.slider("To the right, in cells", -7, 7, 3, key="whatif_right", width=200, help="Negative: left.")
        name = f"moved {down:+d}, {right:+d} at {where}"
        _try(branches, [Move(step=at, rows=down, columns=right)], name, "Move it", disabled=not (down or right))
    elif way == PIN:
        to = st.selectbox(
            "As at the word",
            range(len(trace.words)),
            format_func=lambda t: f"{t + 1}. {trace.words[t]}",
            key="whatif_pin",
            width=240,
        )
        to = 0 if to is None or to >= len(trace.words) else to
        _try(branches, [Pin(step=at, to=to)], f"as at “{trace.words[to]}” at {where}", "Look there")
    elif way == FLATTEN:
        st.caption("Every place counts alike, as if there were no attention.")
        _try(branches, [Flatten(step=at)], f"everywhere at {where}", "Look everywhere alike")
    else:
        st.caption("The same weights in other places, drawn at random.")
        seed = len(branches.tree.nodes)
        _try(branches, [Shuffle(step=at, seed=seed)], f"shuffled at {where}", "Shuffle it")


def _another_gate(branches: Branches, trace: Trace, step: int) -> None:
    beta = trace.steps[step].beta
    at = _at(trace, step)
    value = st.slider(
        "Gate β",
        0.0,
        1.0,
        0.0,
        0.05,
        key="whatif_gate",
        width=340,
        help="0 shuts the picture out of this step, 1 lets all of it in."
        + ("" if beta is None else f" The model's own is {beta:.2f}."),
    )
    _try(branches, [SetGate(step=at, value=value)], f"gate {value:.2f} at {_where(trace, at)}", "Set the gate")


def _without(branches: Branches, box: Box | None) -> None:
    fills = {"blur": "Blur it", "mean": "Fill it with the mean colour"}
    fill = st.segmented_control(
        "What is there instead",
        list(fills),
        format_func=fills.__getitem__,
        key="whatif_fill",
        default="blur",
        required=True,
    )
    if box is None:
        st.caption(_CHOOSE)
        return
    edges = {"top": box.rows[0], "left": box.columns[0], "bottom": box.rows[1] + 1, "right": box.columns[1] + 1}
    erase = Erase(**edges, fill="mean" if fill == "mean" else "blur")
    _try(branches, [erase], f"without {_cells(box)}", f"Caption it without {_cells(box)}")


def _at(trace: Trace, step: int) -> int | None:
    """The step to change, or None for every step, as the person chooses."""
    scope = {False: f"At “{trace.words[step]}”", True: "At every word"}
    every = st.segmented_control(
        "Where", [False, True], format_func=scope.__getitem__, key=_EVERY, default=False, required=True
    )
    return None if every else step


def _everywhere() -> bool:
    return bool(st.session_state.get(_EVERY, False))


def _where(trace: Trace, at: int | None) -> str:
    return "every word" if at is None else f"word {at + 1}"


def _look_at(box: Box, trace: Trace, at: int | None) -> Edit:
    if box.rows[0] == box.rows[1] and box.columns[0] == box.columns[1]:
        return LookAt(step=at, row=box.rows[0], column=box.columns[0])
    alphas = trace.alphas
    assert alphas is not None, "a box is chosen on a map"
    weights = np.zeros(alphas.shape[1:])
    weights[box.rows[0] : box.rows[1] + 1, box.columns[0] : box.columns[1] + 1] = 1.0
    return PaintMap.of(weights, at)


def _cells(box: Box) -> str:
    """What the chosen cells are called, counted from 1."""
    (top, bottom), (left, right) = box.rows, box.columns
    if top == bottom and left == right:
        return f"row {top + 1}, column {left + 1}"
    return f"rows {top + 1} to {bottom + 1}, columns {left + 1} to {right + 1}"


def _try(branches: Branches, edits: Sequence[Edit], name: str, label: str, *, disabled: bool = False) -> None:
    add: Callable[..., None] = branches.add
    st.button(label, key="whatif_try", type="primary", on_click=add, args=(edits, name), disabled=disabled)
