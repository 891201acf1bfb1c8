"""Explore: a picture, its caption word by word, and where the model looked for each."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from sat.config import Decoding
from sat.drawing.overlay import View
from sat.drawing.words import first_content_word
from sat.errors import UserError
from sat.images import Picture
from sat.trace import Trace
from sat.ui import datasets, entry, links
from sat.ui import decoding as decoding_choice
from sat.ui.branches import Branches
from sat.ui.models import NO_MODELS, config_of, get_captioner, get_trace, model_labels, model_names, no_maps
from sat.ui.picker import pick_picture
from sat.ui.player import word_player
from sat.ui.samples import is_sample
from sat.ui.saving import Shown, save_buttons
from sat.ui.step import PANELS, at_the_branch, at_the_word, look_closer
from sat.ui.tree import changes, tree_bar
from sat.ui.whatif import paint, painting


def beginning(trace: Trace, identity: tuple, here: dict[str, Any]) -> tuple[int, View]:
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
def look(
    picture: Picture, trace: Trace, model: str, decoding: Decoding, start: int, view: View, here: dict[str, Any]
) -> None:
    """The players with everything that follows their step; runs alone when the step changes.

    Leaves in ``here`` where the person is, for what is drawn outside.
    """
    geometry, unseen = get_captioner(model).geometry, no_maps(model)
    reason = unseen and f"{unseen} Choose another model to see where it looks."
    branches = Branches(model, picture, decoding, trace)
    base, branch = branches.base_trace, branches.opened()
    problem = branches.problem()
    if problem:
        st.warning(links.literal(problem), icon=":material/info:")
    tree_bar(branches)
    left, right = st.columns([0.62, 0.38] if branch is None else 2, gap="medium")
    with left:
        if branches.tree.nodes:
            st.markdown(f"**{branches.name(branches.base)}**")
        played = word_player(
            branches.base_picture,
            base,
            geometry,
            key="player",
            start=start if base is trace else here["played"].step,
            usual_start=first_content_word(trace.words) if base is trace else None,
            view=view,
            reason=reason,
            group="what-if",
            positions=range(len(base.words)),
            on_paint=partial(paint, branches) if painting() else None,
        )
    here |= {"played": played, "shown": Shown(branches.base_picture, base, branch.trace if branch else None, played)}
    if not base.words:
        return
    step = played.step
    if branch is None:
        with right:
            at_the_word(model, branches, base, played)
    else:
        assert branches.open is not None, "a branch is open"
        with right:
            st.markdown(f"**{branches.name(branches.open)}**")
            after = word_player(
                branch.picture or picture,
                branch.trace,
                geometry,
                key="branch",
                start=min(step, max(len(branch.trace.words) - 1, 0)),
                view=played.view,
                reason=reason,
                group="what-if",
                positions=range(len(branch.trace.words)),
                changed_from=branch.first_changed,
            )
        changes(branch, base, step)
        before, now = st.columns(2, gap="medium")
        with before:
            at_the_word(model, branches, base, played)
        if branch.trace.words:
            with now:
                at_the_branch(branch.trace, after.step)
    look_closer(model, branches, base, step)


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
