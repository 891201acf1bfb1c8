"""The running example: a model, a picture, its caption and the word that one looks at."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sat.errors import UserError
from sat.images import Picture
from sat.lessons.scene import Scene, set_scene
from sat.ui import links
from sat.ui.models import config_of, get_annotations, get_captioner
from sat.ui.picker import pick_picture
from sat.ui.samples import read_sample, samples

NEED_OTHERS = ("show-and-tell", "doubly-stochastic", "search")  # chapters that set models side by side
NEED_GALLERY = ("annotations",)  # that look into other pictures


def choose_example(names: Sequence[str], labels: dict[str, str]) -> tuple[str, Picture]:
    """Draw the picture's and the model's choice; both stay as they are while the person reads on.

    Raises:
        UserError: the picture cannot be read.
    """
    model = links.select("Model", list(names), labels, name=links.MODEL, default=names[0])
    picked = pick_picture()
    return model, picked[0] if picked is not None else read_sample(samples()[0].name)


def example(model: str, picture: Picture, chapter: str, names: Sequence[str]) -> Scene:
    """The scene of a chapter, captioned once for all visitors."""
    beside: tuple[str, ...] = ()
    if chapter in NEED_OTHERS:
        mine = config_of(model)
        alike = [n for n in names if n != model and config_of(n).encoder == mine.encoder]
        beside = tuple(alike[:3])
    return _scene(model, picture.digest, chapter in NEED_GALLERY, beside, picture)


@st.cache_resource(max_entries=12, show_spinner=False)
def _scene(model: str, digest: str, gallery: bool, beside: tuple[str, ...], _picture: Picture) -> Scene:
    shown = []
    if gallery:
        for sample in samples():
            other = sample.read()
            if other.digest != digest:
                shown.append((sample.label, get_annotations(model, other)))
    return set_scene(
        get_captioner(model),
        _picture,
        raw=get_annotations(model, _picture),
        beside=[get_captioner(name) for name in beside],
        gallery=shown,
    )


def at_step(scene: Scene, step: int) -> Scene:
    """The scene at another of its words; at its last where there is no such word."""
    try:
        return scene.at(step)
    except UserError:
        return scene.at(len(scene.trace.words))
