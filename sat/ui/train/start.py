"""Which trained model a new run starts from."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from sat.config import TrainConfig
from sat.errors import UserError
from sat.jobs import runs_root
from sat.ui.models import RUN, config_of, model_names

NOTHING = ""


def start_from(key: str, base: TrainConfig) -> list[str]:
    """A choice among the trained models of the same kind, as a list with one ``key=value`` or none."""
    usual = base.start_from or NOTHING
    options = [NOTHING, *(o for o in map(_setting, filter(lambda n: _fits(n, base), model_names())) if o != usual)]
    if usual:
        options.insert(1, usual)
    changed = st.session_state.get(key, usual) != usual
    chosen = st.selectbox(
        "Start from" + (" :orange-badge[changed]" if changed else ""),
        options,
        index=options.index(usual),
        format_func=_label,
        key=key,
        help="A trained model whose weights, words and sizes it takes over: how hard attention learns from soft.",
    )
    return [] if chosen == usual else [f"start_from={chosen or 'null'}"]


def _fits(name: str, base: TrainConfig) -> bool:
    """Whether weights with attention start a model with attention, and those without one without."""
    try:
        return (config_of(name).attention == "none") == (base.model.attention == "none")
    except UserError:  # damaged, or deleted meanwhile
        return False


def _setting(name: str) -> str:
    """A model of ``model_names`` as ``start_from`` takes it."""
    if not name.startswith(RUN):
        return name
    return os.path.relpath(runs_root() / name.removeprefix(RUN) / "model")


def _label(setting: str) -> str:
    if setting == NOTHING:
        return "nothing: new weights"
    path = Path(setting)
    return f"the run {path.parent.name}" if path.name == "model" else setting
