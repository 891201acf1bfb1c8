"""Results: the paper's table beside ours, grounding, and how the shipped models were trained."""

from __future__ import annotations

import streamlit as st

from sat.evaluation import published
from sat.evaluation.results import COLUMNS, PAPER_LIKE, PROTOCOLS, STANDARD
from sat.ui import entry, links, results
from sat.ui.results_approximations import approximations

entry.through_the_entry()
st.title("Results", anchor=False)
st.markdown("How well the models here describe pictures, beside the paper that they follow.")
found = results.shipped()
names = {name: published.DATASETS.get(name, name.capitalize()) for name in results.datasets(found)}
if links.first_run():
    wrong = links.wrong_values({results.DATASET: links.one_of(names), results.PROTOCOL: links.one_of(COLUMNS)})
    if wrong:
        st.info(links.note(wrong), icon=":material/link_off:")
with st.container(horizontal=True, gap="large"):
    dataset = links.select("Data set", list(names), names, name=results.DATASET, default="flickr8k", new_caption=False)
    protocol = links.select(
        "Protocol",
        [PAPER_LIKE, STANDARD],
        PROTOCOLS,
        name=results.PROTOCOL,
        default=PAPER_LIKE if dataset in published.DATASETS else STANDARD,
        help=results.PROTOCOL_HELP,
        new_caption=False,
    )
results.scores(found, dataset, protocol)
results.seeds(found, dataset, protocol)
results.grounding(found, dataset)
results.hallucination(found, dataset)
approximations(dataset)
results.training(found, dataset)
results.speed()
results.commands(found, dataset)
links.mark_read()
