"""A page with nothing but a word player, for the browser tests: a picture, two traces and a view from the address."""

from __future__ import annotations

import numpy as np
import streamlit as st

from sat.drawing.overlay import View
from sat.images import Picture, from_array
from sat.models.encoder import Geometry
from sat.trace import Step, Trace, entropy
from sat.ui.player import word_player

WORDS = "two dogs play on grass".split()


def make_picture() -> Picture:
    """Wide, colourful and smooth, so that nothing but the overlay makes edges."""
    y, x = np.mgrid[:200, :300]
    rgb = np.stack([x * 255 / 299, y * 255 / 199, 128 + 100 * np.sin(x / 40) * np.cos(y / 30)], axis=-1)
    return from_array(rgb.astype(np.uint8))


def make_trace(attention: str) -> Trace:
    """Blobs that wander, one of them in a corner, on a floor of noise."""
    rng = np.random.default_rng(5)
    y, x = np.indices((14, 14))
    steps = []
    for t, word in enumerate(WORDS):
        alpha = np.exp(-((y - 3 * t) ** 2 + (x - 13 + 2 * t) ** 2) / (2 + t)) + 0.02 * rng.random((14, 14))
        alpha = (alpha / alpha.sum()).astype(np.float32)
        at = np.unravel_index(int(alpha.argmax()), alpha.shape)
        place = (int(at[0]), int(at[1])) if attention == "hard" else None
        bits, beta, top = float(entropy(alpha)), 0.5, ((word, 0.5), ("cat", 0.2))
        if attention == "none":
            alpha, bits, beta = None, None, None
        steps.append(Step(word, -0.7, alpha, place, beta, bits, top))
    context = {"soft": "expected", "hard": "argmax", "none": None}[attention]
    return Trace(f"{attention}-made", attention, context, {}, make_picture().digest, tuple(steps), -0.1)


if __name__ == "__main__":
    asked = st.query_params.to_dict()
    attention = asked.get("attention", "soft")
    played = word_player(
        make_picture(),
        make_trace(attention),
        Geometry(14, 14, 16, 80),
        key="player",
        start=int(asked.get("start", 1)),
        view=View(
            style=asked.get("style", "paper"),
            scale=asked.get("scale", "shared"),
            sigma=float(asked.get("sigma", 20)),
            strength=float(asked.get("strength", 0.7)),
            show=asked.get("show", "glimpse"),
        ),
        reason="Nothing to show." if attention == "none" else None,
    )
    st.text(f"step {played.step} style {played.view.style} box {played.box}")
