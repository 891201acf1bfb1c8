"""Learn: from the recurrent network to Show, Attend and Tell, on a picture of one's own."""

from __future__ import annotations

import streamlit as st

from sat.errors import UserError
from sat.ui import datasets, entry, links
from sat.ui.learn import reader
from sat.ui.learn.classroom import class_bar
from sat.ui.learn.example import choose_example, example, own_captions
from sat.ui.learn.presenter import PRESENTER, presenter_switch
from sat.ui.models import NO_MODELS, model_labels, model_names
from sat.ui.samples import is_sample

entry.through_the_entry()
with st.container(key="title"):
    st.title("Learn", anchor=False)
names = model_names()
if not names:
    st.info(NO_MODELS, icon=":material/model_training:")
    st.stop()
notes = st.container()
chapter = reader.chapter_of_address()
if links.first_run():
    wrong = links.wrong_values(
        {
            reader.CHAPTER: links.one_of(reader.SLUGS),
            reader.SCREEN: links.one_of([screen.slug for screen in chapter.screens]),
            links.MODEL: links.one_of(names),
            links.SAMPLE: is_sample,
            links.PICTURE: datasets.is_known,
            links.STEP: links.whole(1, 1000),
            PRESENTER: links.one_of(("true", "false")),
        }
    )
    if wrong:
        notes.info(links.note(wrong), icon=":material/link_off:")
left, right = st.columns([0.5, 0.5], gap="large", vertical_alignment="bottom")
with left:
    reader.contents(chapter)
with right, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    presenter_switch()
    class_bar()
with st.container(key="purpose"):
    st.markdown(f"*{chapter.purpose}*")
try:
    with st.container(key="choices"), st.expander("The picture and the model of the example"):
        model, picture, captions = choose_example(names, model_labels(names))
    if chapter.slug == "scores":
        captions = own_captions(captions)
    with st.spinner("Preparing the example …"):
        scene = example(model, picture, chapter.slug, names, captions)
    st.fragment(reader.read)(chapter, scene, model)
except UserError as error:
    st.warning(links.literal(str(error)), icon=":material/info:")
links.mark_read()
