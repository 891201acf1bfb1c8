"""Walking through the chapters: contents, screens one at a time, presenter mode, handout."""

from __future__ import annotations

import streamlit as st

from sat.drawing.words import first_content_word
from sat.lessons.chapter import Chapter
from sat.lessons.chapters import CHAPTERS
from sat.lessons.handout import handout
from sat.lessons.scene import Scene
from sat.ui import links
from sat.ui.learn import trying
from sat.ui.learn.example import at_step
from sat.ui.learn.picture import whole_way
from sat.ui.learn.screen import draw_screen
from sat.ui.learn.turn import top_of
from sat.ui.models import get_captioner, no_maps
from sat.ui.player import Played, word_player

CHAPTER, SCREEN = "chapter", "screen"  # in the address
SLUGS = [chapter.slug for chapter in CHAPTERS]


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
    screen = chapter.screens[at]
    left, right = st.columns([0.4, 0.6], gap="large")
    with left:
        played = _example(scene, model, paint=chapter.slug == trying.CHAPTER and screen.slug in trying.PAINTED)
    here = at_step(scene, played.step)
    with right:
        _where(chapter, at)
        draw_screen(chapter, screen, here)
        if chapter.slug == trying.CHAPTER:
            trying.try_it(screen.slug, here, played.box)
        _turn(chapter, at)
    whole_way(chapter, screen.slug, here, go)
    st.download_button(
        "Handout of this chapter (PDF)",
        lambda: handout(chapter, here),
        file_name=f"{chapter.slug}.pdf",
        mime="application/pdf",
        on_click="ignore",
        key="handout",
        icon=":material/print:",
        help="One sheet with the texts, formulas and questions of the chapter, and the numbers of this word.",
    )


def _example(scene: Scene, model: str, *, paint: bool) -> Played:
    picture, trace = scene.picture, scene.trace
    assert picture is not None, "the example has a picture"
    usual = first_content_word(trace.words)
    asked = links.step_from_address()
    return word_player(
        picture,
        trace,
        get_captioner(model).geometry,
        key="lesson_player",
        start=usual if asked is None else min(asked, max(len(trace.words) - 1, 0)),
        usual_start=usual,
        reason=no_maps(model),
        on_paint=trying.keep_painted(trace.identity) if paint and scene.attends else None,
    )


def _where(chapter: Chapter, at: int) -> None:
    with st.container(gap=None):  # the mark takes no room
        top_of(f"{chapter.slug}/{chapter.screens[at].slug}")
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
