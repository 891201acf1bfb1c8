"""Compare: two models on one picture, word against word."""

from __future__ import annotations

import streamlit as st

from sat.drawing.words import first_content_word
from sat.errors import UserError
from sat.ui import compare, entry, links
from sat.ui.compare import FIRST, SECOND, TEXT, TEXTS, WORDS, Both, default_models, read_both
from sat.ui.compare_glimpses import glimpses
from sat.ui.compare_panels import at_the_pair, next_words, over_the_caption
from sat.ui.compare_truth import averages
from sat.ui.compare_where import PLAYERS, Where, where_in
from sat.ui.models import NO_MODELS, get_captioner, model_labels, model_names, no_maps
from sat.ui.picker import pick_or_problem
from sat.ui.player import word_player
from sat.ui.samples import is_sample
from sat.ui.saving import save_comparison

PANELS = {
    "whole": "Over the whole caption",
    "glimpses": "Many glimpses",
    "truth": "Averaging over places",
}


@st.fragment
def look(both: Both, where: Where) -> None:
    """The two players with everything that follows their step; runs alone when the step changes.

    Leaves in ``where`` the word and the view that the person is at.
    """
    *columns, aside = st.columns([0.36, 0.36, 0.28], gap="medium")
    played = []
    for side, column in enumerate(columns):
        trace = both.traces[side]
        with column:
            st.markdown(f"**{both.labels[side]}**")
            played.append(
                word_player(
                    both.picture,
                    trace,
                    get_captioner(both.names[side]).geometry,
                    key=PLAYERS[side],
                    start=where.starts[side],
                    usual_start=first_content_word(trace.words) if side == 0 else None,
                    view=where.view,
                    reason=no_maps(both.names[side]),
                    group="compare",
                    positions=both.positions[side],
                )
            )
    first, second = played
    where.view = (second if both.traces[0].attention == "none" else first).view  # of one that has maps to draw
    where.follow(both, (first.step, second.step))
    if not both.pairs:
        st.info("Neither model wrote a word, so there is nothing to compare.", icon=":material/info:")
        return
    with aside:
        at_the_pair(both, where.at, where.view)
    next_words(both, where.at)
    st.divider()
    panel = links.select("A closer look", list(PANELS), PANELS, name=links.PANEL, default="whole", new_caption=False)
    try:
        {"whole": over_the_caption, "glimpses": glimpses, "truth": averages}[panel](both, where.at)
    except UserError as error:
        st.info(links.literal(str(error)), icon=":material/info:")


entry.through_the_entry()
st.title("Compare", anchor=False)
st.markdown("Two models look at one picture. Step through their words together, and see where they part.")

notes = st.container()  # always there, as ``said`` is, so that what follows keeps its place: no player is built anew
left, right = st.columns([0.56, 0.44], gap="large")
with left:
    picked, problem = pick_or_problem()
said = st.container()
try:
    names = model_names()
    if links.first_run():
        wrong = links.wrong_values(
            {
                links.SAMPLE: is_sample,
                FIRST: links.one_of(names),
                SECOND: links.one_of(names),
                TEXT: links.one_of(TEXTS),
                WORDS: lambda value: len(value) <= compare.MAX_CHARACTERS,
                links.STEP: links.whole(1, 1000),
                links.PANEL: links.one_of(PANELS),
                **links.VIEW_CHECKS,
            }
        )
        if wrong:
            notes.info(links.note(wrong), icon=":material/link_off:")
    if not names:
        st.info(NO_MODELS, icon=":material/model_training:")
    elif len(names) == 1:
        st.info(compare.ONE_MODEL.format(names[0]), icon=":material/model_training:")
    else:
        with right, st.container():  # in a container, too many choices for a row go on below
            usual, labels = default_models(names), model_labels(names)
            first = links.select("First model", names, labels, name=FIRST, default=usual[0])
            second = links.select("Second model", names, labels, name=SECOND, default=usual[1])
            text = links.select("They read", list(TEXTS), TEXTS, name=TEXT, default="own", help=compare.TEXT_HELP)
            typed = ""
            if text == "typed":
                typed = st.text_input(
                    "Your text",
                    key=WORDS,
                    max_chars=compare.MAX_CHARACTERS,
                    placeholder="a dog runs on the grass",
                    bind="query-params",
                )
        if problem:
            st.warning(links.literal(problem), icon=":material/info:")
        elif picked is None:
            st.info("Choose a picture, and both models look at it.", icon=":material/image:")
        else:
            picture, name = picked
            with st.spinner("Both models look at the picture …"):
                both = read_both(picture, (first, second), (labels[first], labels[second]), text, typed)
            if both.note:
                said.info(both.note, icon=":material/info:")
            where = where_in(both)
            look(both, where)
            if both.pairs:
                save_comparison(both, lambda: where.view, f"{name}-{first}-{second}")
except UserError as error:
    st.warning(links.literal(str(error)), icon=":material/info:")
links.mark_read()
