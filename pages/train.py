"""Train: start runs, watch them, stop and resume them."""

from __future__ import annotations

import streamlit as st

from sat.errors import UserError
from sat.jobs import runs_root
from sat.ui import entry, links
from sat.ui.train import RUN, VIEW, get_jobs, guard
from sat.ui.train.board import board
from sat.ui.train.detail import detail
from sat.ui.train.form import form

VIEWS = {"new": "New run", "runs": "Runs"}

entry.through_the_entry()
st.title("Train", anchor=False)
if not guard.permitted():
    guard.explain()
    st.stop()
st.markdown("Runs go through a queue and go on when this page is closed.")
if links.first_run():
    wrong = links.wrong_values({VIEW: links.one_of(VIEWS)})
    if wrong:
        st.info(links.note(wrong), icon=":material/link_off:")
try:
    jobs = get_jobs(str(runs_root().resolve()))
    usual = "runs" if RUN in st.query_params else "new"
    view = links.select("View", list(VIEWS), VIEWS, name=VIEW, default=usual, new_caption=False)
    if view == "new":
        form(jobs)
    else:
        chosen = board(jobs)
        if chosen is not None:
            detail(jobs, chosen)
except UserError as error:
    st.warning(links.literal(str(error)), icon=":material/info:")
links.mark_read()
