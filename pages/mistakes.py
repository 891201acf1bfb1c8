"""Mistakes: what goes wrong in the captions of an evaluation, and why."""

from __future__ import annotations

import streamlit as st

from sat.errors import UserError
from sat.evaluation.found import evaluations
from sat.ui import entry, links
from sat.ui.mistakes import choose, nav
from sat.ui.mistakes.browse import browse
from sat.ui.mistakes.nav import EVAL, IMAGE, VIEW, VIEWS
from sat.ui.mistakes.one import one
from sat.ui.mistakes.opened import open_evaluation
from sat.ui.mistakes.overview import overview
from sat.ui.mistakes.patterns import patterns
from sat.ui.mistakes.review import review
from sat.ui.mistakes.run import evaluate
from sat.ui.mistakes.two import two

entry.through_the_entry()
st.title("Mistakes", anchor=False)
st.markdown(
    "What goes wrong in a model's captions, where it looked for the word, and what the picture had to do with it."
)
notes = st.container()
found = evaluations()
asked, unusable = nav.asked()
if links.first_run():
    wrong = links.wrong_values(
        {
            EVAL: links.one_of([e.name for e in found]),
            VIEW: links.one_of(VIEWS),
            links.STEP: links.whole(1, 1000),
            **dict.fromkeys(unusable, lambda _: False),
        }
    )
    if wrong:
        notes.info(links.note(wrong), icon=":material/link_off:")
try:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = choose.evaluation(found) if found else None
        person = choose.person()
    with st.container():  # in a container of its own, so that on a phone the choices go on below
        usual = "overview" if found else "evaluate"
        view = links.select("View", list(VIEWS), VIEWS, name=VIEW, default=usual, buttons=True, forgets=(IMAGE,))
    image = st.query_params.get(IMAGE)
    if view == "evaluate":
        evaluate()
    elif chosen is None:
        st.info(choose.NOTHING, icon=":material/troubleshoot:")
    else:
        opened = open_evaluation(chosen)
        if image is not None:
            one(opened, image, asked, found, person)
        elif view == "browse":
            browse(opened, asked, found, person)
        elif view == "patterns":
            patterns(opened)
        elif view == "two":
            two(opened, found)
        elif view == "review":
            review(opened, person)
        else:
            overview(opened, person)
except UserError as error:
    st.warning(links.literal(str(error)), icon=":material/info:")
links.mark_read()
