"""Explore: a picture, its caption word by word, and where the model looked for each."""

from __future__ import annotations

from typing import Any

import streamlit as st

from sat.errors import UserError
from sat.ui import datasets, entry, links
from sat.ui import decoding as decoding_choice
from sat.ui.explore import beginning, look
from sat.ui.models import NO_MODELS, config_of, get_trace, model_labels, model_names
from sat.ui.picker import pick_or_problem
from sat.ui.samples import is_sample
from sat.ui.saving import save_buttons
from sat.ui.step import PANELS

entry.through_the_entry()
st.title("Show, Attend and Tell", anchor=False)
st.markdown(
    "A neural network writes a caption, one word at a time. Step through the words and see where it looked for each."
)

names = model_names()
notes = st.container()  # always there, so that what follows keeps its place and the player is not built anew
if links.first_run():
    wrong = links.wrong_values(
        {
            links.SAMPLE: is_sample,
            links.PICTURE: datasets.is_known,
            links.MODEL: links.one_of(names),
            **decoding_choice.CHECKS,
            links.STEP: links.whole(1, 1000),
            **links.VIEW_CHECKS,
            links.PANEL: links.one_of(PANELS),
        }
    )
    if wrong:
        notes.info(links.note(wrong), icon=":material/link_off:")

left, right = st.columns([0.62, 0.38], gap="medium")
with left:
    picked, problem = pick_or_problem()
try:
    if not names:
        st.info(NO_MODELS, icon=":material/model_training:")
    else:
        with right:
            model = links.select("Model", names, model_labels(names), name=links.MODEL, default=names[0])
            with st.popover("Decoding", icon=":material/tune:"):
                decoding = decoding_choice.choose_decoding(config_of(model))
        if problem:
            st.warning(links.literal(problem), icon=":material/info:")
        elif picked is None:
            st.info("Choose a picture, and the model describes it.", icon=":material/image:")
        else:
            picture, name = picked
            with st.spinner("Looking at the picture …"):
                trace = get_trace(model, picture, decoding)
            here: dict[str, Any] = st.session_state.setdefault("_here", {})
            start, view = beginning(trace, (picture.digest, model, decoding.model_dump_json()), here)
            look(picture, trace, model, decoding, start, view, here)
            if trace.words:
                save_buttons(lambda: here["shown"], f"{name}-{model}")
except UserError as error:
    st.warning(links.literal(str(error)), icon=":material/info:")
links.mark_read()
