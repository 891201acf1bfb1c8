"""What stands beside the word player: the numbers of one step, what else it could have been, and a closer look."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from sat.drawing import charts
from sat.errors import UserError
from sat.trace import Trace
from sat.ui import closer, links
from sat.ui.alternatives import alternatives
from sat.ui.branches import Branches
from sat.ui.closer import CHART, signed
from sat.ui.models import writable_words
from sat.ui.player import Played
from sat.ui.whatif import choose_word, what_if

PANELS = {
    "why": "Why this word",
    "cells": "Ask the cells",
    "trust": "Can the map be trusted",
    "whole": "The whole caption",
}
NEED_ATTENTION = ("cells", "trust")


def at_the_word(model: str, branches: Branches, trace: Trace, played: Played) -> None:
    """The numbers of one step, its next words to choose another from, and the other means to change it."""
    step = played.step
    numbers(trace, step)
    st.markdown(
        "**The next word could have been**",
        help="Click a word to write it here instead, and see how the caption goes on.",
    )
    alternatives(
        trace.steps[step],
        f"{trace.identity}/{step}",
        key="alternatives",
        on_choose=partial(choose_word, branches, step),
    )
    if played.box is not None:
        share = charts.look_share(trace, played.box.rows, played.box.columns, step)
        if share is not None:
            st.markdown(
                "**How much every word looked there**",
                help="The part of each word's attention that fell on the cells you chose; dotted: uniform attention.",
            )
            st.plotly_chart(
                share, config=CHART, key="look_share", alt="The attention of every word on the chosen cells"
            )
    what_if(branches, writable_words(model), step, played.box)


def at_the_branch(trace: Trace, step: int) -> None:
    """The same of an open branch, to look at."""
    numbers(trace, step)
    st.markdown("**The next word could have been**")
    alternatives(trace.steps[step], f"{trace.identity}/{step}", key="branch_alternatives")


def numbers(trace: Trace, at: int) -> None:
    """log p, places and gate of one word."""
    step = trace.steps[at]
    st.subheader(f"“{step.word}”", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "log p",
            signed(step.log_prob),
            help=f"Log-probability of this word given the picture and the words before it; p is "
            f"{charts.percent(math.exp(step.log_prob))}.",
            width="content",
        )
        if step.entropy is not None and step.alpha is not None:
            st.metric(
                "Looks at" if step.place is None else "Chose among",
                f"{math.exp(step.entropy):.0f} places",
                help=f"The effective number of places, exp(H), of {step.alpha.size}. The entropy H of the attention is "
                f"{step.entropy:.2f} nats; {math.log(step.alpha.size):.2f} would be looking everywhere alike.",
                width="content",
            )
            st.metric(
                "Covered so far",
                f"{closer.covered(trace, at):.0f} places",
                help=f"How many of the {step.alpha.size} places the words up to this one have looked at together: exp "
                "of the entropy of their mean map.",
                width="content",
            )
        if step.beta is not None:
            st.metric(
                "Gate β",
                f"{step.beta:.2f}",
                help="How much of what was seen is let through for this word: 0 is nothing, 1 is everything.",
                width="content",
            )


def look_closer(model: str, branches: Branches, trace: Trace, step: int) -> None:
    """The closer looks at one word, one at a time."""
    panels = {n: label for n, label in PANELS.items() if trace.attention != "none" or n not in NEED_ATTENTION}
    st.divider()
    panel = links.select(
        f"A closer look at “{trace.words[step]}”",
        list(panels),
        panels,
        name=links.PANEL,
        default="why",
        new_caption=False,
    )
    if panel == "whole":
        closer.whole(branches.base_picture, trace, step)
        return
    draw = {"why": closer.why, "cells": closer.cells, "trust": closer.trust}[panel]
    try:
        draw(model, branches.base_picture, branches.base_annotations, trace, step)
    except UserError as error:
        st.info(links.literal(str(error)), icon=":material/info:")
