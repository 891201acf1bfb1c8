"""Change a part of one step by hand and see what becomes of the word: the live side of the chapter on one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from sat.drawing.charts import percent
from sat.lessons.numbers import Chart, Map, Numbers, Series, Value
from sat.lessons.scene import Scene
from sat.lessons.steps import Edited, step_with
from sat.ui.learn.live import numbers
from sat.ui.models import writable_words
from sat.ui.player import Box

CHAPTER = "one-step"
PAINTED = ("softmax",)  # screens on which attention is painted in the player
SHOWN = 5  # words in the chart
CHOOSE = (
    "Click a cell of the picture, or drag a box over it (with the keyboard: in the picture, Shift and the arrows, then "
    "Enter)."
)
_KEPT = "_try_alpha"
_GATES = {"forget": "Forget", "input": "Input", "output": "Output", "candidate": "Candidate"}
Controls = Callable[[Scene, Box | None], dict[str, Any]]


def keep_painted(identity: str) -> Callable[[int, np.ndarray], None]:
    """What to call with a step and the map that was painted there."""

    def painted(step: int, levels: np.ndarray) -> None:
        st.session_state[_KEPT] = (identity, step, levels)

    return painted


def try_it(screen: str, scene: Scene, box: Box | None) -> None:
    """The means to change what a screen is about, and what comes of it; nothing where there is nothing to change.

    Args:
        screen: slug of a screen of the chapter.
        box: cells chosen in the player.
    """
    controls = _CONTROLS.get(screen)
    if controls is None or not (scene.attends or screen in ("recurrence", "output")):
        return
    if scene.captioner.config.recurrence != "lstm":  # these screens have no numbers to change
        return
    with st.container(border=True, key="try-it"):
        st.markdown("**Change it**")
        changed = controls(scene, box)
        own = scene.look(step_with, scene.step, top=SHOWN)
        edited = scene.look(step_with, scene.step, top=SHOWN, **changed) if changed else own
        st.markdown(
            f"p(“{scene.word}”) is **{percent(edited.before)}**"
            + (f", and now **{percent(edited.probability)}**." if changed else " as the model has it.")
        )
        if changed:
            numbers(comparison(own, edited, scene.word, attention="alpha" in changed or "scores" in changed), scene)


def comparison(own: Edited, edited: Edited, word: str, *, attention: bool) -> Numbers:
    """The best words of both, side by side, and how far the guess moved.

    Args:
        attention: whether the weights were changed, so that they are shown.
    """
    listed = list(dict.fromkeys([word, *(w for w, _ in own.top), *(w for w, _ in edited.top)]))
    before, now = dict(own.top), dict(edited.top)
    before[word], now[word] = edited.before, edited.probability
    x = np.arange(len(listed), dtype=np.float64)
    bars = tuple(
        Series(name, x, np.array([share.get(w, np.nan) for w in listed]))
        for name, share in (("as it was", before), ("now", now))
    )
    values: tuple[Value, ...] = (
        Value("divergence", edited.divergence, "The guess moved by", "nats", 4),
        Value("best", edited.top[0][0], "The best word now"),
    )
    maps: tuple[Map, ...] = ()
    if attention and edited.alpha is not None:
        p = edited.alpha[edited.alpha > 0]
        values += (Value("places", float(np.exp(-(p * np.log(p)).sum())), "Places looked at now", digits=0),)
        maps = (Map("Attention now", edited.alpha),)
    return Numbers(values, charts=(Chart("The next word", "", "p", bars, "bar", tuple(listed)),), maps=maps)


def _score(scene: Scene, box: Box | None) -> dict[str, Any]:
    if box is None:
        st.caption(f"{CHOOSE} Then its score can be raised and lowered.")
        return {}
    by = st.slider(
        f"Add to the score of {_cells(box)}",
        -8.0,
        8.0,
        3.0,
        0.5,
        key="try_score",
        help="The weights of all places follow, by the softmax: they must sum to one.",
    )
    return {"scores": np.log(_alpha(scene).clip(1e-30)) + by * _inside(scene, box)} if by else {}


def _softmax(scene: Scene, box: Box | None) -> dict[str, Any]:
    kept = st.session_state.get(_KEPT)
    if kept is not None and kept[:2] == (scene.trace.identity, scene.step):
        st.caption("The attention is as you painted it.")
        st.button("Take it back", key="try_wipe", on_click=st.session_state.pop, args=(_KEPT, None))
        return {"alpha": kept[2]}
    st.caption("Paint on the picture where the model should look, and press “Try it” under it. Or sharpen what it has:")
    power = st.slider(
        "Attention to the power of",
        0.0,
        5.0,
        1.0,
        0.25,
        key="try_power",
        help="0 looks everywhere alike, 1 is the model's own, above 1 is sharper.",
    )
    return {} if power == 1 else {"alpha": _alpha(scene) ** power}


def _context(scene: Scene, box: Box | None) -> dict[str, Any]:
    ways = {"own": "Its own", "flat": "Everywhere alike", "box": "Only the chosen cells"}
    way = st.segmented_control(
        "The weights", list(ways), format_func=ways.__getitem__, default="own", required=True, key="try_context"
    )
    if way == "flat":
        return {"alpha": np.ones_like(_alpha(scene))}
    if way == "box":
        if box is not None:
            return {"alpha": _inside(scene, box)}
        st.caption(CHOOSE)
    return {}


def _gate(scene: Scene, box: Box | None) -> dict[str, Any]:
    own = scene.look(step_with, scene.step).beta
    assert own is not None, "a model with attention has a gate"
    usual = round(own, 2)
    beta = st.slider("Gate β", 0.0, 1.0, usual, 0.01, key=f"try_gate {scene.trace.identity} {scene.step}")
    return {} if beta == usual else {"beta": beta}


def _recurrence(scene: Scene, box: Box | None) -> dict[str, Any]:
    name = st.segmented_control(
        "Set in all units",
        list(_GATES),
        format_func=_GATES.__getitem__,
        key="try_which_gate",
        help="The forget gate keeps memory, the input gate lets news in, the output gate shows the cell, and the "
        "candidate is what might be written.",
    )
    if name is None:
        return {}
    value = st.slider(f"The {name} gate", -1.0 if name == "candidate" else 0.0, 1.0, 0.0, 0.05, key=f"try_{name}")
    return {"gates": {name: value}}


def _output(scene: Scene, box: Box | None) -> dict[str, Any]:
    word = st.selectbox(
        "The word before",
        writable_words(scene.captioner.name),
        index=None,
        placeholder=f"{scene.previous} (as it was)",
        key="try_previous",
        width=280,
    )
    return {} if word is None or word == scene.previous else {"previous": word}


_CONTROLS: dict[str, Controls] = {
    "score": _score,
    "softmax": _softmax,
    "context": _context,
    "gate": _gate,
    "recurrence": _recurrence,
    "output": _output,
}


def _alpha(scene: Scene) -> np.ndarray:
    """The model's own weights at the step, float64 (rows, columns)."""
    config = scene.captioner.config
    if scene.step < len(scene.trace.steps):
        alpha = scene.trace.steps[scene.step].alpha
        assert alpha is not None, "the model has attention"
        return alpha.astype(np.float64)
    found = scene.look(lambda reading: reading.attending(scene.step)[1].double().cpu().numpy())
    return np.asarray(found).reshape(config.rows, config.columns)


def _inside(scene: Scene, box: Box) -> np.ndarray:
    """1 in the chosen cells, 0 elsewhere, (rows, columns)."""
    weights = np.zeros((scene.captioner.config.rows, scene.captioner.config.columns))
    weights[box.rows[0] : box.rows[1] + 1, box.columns[0] : box.columns[1] + 1] = 1.0
    return weights


def _cells(box: Box) -> str:
    count = (box.rows[1] - box.rows[0] + 1) * (box.columns[1] - box.columns[0] + 1)
    return f"row {box.rows[0] + 1}, column {box.columns[0] + 1}" if count == 1 else f"these {count} cells"
