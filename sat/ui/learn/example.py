"""The running example: a model, a picture, its caption and the word that one looks at."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sat.errors import UserError
from sat.images import Picture
from sat.lessons.chapters import doubly
from sat.lessons.scene import Scene, set_scene
from sat.ui import datasets, links
from sat.ui.learn.gallery import gallery
from sat.ui.models import config_of, get_annotations, get_captioner
from sat.ui.picker import is_from_dataset, pick_picture
from sat.ui.samples import read_sample, samples
from sat.ui.turns import served, working

NEED_OTHERS = ("show-and-tell", "search")  # chapters that set models side by side
NEED_GALLERY = ("annotations",)  # that look into other pictures
NEED_CAPTIONS = ("scores",)  # that compare with what people wrote
MOST = 10  # captions by people, and
LONGEST = 300  # characters of one


def choose_example(names: Sequence[str], labels: dict[str, str]) -> tuple[str, Picture, tuple[str, ...]]:
    """Draw the picture's and the model's choice; both stay as they are while the person reads on.

    Returns:
        the model's name, the picture, and what people wrote about it (nothing but for data sets).

    Raises:
        UserError: the picture cannot be read.
    """
    model = links.select("Model", list(names), labels, name=links.MODEL, default=names[0])
    picked = pick_picture()
    if picked is None:
        return model, read_sample(samples()[0].name), ()
    return model, picked[0], datasets.asked_captions() if is_from_dataset() else ()


def own_captions(known: tuple[str, ...]) -> tuple[str, ...]:
    """Let the person describe the picture; the captions to compare with, those that are known before anybody's own."""
    text = st.text_area(
        "How would you describe the picture? One description a line."
        if not known
        else "People described it already. Add your own descriptions, one a line.",
        key="own_captions",
        max_chars=MOST * LONGEST,
        height=90,
        placeholder="an astronaut smiles in front of a flag",
    )
    own = [line.strip()[:LONGEST] for line in text.splitlines() if line.strip()]
    return (*known, *own)[:MOST]


def example(model: str, picture: Picture, chapter: str, names: Sequence[str], captions: tuple[str, ...] = ()) -> Scene:
    """The scene of a chapter, captioned once for all visitors."""
    beside: tuple[str, ...] = ()
    if chapter in NEED_OTHERS:
        mine = config_of(model)
        alike = [n for n in names if n != model and config_of(n).encoder == mine.encoder]
        kinds: dict[str, str] = {}
        for name in alike:  # the first of each kind of attention, all with the same LSTM
            if config_of(name).recurrence == "lstm":
                kinds.setdefault(config_of(name).attention, name)
        beside = tuple(kinds.values())
    elif chapter == doubly.CHAPTER.slug:
        beside = tuple(n for n in doubly.PAIR if n in names and n != model)
        if len({*beside, model} & set(doubly.PAIR)) < len(doubly.PAIR):
            beside = tuple(n for n in names if n != model)[:3]
    said = captions if chapter in NEED_CAPTIONS else ()
    return served(lambda: _scene(model, picture.digest, chapter in NEED_GALLERY, beside, said, picture))


@st.cache_resource(max_entries=12, show_spinner=False)
def _scene(
    model: str, digest: str, needs_gallery: bool, beside: tuple[str, ...], captions: tuple[str, ...], _picture: Picture
) -> Scene:
    with working():
        return set_scene(
            get_captioner(model),
            _picture,
            raw=get_annotations(model, _picture),
            references=captions,
            beside=[get_captioner(name) for name in beside],
            gallery=gallery(model, digest) if needs_gallery else (),
        )


def at_step(scene: Scene, step: int) -> Scene:
    """The scene at another of its words; at its last where there is no such word."""
    try:
        return scene.at(step)
    except UserError:
        return scene.at(len(scene.trace.words))
