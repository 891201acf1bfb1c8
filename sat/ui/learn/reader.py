"""Walking through the chapters: contents, screens one at a time, presenter mode, handout."""

from __future__ import annotations

import streamlit as st

from sat.drawing.charts import percent
from sat.drawing.words import first_content_word
from sat.lessons.chapter import Chapter
from sat.lessons.chapters import CHAPTERS
from sat.lessons.handout import handout
from sat.lessons.scene import Scene
from sat.lessons.steps import step_numbers, step_with
from sat.ui import links
from sat.ui.diagram import diagram
from sat.ui.learn.example import at_step
from sat.ui.learn.screen import draw_screen
from sat.ui.models import get_captioner
from sat.ui.player import word_player

CHAPTER, SCREEN = "chapter", "screen"  # in the address
SLUGS = [chapter.slug for chapter in CHAPTERS]
_BIG = "<style>.stMain p, .stMain li, .stMain label {font-size: 1.35rem !important; line-height: 1.5}</style>"


def chapter_of_address() -> Chapter:
    """The chapter that the address asks for, or the first."""
    asked = st.query_params.get(CHAPTER)
    return next((chapter for chapter in CHAPTERS if chapter.slug == asked), CHAPTERS[0])


def screen_of_address(chapter: Chapter) -> int:
    """The screen that the address asks for, or the first."""
    asked = st.query_params.get(SCREEN)
    return next((i for i, screen in enumerate(chapter.screens) if screen.slug == asked), 0)


def go(chapter: str, screen: str) -> None:
    """Turn to a screen."""
    st.query_params[CHAPTER] = chapter
    st.query_params[SCREEN] = screen


def contents(chapter: Chapter) -> None:
    """The list of chapters."""
    key = "chapter_choice"
    st.session_state[key] = chapter.slug

    def choose() -> None:
        st.query_params[CHAPTER] = st.session_state[key]
        links.forget(SCREEN)

    titles = {c.slug: f"{i}. {c.title}" for i, c in enumerate(CHAPTERS, start=1)}
    st.selectbox("Chapter", SLUGS, format_func=titles.__getitem__, key=key, on_change=choose)


def read(chapter: Chapter, scene: Scene, model: str) -> None:
    """The running example beside the screen; the fragment runs alone when the word changes."""
    if chapter_of_address().slug != chapter.slug:
        st.rerun()  # the whole page: this fragment was given another chapter
    at = screen_of_address(chapter)
    if st.session_state.get("presenter"):
        st.html(_BIG)
    left, right = st.columns([0.4, 0.6], gap="large")
    with left:
        step = _example(scene, model)
    here = at_step(scene, step)
    with right:
        _where(chapter, at)
        draw_screen(chapter, chapter.screens[at], here)
        if chapter.slug == "one-step" and here.attends:
            _try(here)
        _turn(chapter, at)
    _diagram(chapter, at, here)
    st.download_button(
        "Handout of this chapter (PDF)",
        lambda: handout(chapter, here),
        file_name=f"{chapter.slug}.pdf",
        mime="application/pdf",
        on_click="ignore",
        key="handout",
        help="One sheet with the texts, formulas and questions of the chapter, and the numbers of this word.",
    )


def _example(scene: Scene, model: str) -> int:
    picture, trace = scene.picture, scene.trace
    assert picture is not None, "the example has a picture"
    usual = first_content_word(trace.words)
    asked = links.step_from_address()
    played = word_player(
        picture,
        trace,
        get_captioner(model).geometry,
        key="lesson_player",
        start=usual if asked is None else min(asked, max(len(trace.words) - 1, 0)),
        usual_start=usual,
        reason=None
        if scene.attends
        else "This model has no attention: it sees the picture once, before the first word.",
    )
    return played.step


def _where(chapter: Chapter, at: int) -> None:
    st.caption(f"{chapter.title} · {at + 1} of {len(chapter.screens)}")
    st.progress((at + 1) / len(chapter.screens))


def _turn(chapter: Chapter, at: int) -> None:
    """To the screen before and after, over the ends of chapters."""
    before, after = _neighbour(chapter, at, -1), _neighbour(chapter, at, 1)
    with st.container(horizontal=True):
        st.button(
            "Back",
            icon=":material/arrow_back:",
            key="back",
            disabled=before is None,
            on_click=go,
            args=before,
            shortcut="b",
        )
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            key="next",
            type="primary",
            disabled=after is None,
            on_click=go,
            args=after,
            shortcut="n",
        )


def _neighbour(chapter: Chapter, at: int, by: int) -> tuple[str, str] | None:
    places = [(c.slug, s.slug) for c in CHAPTERS for s in c.screens]
    i = places.index((chapter.slug, chapter.screens[at].slug)) + by
    return places[i] if 0 <= i < len(places) else None


def _diagram(chapter: Chapter, at: int, scene: Scene) -> None:
    """Figure 1 or figure 4 of the paper, in our own drawing, with the numbers of the step."""
    name = "cell" if chapter.slug in ("recurrent", "lstm", "hard") else "pipeline"
    values = {"word": f"“{scene.word}”", "previous": f"“{scene.previous}”"}
    config = scene.captioner.config
    values["places"] = f"{config.places} x {config.annotation_dim}"
    found = scene.look(step_numbers, scene.step)
    values["state"] = f"{len(found.hidden)} numbers"
    for gate, numbers in zip(("input", "forget", "output", "candidate"), found.gates, strict=True):
        values[gate] = f"mean {float(numbers.mean()):.2f}"
    if scene.attends and scene.step < len(scene.trace.steps):
        step = scene.trace.steps[scene.step]
        if step.entropy is not None and step.beta is not None:
            values["attention"] = f"H = {step.entropy:.2f} nats"
            values["gate"] = f"β = {step.beta:.2f}"
    st.caption("The whole way, with the numbers of this word. Every part leads to its chapter.")
    diagram(name, values, key="diagram", here=f"{chapter.slug}/{chapter.screens[at].slug}", on_part=go)


def _try(scene: Scene) -> None:
    """Set the gate and the sharpness of attention by hand."""
    with st.container(border=True):
        st.markdown("**Try it**")
        beta = scene.trace.steps[scene.step].beta if scene.step < len(scene.trace.steps) else None
        gate = st.slider("Gate β", 0.0, 1.0, round(beta or 0.5, 2), 0.05, key=f"try gate {scene.step}")
        power = st.slider(
            "Attention to the power of",
            0.0,
            5.0,
            1.0,
            0.25,
            key="try power",
            help="0 looks everywhere alike, 1 is the model's own, above 1 is sharper.",
        )
        own = scene.trace.steps[scene.step].alpha if scene.step < len(scene.trace.steps) else None
        alpha = None if own is None else own.astype(float) ** power
        edited = scene.look(step_with, scene.step, alpha=alpha, beta=gate, top=5)
        st.markdown(
            f"p(“{scene.word}”) goes from **{percent(edited.before)}** to **{percent(edited.probability)}**. "
            f"Likeliest now: {', '.join(f'{w} {percent(p)}' for w, p in edited.top)}."
        )
