"""The choice of decoding: as tuned, greedy, beam search or sampling."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from sat.config import Decoding, ModelConfig
from sat.ui import links

METHODS = {"tuned": "As tuned", "greedy": "Greedy", "beam": "Beam search", "sample": "Sampling"}
CONTEXTS = {"argmax": "Most likely place", "expected": "Expectation", "sample": "Sampled place"}
BEAMS, TEMPERATURES, SEEDS = (1, 10), (0.1, 2.0), (0, 9999)

CHECKS: dict[str, Callable[[str], bool]] = {
    "decoding": links.one_of(METHODS),
    "beam": links.whole(*BEAMS),
    "temperature": links.within(*TEMPERATURES),
    "seed": links.whole(*SEEDS),
    "context": links.one_of(CONTEXTS),
}


def choose_decoding(config: ModelConfig) -> Decoding:
    """Draw the widgets and say how to decode."""
    tuned = config.decoding
    method = links.select(
        "How the caption is written",
        list(METHODS),
        METHODS,
        name="decoding",
        default="tuned",
        help="As tuned: the setting chosen on the development pictures. Greedy takes the likeliest word every time; "
        "beam search keeps several captions alive and ends with the best; sampling draws every word by chance.",
    )
    values: dict[str, object] = {}
    if method == "greedy":
        values["method"] = "greedy"
    elif method == "beam":
        beam = st.slider(
            "Beam: captions kept alive", *BEAMS, value=min(tuned.beam, BEAMS[1]), key="beam", bind="query-params"
        )
        values |= {"method": "beam", "beam": beam}
    elif method == "sample":
        temperature = st.slider(
            "Temperature",
            *TEMPERATURES,
            value=1.0,
            step=0.1,
            key="temperature",
            bind="query-params",
            help="Below 1 the likely words become likelier, above 1 the caption becomes bolder.",
        )
        seed = st.number_input("Seed", *SEEDS, value=0, step=1, key="seed", bind="query-params", width=160)
        values |= {"method": "sample", "temperature": round(float(temperature), 2), "seed": int(seed)}
    else:
        st.caption(_tuned(tuned))
    if config.attention == "hard":
        values["context"] = links.select(
            "How the hard model looks",
            list(CONTEXTS),
            CONTEXTS,
            name="context",
            default=tuned.context or "argmax",
            help="Hard attention uses one place for every word: the likeliest, or one drawn by chance. "
            "The expectation mixes all places, as soft attention does.",
        )
    return tuned.model_copy(update=values)


def _tuned(decoding: Decoding) -> str:
    if decoding.method == "beam":
        return f"Beam search with {decoding.beam} captions, length norm {decoding.length_norm:g}."
    return {"greedy": "Greedy.", "sample": f"Sampling at temperature {decoding.temperature:g}."}[decoding.method]
