"""What Explore shows of a caption: its player, its branches, and what can be asked of a word."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from sat.config import Decoding
from sat.drawing.overlay import View
from sat.drawing.words import first_content_word
from sat.images import Picture
from sat.trace import Trace
from sat.ui import links
from sat.ui.branches import Branches
from sat.ui.models import get_captioner, no_maps
from sat.ui.player import word_player
from sat.ui.saving import Shown
from sat.ui.step import at_the_branch, at_the_word, look_closer
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
