"""The paper's figures 1 and 4 in our own drawing, with the picture, the maps and the numbers of the current word."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import streamlit as st

from sat.drawing.overlay import View, overlay
from sat.lessons.chapter import Chapter
from sat.lessons.chapters.shared import as_map
from sat.lessons.scene import Scene
from sat.lessons.steps import step_numbers
from sat.ui.diagram import diagram
from sat.ui.learn.live import jpeg_url

SIDE = 168  # pixels of a picture in the diagram
CELL = ("recurrent", "lstm", "one-step/recurrence")  # chapters and screens that show the cell, not the whole way
_SAID = {
    "cell": "The LSTM cell (figure 4 of the paper)",
    "pipeline": "The whole way (figure 1 of the paper)",
}


def whole_way(chapter: Chapter, screen: str, scene: Scene, on_part: Callable[[str, str], None]) -> None:
    """Draw the diagram that belongs to a chapter."""
    config = scene.captioner.config
    if config.recurrence != "lstm":
        st.caption(f"The diagram of the whole way is of an LSTM, which {config.name} has not.")
        return
    found = scene.look(step_numbers, scene.step)
    length = lambda vector: f"length {float(np.linalg.norm(vector)):.1f}"  # noqa: E731
    numbers = {
        "word": f"“{scene.word}”",
        "previous": f"“{scene.previous}”",
        "places": f"{config.places} × {config.annotation_dim}",
        "before": length(found.hidden_before),
        "cell": length(found.cell),
        "state": length(found.hidden),
        "attention": "" if scene.attends else "not in this model",
    }
    gauges = {}
    for gate, values in zip(("input", "forget", "output", "candidate"), found.gates, strict=True):
        gauges[gate] = float(values.mean())
        numbers[gate] = f"mean {gauges[gate]:.2f}"
    if found.beta is not None and found.alpha is not None:
        p = found.alpha[found.alpha > 0]
        numbers |= {"attention": f"{np.exp(-(p * np.log(p)).sum()):.0f} places", "gate": f"β = {found.beta:.2f}"}
        gauges["gate"] = found.beta
    here = f"{chapter.slug}/{screen}"
    name = "cell" if chapter.slug in CELL or here in CELL else "pipeline"
    st.caption(f"{_SAID[name]}, with the numbers of this word. Every part leads to its chapter.")
    diagram(
        name,
        numbers,
        key="diagram",
        here=here,
        on_part=on_part,
        images=_images(scene, found.alpha),
        gauges=gauges,
        words=scene.words,
        at=scene.step,
    )


def _images(scene: Scene, alpha: np.ndarray | None) -> dict[str, str]:
    if scene.picture is None:
        return {}
    square = cv2.resize(scene.picture.display, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    found = {"picture": jpeg_url(square)}
    lengths = scene.once(_lengths)
    found["annotations"] = jpeg_url(overlay(square, lengths[None], 0, View(style="cells", scale="own", strength=0.85)))
    if alpha is not None:
        found["attention"] = jpeg_url(overlay(square, as_map(scene, alpha)[None], 0, View(style="paper", scale="own")))
    return found


def _lengths(scene: Scene) -> np.ndarray:
    """How far each annotation is from the training set's mean, (rows, columns)."""
    values = scene.look(lambda reading: reading.annotations.values[0].double().cpu().numpy())
    return as_map(scene, np.linalg.norm(values, axis=1))
