"""Captioners and their captions, loaded and computed once for all visitors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st
from torch import Tensor

from sat import checkpoints
from sat.analysis.branch import Branch, branch
from sat.analysis.reading import Reading
from sat.analysis.rollouts import Rollouts, rollouts
from sat.captioner import Captioner, load
from sat.config import Decoding, ModelConfig
from sat.decoding.interventions import edits_from
from sat.images import Picture
from sat.jobs import allowed, runs_root
from sat.trace import Trace
from sat.ui.turns import served, working

P = ParamSpec("P")
R = TypeVar("R")

RUN = "run:"  # in front of the names of models that lie in their run's folder
NO_MODELS = (
    "There is no trained model yet: put a checkpoint folder into `checkpoints/`, or train one with "
    "`python -m sat train soft-flickr8k`."
)
_ATTENTION = {"soft": "Soft attention", "hard": "Hard attention", "none": "No attention"}
_BASELINES = {"rnn": "Plain recurrent network", "log-bilinear": "Log-bilinear"}


def model_names() -> list[str]:
    """The shipped models, then the finished models of training runs, as ``run:NAME`` (not in a public demo)."""
    shipped = checkpoints.available()
    if not allowed() or not runs_root().is_dir():
        return shipped
    return shipped + [f"{RUN}{p.parent.parent.name}" for p in sorted(runs_root().glob("*/model/config.json"))]


def folder_of(name: str) -> Path:
    """Where a model of ``model_names`` lies.

    Raises:
        UserError: there is no such model.
    """
    return checkpoints.find(runs_root() / name.removeprefix(RUN) / "model" if name.startswith(RUN) else name)


def get_captioner(name: str) -> Captioner:
    """The captioner of that name, shared by all sessions and loaded again when its files change."""
    return _captioner(name, _stamp(name))


def get_trace(name: str, picture: Picture, decoding: Decoding | None) -> Trace:
    """The caption of a picture, computed once for the same picture, model and decoding (None: the model's own)."""
    own = decoding or get_captioner(name).config.decoding
    return served(lambda: _trace(name, _stamp(name), picture.digest, own.model_dump_json(), picture))


def get_annotations(name: str, picture: Picture) -> Tensor:
    """The encoder's annotations of a picture, float32 (1, L, D), computed once for all models that share an encoder."""
    captioner = get_captioner(name)
    return served(lambda: _annotations(captioner.encoder.fingerprint, picture.digest, captioner, picture))


def get_reading(name: str, picture: Picture, words: tuple[str, ...]) -> Trace:
    """The trace of given words read by a model (teacher forcing), computed once; words that it does not know become
    ``<unk>``."""
    return served(lambda: _reading(name, _stamp(name), picture.digest, words, picture))


def get_rollouts(name: str, picture: Picture, count: int) -> Rollouts:
    """So many captions of a picture with sampled glimpses, computed once.

    Raises:
        UserError: the model has no attention, or the count is out of range.
    """
    return served(lambda: _rollouts(name, _stamp(name), picture.digest, count, picture))


def get_branch(name: str, picture: Picture, decoding: Decoding, path: tuple[str, ...]) -> Branch:
    """A what-if of the caption that ``get_trace`` gives, computed once.

    Args:
        path: the edits of the branches from the original on, each as JSON records; the last are the branch's own.

    Raises:
        UserError: an edit does not fit the model, the caption or the picture.
    """
    asked = decoding.model_dump_json()
    return served(lambda: _branch(name, _stamp(name), picture.digest, asked, path, picture))


def analysed(
    function: Callable[Concatenate[Reading, P], R],
    name: str,
    raw: Tensor,
    trace: Trace,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """What a function of ``sat.analysis`` says of a caption, computed once: ``analysed(truth, name, raw, trace, 2)``"""
    asked = (function.__module__, function.__qualname__, args, tuple(sorted(kwargs.items())))
    call = (function, raw, trace, args, kwargs)
    found: R = served(lambda: _analysed(name, _stamp(name), trace.identity, repr(asked), *call))
    return found


def writable_words(name: str) -> list[str]:
    """The words that a model may write, in alphabetical order."""
    return sorted(word for word in get_captioner(name).vocabulary.words if not word.startswith("<"))


def model_labels(names: list[str]) -> dict[str, str]:
    """What to call the models: by their attention, with the name where that is not enough."""
    kinds = {name: _kind(config_of(name)) for name in names}
    alike = list(kinds.values())
    many = len(names) > 5  # then the names say more than the kinds
    return {n: kind if alike.count(kind) == 1 and not many else f"{kind} ({n})" for n, kind in kinds.items()}


def _kind(config: ModelConfig) -> str:
    return _BASELINES.get(config.recurrence) or _ATTENTION[config.attention]


def no_maps(name: str) -> str | None:
    """Why a model has no maps, in a sentence; None for one that has."""
    config = config_of(name)
    if config.attention != "none":
        return None
    when = "at every word alike" if config.recurrence == "log-bilinear" else "once, before the first word"
    return f"This model has no attention: it sees the whole picture {when}, so there is no place to show."


def config_of(name: str) -> ModelConfig:
    """The settings of a model, without loading its weights."""
    return _config(name, _stamp(name))


def _stamp(name: str) -> tuple[float, ...]:
    """When the model's files were written."""
    folder = folder_of(name)
    files = (folder / "config.json", folder / "vocabulary.json", folder / "model.safetensors")
    return tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files)


@st.cache_resource(max_entries=4, show_spinner=False)
def _captioner(name: str, stamp: tuple[float, ...]) -> Captioner:
    return load(folder_of(name))


@st.cache_data(max_entries=64, show_spinner=False)
def _config(name: str, stamp: tuple[float, ...]) -> ModelConfig:
    return checkpoints.read_config(folder_of(name))


@st.cache_resource(max_entries=24, show_spinner=False)
def _annotations(fingerprint: str, digest: str, _captioner: Captioner, _picture: Picture) -> Tensor:
    with working():
        return _captioner.annotate([_picture])


@st.cache_data(max_entries=256, show_spinner=False)
def _trace(name: str, stamp: tuple[float, ...], digest: str, decoding: str, _picture: Picture) -> Trace:
    with working():
        raw = get_annotations(name, _picture)
        asked = Decoding.model_validate_json(decoding)
        return _captioner(name, stamp).caption_annotations(raw, asked, pictures=[digest])[0]


@st.cache_data(max_entries=256, show_spinner=False)
def _reading(name: str, stamp: tuple[float, ...], digest: str, words: tuple[str, ...], _picture: Picture) -> Trace:
    with working():
        return _captioner(name, stamp).read(get_annotations(name, _picture), words, picture=digest)


@st.cache_data(max_entries=16, show_spinner=False)
def _rollouts(name: str, stamp: tuple[float, ...], digest: str, count: int, _picture: Picture) -> Rollouts:
    with working():
        return rollouts(_captioner(name, stamp), get_annotations(name, _picture), count)


@st.cache_resource(max_entries=48, show_spinner=False)
def _branch(
    name: str, stamp: tuple[float, ...], digest: str, decoding: str, path: tuple[str, ...], _picture: Picture
) -> Branch:
    *before, edits = path
    with working():
        parent = (
            _branch(name, stamp, digest, decoding, tuple(before), _picture)
            if before
            else _trace(name, stamp, digest, decoding, _picture)
        )
        raw = get_annotations(name, _picture)
        return branch(_captioner(name, stamp), _picture, parent, edits_from(json.loads(edits)), raw=raw)


@st.cache_resource(max_entries=256, show_spinner=False)
def _analysed(
    name: str,
    stamp: tuple[float, ...],
    identity: str,
    asked: str,
    _function: Any,
    _raw: Any,
    _trace: Any,
    _args: Any,
    _kwargs: Any,
) -> Any:
    with working():
        return _captioner(name, stamp).analyse(_function, _raw, _trace, *_args, **_kwargs)
