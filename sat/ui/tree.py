"""The branches of a caption to choose from, and what the open one changed."""

from __future__ import annotations

import math

import streamlit as st

from sat.analysis.branch import Branch
from sat.analysis.tree import MAX_NAME, ROOT
from sat.drawing.charts import percent
from sat.trace import Trace
from sat.ui.branches import Branches
from sat.ui.closer import signed

END = {"<end>": "(end)"}


def tree_bar(branches: Branches) -> None:
    """The branches as a row to choose from, with the means to name, remove and export them."""
    nodes = branches.tree.nodes
    if not nodes:
        return
    shown = branches.open if branches.open is not None else branches.base
    key = "branch_choice"
    st.session_state[key] = shown

    def chosen() -> None:
        branches.show(st.session_state[key])

    depth = {ROOT: 0}
    for node in nodes:
        depth[node.id] = depth[node.parent] + 1
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.pills(
            "Branches",
            [ROOT, *(node.id for node in nodes)],
            format_func=lambda id: "↳ " * max(depth[id] - 1, 0) + branches.name(id),
            key=key,
            on_change=chosen,
            width="content",
            help="Every what-if is a branch. Choose one to see it beside the caption that it changed.",
        )
        with st.popover("Branches", icon=":material/account_tree:"):
            if shown != ROOT:
                _manage(branches, shown)
            st.download_button(
                "Save all branches as JSON",
                branches.to_json,
                file_name="branches.json",
                mime="application/json",
                on_click="ignore",
                key="save_branches",
            )
            st.caption("The address of this page holds the branches too: copy it to share them.")


def _manage(branches: Branches, id: int) -> None:
    key = f"branch_name_{id}"

    def renamed() -> None:
        branches.rename(id, st.session_state[key])

    st.text_input("Name", value=branches.name(id), max_chars=MAX_NAME, key=key, on_change=renamed)
    with st.container(horizontal=True):
        if branches.open == id:
            st.button("Change it further", on_click=branches.build_on, args=(id,), key="build_on")
        st.button("Remove it", on_click=branches.remove, args=(id,), key="remove_branch")


def changes(branch: Branch, before: Trace, step: int) -> None:
    """What a branch changed, in numbers, at a step and over the caption."""
    at = next((change for change in branch.changes if change.step == step), None)
    with st.container(horizontal=True, gap="medium"):
        if at is not None:
            word = END.get(at.word, at.word)
            st.metric(
                "Next words moved by",
                f"{at.divergence:.3f}",
                help="Jensen-Shannon divergence of the two next-word distributions here, in nats: 0 is no change, "
                "0.693 is no word in common.",
                width="content",
            )
            st.metric(
                f"“{word}” is now",
                f"number {at.rank}",
                help=f"Its rank among all words; before it was number {at.original_rank}. Its probability went from "
                f"{percent(math.exp(at.original_log_prob))} to {percent(math.exp(at.log_prob))}.",
                width="content",
            )
        st.metric(
            "log p of the caption",
            signed(branch.trace.log_prob),
            delta=f"{branch.log_prob_difference:+.2f}",
            delta_color="off",
            help=f"It was {signed(before.log_prob)}. Each is of its own words, under its own attention.",
            width="content",
        )
    if at is None and step > branch.first:
        st.caption("The captions have different words before this one, so their next words are not compared here.")
    if branch.first_changed is None:
        st.caption("The words stayed the same.")
    with st.expander("Every word that can be compared"):
        st.dataframe(
            {
                "word": [f"{c.step + 1}. {END.get(c.word, c.word)}" for c in branch.changes],
                "moved by (nats)": [c.divergence for c in branch.changes],
                "p before": [100 * math.exp(c.original_log_prob) for c in branch.changes],
                "p now": [100 * math.exp(c.log_prob) for c in branch.changes],
                "rank before": [c.original_rank for c in branch.changes],
                "rank now": [c.rank for c in branch.changes],
            },
            hide_index=True,
            placeholder="–",
            width="stretch",
            column_config={
                "moved by (nats)": st.column_config.NumberColumn(format="%.4f"),
                "p before": st.column_config.NumberColumn(format="%.1f %%"),
                "p now": st.column_config.NumberColumn(format="%.1f %%"),
            },
        )
