"""Which evaluation is looked at, and who is looking."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sat.errors import UserError
from sat.evaluation.found import Found, labels
from sat.jobs import allowed
from sat.review import PERSON_LENGTH, clean_person
from sat.ui import links
from sat.ui.mistakes.nav import EVAL

NOTHING = (
    "There is no evaluation yet. Make one under “Evaluate”, or with `python -m sat evaluate --model NAME --dataset "
    "DATASET --split test --out results/NAME`."
)
_NAME = "reviewer"


def evaluation(found: Sequence[Found]) -> Found:
    """The evaluation that the address asks for; drawn as a choice among all."""
    said = labels(list(found))
    names = [one.name for one in found]
    name = links.select("Evaluation", names, said, name=EVAL, default=usual(found).name)
    return found[names.index(name)]


def usual(found: Sequence[Found]) -> Found:
    """The one to begin with: of soft attention, where there is one."""
    return next((one for one in found if "soft" in one.model), found[0])


def person() -> str:
    """Whose review it is; the usual name where what was written is none."""
    if not allowed():
        return "me"
    name = st.text_input(
        "Reviewing as",
        "me",
        key=_NAME,
        max_chars=PERSON_LENGTH,
        width=160,
        persist_state="session",
        help="Tags and notes are kept under this name, so that two people can be set against each other.",
    )
    try:
        return clean_person(name or "me")
    except UserError:
        return "me"
