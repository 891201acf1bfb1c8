"""Explore: a picture, its caption word by word, and where the model looked for each."""

from __future__ import annotations

import math

import streamlit as st

from sat import checkpoints
from sat.drawing import charts
from sat.drawing.overlay import SCALES, SHOWS, STYLES, View
from sat.drawing.words import first_content_word
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace
from sat.ui import decoding as decoding_choice
from sat.ui import links
from sat.ui.models import NO_MODELS, config_of, get_captioner, get_trace, model_labels
from sat.ui.picker import pick_picture
from sat.ui.player import Played, word_player
from sat.ui.samples import sample_names
from sat.ui.saving import save_buttons

NO_ATTENTION = (
    "This model has no attention: it sees the whole picture once, before the first word, so there is no place to show. "
    "Choose another model to see where it looks."
)
CHART = {"displayModeBar": False}


def beginning(trace: Trace, identity: tuple, here: dict[str, Played]) -> tuple[int, View]:
    """The word and the overlay to begin a caption with.

    The word is what a followed link says, else the first that names something; the overlay is the one in use.
    """
    known, start, view = st.session_state.get("_beginning", (None, 0, None))
    if known != identity:
        asked = links.step_from_address() if view is None else None
        start = first_content_word(trace.words) if asked is None else min(asked, max(len(trace.words) - 1, 0))
        view = links.view_from_address() if view is None else here["played"].view
        st.session_state["_beginning"] = (identity, start, view)
    return start, view


@st.fragment
def look(picture: Picture, trace: Trace, model: str, start: int, view: View, here: dict[str, Played]) -> None:
    """The player with everything that follows its step; runs alone when the step changes.

    Leaves in ``here`` where the person is, for what is drawn outside.
    """
    left, right = st.columns([0.62, 0.38], gap="medium")
    with left:
        played = word_player(
            picture,
            trace,
            get_captioner(model).geometry,
            key="player",
            start=start,
            usual_start=first_content_word(trace.words),
            view=view,
            reason=NO_ATTENTION if trace.attention == "none" else None,
        )
    here["played"] = played
    if not trace.words:
        return
    with right:
        at_the_word(trace, played)


def at_the_word(trace: Trace, played: Played) -> None:
    """The numbers of one step."""
    step = trace.steps[played.step]
    st.subheader(f"“{step.word}”", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "log p",
            minus(step.log_prob),
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
        if step.beta is not None:
            st.metric(
                "Gate β",
                f"{step.beta:.2f}",
                help="How much of what was seen is let through for this word: 0 is nothing, 1 is everything.",
                width="content",
            )
    st.markdown("**The next word could have been**")
    best = ", ".join(f"{word} {charts.percent(p)}" for word, p in step.top)
    st.plotly_chart(charts.next_words(step), config=CHART, key="next_words", alt=f"The likeliest words here: {best}")
    if played.box is not None:
        share = charts.look_share(trace, played.box.rows, played.box.columns, played.step)
        if share is not None:
            st.markdown(
                "**How much every word looked there**",
                help="The part of each word's attention that fell on the cells you chose; dotted: uniform attention.",
            )
            st.plotly_chart(
                share, config=CHART, key="look_share", alt="The attention of every word on the chosen cells"
            )
    with st.expander("Over the whole caption", expanded=False):
        end = "; it was cut before its end" if trace.end_log_prob is None else ", its ending included"
        st.caption(f"log p of the caption is {minus(trace.log_prob)}{end}.")
        st.plotly_chart(
            charts.over_words(trace, played.step),
            config=CHART,
            key="over_words",
            alt="Log-probability, effective number of places and gate of every word",
        )


def minus(value: float) -> str:
    """A number with a real minus sign."""
    return f"{value:.2f}".replace("-", "−")


st.title("Show, Attend and Tell", anchor=False)
st.markdown(
    "A neural network writes a caption, one word at a time. Step through the words and see where it looked for each."
)

names = checkpoints.available()
notes = st.container()  # always there, so that what follows keeps its place and the player is not built anew
if links.first_run():
    wrong = links.wrong_values(
        {
            links.SAMPLE: links.one_of(sample_names()),
            links.MODEL: links.one_of(names),
            **decoding_choice.CHECKS,
            links.STEP: links.whole(1, 1000),
            links.OVERLAY: links.one_of(STYLES),
            links.SCALE: links.one_of(SCALES),
            links.SHOW: links.one_of(SHOWS),
        }
    )
    if wrong:
        notes.info(links.note(wrong), icon=":material/link_off:")

left, right = st.columns([0.62, 0.38], gap="medium")
with left:
    picked, problem = None, ""
    try:
        picked = pick_picture()
    except UserError as error:
        problem = str(error)
try:
    if not names:
        st.info(NO_MODELS, icon=":material/model_training:")
    else:
        with right:
            model = links.select("Model", names, model_labels(names), name=links.MODEL, default=names[0])
            with st.popover("Decoding", icon=":material/tune:"):
                decoding = decoding_choice.choose_decoding(config_of(model))
        if problem:
            st.warning(problem, icon=":material/info:")
        elif picked is None:
            st.info("Choose a picture, and the model describes it.", icon=":material/image:")
        else:
            picture, name = picked
            with st.spinner("Looking at the picture …"):
                trace = get_trace(model, picture, decoding)
            here: dict[str, Played] = st.session_state.setdefault("_here", {})
            start, view = beginning(trace, (picture.digest, model, decoding.model_dump_json()), here)
            look(picture, trace, model, start, view, here)
            if trace.words:
                save_buttons(picture, trace, lambda: here["played"], name)
except UserError as error:
    st.warning(str(error), icon=":material/info:")
links.mark_read()
