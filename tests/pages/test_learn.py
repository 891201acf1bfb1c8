"""The Learn page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from test_explore import ENTRY, components, player

from sat.captioner import load
from sat.lessons.chapters import CHAPTERS
from sat.ui.samples import read_sample


def run(**address: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=120)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    return app


def title(app: AppTest) -> str:
    return app.subheader[0].value


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.slug)
def test_every_screen_of_every_chapter_is_shown(tiny, chapter):
    for screen in chapter.screens:
        app = run(chapter=chapter.slug, screen=screen.slug)
        assert title(app) == screen.title
        assert not app.warning and not app.error
        assert [w["word"] for w in player(app)["words"]] == load("soft-tiny").caption(read_sample("photographer")).words


def test_numbers_come_after_the_guess(tiny):
    app = run(chapter="one-step", screen="gate")
    latex = [item.value for item in app.latex]
    app.radio[0].set_value(0).run()
    app.button(key="reveal one-step/gate").click().run()
    assert len(app.latex) == len(latex) + 1
    assert len(app.success) + len(app.info) == 1  # right or wrong
    assert any("p(word), gate shut" in caption.value for caption in app.caption)


def test_the_numbers_can_be_seen_without_a_guess(tiny):
    app = run(chapter="one-step", screen="gate")
    app.button(key="skip one-step/gate").click().run()
    assert any("p(word), gate shut" in caption.value for caption in app.caption)


def test_next_goes_over_the_end_of_a_chapter(tiny):
    first = CHAPTERS[0]
    app = run(chapter=first.slug, screen=first.screens[-1].slug)
    app.button(key="next").click().run()
    assert title(app) == CHAPTERS[1].screens[0].title
    assert app.query_params["chapter"] == CHAPTERS[1].slug
    app.button(key="back").click().run()
    assert title(app) == first.screens[-1].title


def test_choosing_a_chapter_goes_to_its_first_screen(tiny):
    app = run(chapter="hard", screen="noise")
    app.selectbox(key="chapter_choice").set_value("scores").run()
    assert title(app) == next(c for c in CHAPTERS if c.slug == "scores").screens[0].title


def test_what_a_model_cannot_show_is_said(tiny):
    app = run(chapter="one-step", screen="softmax", model="none-tiny")
    assert any("has no attention" in info.value for info in app.info)


@pytest.mark.parametrize("address", [{"chapter": "astrology"}, {"chapter": "hard", "screen": "x"}, {"step": "-3"}])
def test_a_bad_link_falls_back_with_a_note(tiny, address):
    app = run(**address)
    assert f"{list(address)[-1]}=" in app.info[0].value and app.subheader


def test_no_model_is_said(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("SAT_RUNS", str(tmp_path / "runs"))
    app = run()
    assert "no trained model" in app.info[0].value and not components(app, "sat_word_player")
