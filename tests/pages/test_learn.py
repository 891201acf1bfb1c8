"""The Learn page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_explore import ENTRY, components, player

from sat.captioner import load
from sat.drawing.charts import percent
from sat.drawing.words import first_content_word
from sat.lessons.chapters import CHAPTERS
from sat.lessons.scene import Scene, set_scene
from sat.lessons.steps import step_with
from sat.ui.samples import read_sample


def run(**address: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=120)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    return app


def scene(model: str) -> Scene:
    return set_scene(load(model), read_sample("photographer"))


def first_step(model: str) -> int:
    return first_content_word(scene(model).trace.words)


def title(app: AppTest) -> str:
    return app.subheader[0].value


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.slug)
def test_every_screen_of_every_chapter_is_shown(tiny, chapter):
    for screen in chapter.screens:
        app = run(chapter=chapter.slug, screen=screen.slug)
        assert title(app) == screen.title
        assert not app.warning and not app.error
        assert [w["word"] for w in player(app)["words"]] == load("soft-tiny").caption(read_sample("photographer")).words


def facts(app: AppTest) -> str:
    """The values of the screen, as they stand in the page."""
    return "".join(html.proto.body for html in app.get("html"))


def test_numbers_come_after_the_guess(tiny):
    app = run(chapter="one-step", screen="gate")
    latex = [item.value for item in app.latex]
    assert "gate shut" not in facts(app)
    app.radio[0].set_value(0).run()
    app.button(key="reveal one-step/gate").click().run()
    assert not app.exception and len(app.latex) == len(latex) + 1
    assert len(app.success) + len(app.info) == 1 and not app.radio  # right or wrong
    assert "p(word), gate shut" in facts(app)


def test_the_numbers_can_be_seen_without_a_guess(tiny):
    app = run(chapter="one-step", screen="gate")
    app.button(key="skip one-step/gate").click().run()
    assert "p(word), gate shut" in facts(app) and len(app.info) == 1


def test_a_class_answers_together_and_is_reset(tiny):
    word = "room7"
    for guess in (0, 1, 1):
        app = run(chapter="one-step", screen="gate", **{"class": word})
        app.radio[0].set_value(guess).run()
        app.button(key="reveal one-step/gate").click().run()
    assert any(caption.value == f"3 answers so far in {word}." for caption in app.caption)
    other = run(chapter="one-step", screen="gate", **{"class": "elsewhere"})
    assert any(caption.value == "0 answers so far in elsewhere." for caption in other.caption)
    app.button(key="reset one-step/gate").click().run()
    assert any(caption.value == f"0 answers so far in {word}." for caption in app.caption)
    app.radio or app.button(key="forget_class").click().run()
    assert not app.exception
    app.text_input(key="class_word").set_value("blue room 9").run()
    assert app.query_params["class"] == ["blueroom9"] or app.query_params["class"] == "blueroom9"


def changed(app: AppTest) -> list[str]:
    return [m.value for m in app.markdown if "and now" in m.value]


@pytest.mark.parametrize(
    ("screen", "change"),
    [
        ("softmax", lambda app: app.slider(key="try_power").set_value(4.0)),
        ("context", lambda app: app.segmented_control(key="try_context").set_value("flat")),
        ("gate", lambda app: next(s for s in app.slider if s.key.startswith("try_gate")).set_value(1.0)),
        ("output", lambda app: app.selectbox(key="try_previous").set_value("dog")),
    ],
)
def test_parts_of_a_step_are_changed_by_hand(tiny, screen, change):
    app = run(chapter="one-step", screen=screen)
    assert not changed(app)
    change(app).run()
    assert not app.exception and len(changed(app)) == 1 and "The guess moved by" in facts(app)


def test_a_gate_of_the_lstm_is_set(tiny):
    app = run(chapter="one-step", screen="recurrence", model="none-tiny")
    app.segmented_control(key="try_which_gate").set_value("forget").run()
    want = scene("none-tiny").look(step_with, first_step("none-tiny"), gates={"forget": 0.0})
    assert f"now **{percent(want.probability)}**" in changed(app)[0]


def test_attention_is_painted_and_scores_are_raised(tiny):
    here, step = scene("soft-tiny"), first_step("soft-tiny")
    levels = np.zeros((14, 14))
    levels[3, 4] = 1.0
    app = AppTest.from_file(ENTRY, default_timeout=120)
    app.query_params["chapter"], app.query_params["screen"] = "one-step", "softmax"
    app.session_state["_try_alpha"] = (here.trace.identity, step, levels)
    app.switch_page("pages/learn.py").run()
    want = here.look(step_with, step, alpha=levels)
    assert f"now **{percent(want.probability)}**" in changed(app)[0]
    app.button(key="try_wipe").click().run()
    assert not app.exception and not changed(app)
    app = run(chapter="one-step", screen="score")
    assert any("Click a cell of the picture" in caption.value for caption in app.caption)


def test_own_captions_are_scored(tiny):
    app = run(chapter="scores", screen="ngrams")
    assert "(an example)" not in facts(app)
    app.button(key="skip scores/ngrams").click().run()
    assert "Caption (an example)" in facts(app)
    app.text_area(key="own_captions").set_value("a dog runs\n\nthe grass is green").run()
    app.button(key="skip scores/ngrams").click().run() if app.radio else None
    assert "Caption (an example)" not in facts(app) and "<dd>2</dd>" in facts(app)


def test_presenter_mode_has_larger_type_and_is_in_the_address(tiny):
    app = run(chapter="one-step", screen="gate", presenter="true")
    assert "font-size: 1.35rem" in facts(app) and app.toggle(key="presenter").value


def test_how_we_know_shows_the_code_and_the_test(tiny):
    app = run(chapter="one-step", screen="gate")
    code, test = (item.value for item in app.code)
    assert code.startswith("def step_with(") and "def test_a_step_with_another_gate_is_the_decoders_own(" in test


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
