"""Captioners and their captions, loaded and computed once for all visitors."""

from __future__ import annotations

import streamlit as st

from sat import checkpoints
from sat.captioner import Captioner, load
from sat.config import Decoding, ModelConfig
from sat.images import Picture
from sat.trace import Trace

NO_MODELS = (
    "There is no trained model yet: put a checkpoint folder into `checkpoints/`, or train one with "
    "`python -m sat train soft-flickr8k`."
)
_ATTENTION = {"soft": "Soft attention", "hard": "Hard attention", "none": "No attention"}


def get_captioner(name: str) -> Captioner:
    """The captioner of that name, shared by all sessions and loaded again when its files change."""
    return _captioner(name, _stamp(name))


def get_trace(name: str, picture: Picture, decoding: Decoding | None) -> Trace:
    """The caption of a picture, computed once for the same picture, model and decoding (None: the model's own)."""
    own = decoding or get_captioner(name).config.decoding
    return _trace(name, _stamp(name), picture.digest, own.model_dump_json(), picture)


def model_labels(names: list[str]) -> dict[str, str]:
    """What to call the models: by their attention, with the name where that is not enough."""
    kinds = {name: _ATTENTION[_config(name, _stamp(name)).attention] for name in names}
    alike = list(kinds.values())
    return {name: kind if alike.count(kind) == 1 else f"{kind} ({name})" for name, kind in kinds.items()}


def config_of(name: str) -> ModelConfig:
    """The settings of a model, without loading its weights."""
    return _config(name, _stamp(name))


def _stamp(name: str) -> tuple[float, ...]:
    """When the model's files were written."""
    folder = checkpoints.find(name)
    files = (folder / "config.json", folder / "vocabulary.json", folder / "model.safetensors")
    return tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files)


@st.cache_resource(max_entries=4, show_spinner=False)
def _captioner(name: str, stamp: tuple[float, ...]) -> Captioner:
    return load(name)


@st.cache_data(max_entries=64, show_spinner=False)
def _config(name: str, stamp: tuple[float, ...]) -> ModelConfig:
    return checkpoints.read_config(checkpoints.find(name))


@st.cache_data(max_entries=256, show_spinner=False)
def _trace(name: str, stamp: tuple[float, ...], digest: str, decoding: str, _picture: Picture) -> Trace:
    return _captioner(name, stamp).caption(_picture, Decoding.model_validate_json(decoding))
