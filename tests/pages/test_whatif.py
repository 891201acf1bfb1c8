"""What-ifs and closer looks in Explore, without a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_explore import components, run

from sat.analysis.branch import branch
from sat.analysis.tree import ROOT, BranchTree
from sat.captioner import load
from sat.config import Decoding
from sat.decoding.interventions import Flatten, ForceWord, SetGate
from sat.drawing.words import first_content_word
from sat.trace import Trace
from sat.ui.paste import MAX_CHARACTERS, decoded
from sat.ui.player import read_painting
from sat.ui.samples import read_sample, sample_names


def players(app: AppTest) -> list[dict]:
    return [json.loads(proto.json)[0] for proto in components(app, "sat_word_player")]


def words(data: dict) -> list[str]:
    return [word["word"] for word in data["words"]]


@pytest.fixture
def original(tiny) -> Trace:
    return load("soft-tiny").caption(read_sample(sample_names()[0]))


def another(trace: Trace, step: int) -> str:
    return next(w for w, _ in trace.steps[step].top if w != trace.words[step] and not w.startswith("<"))


def test_another_word_is_a_branch_beside_the_original(original):
    step = first_content_word(original.words)
    word = another(original, step)
    app = run()
    app.selectbox(key="whatif_word").set_value(word).run()
    assert not app.exception and not app.warning
    left, right = players(app)
    expected = branch(load("soft-tiny"), read_sample(sample_names()[0]), original, [ForceWord(step=step, word=word)])
    assert words(left) == original.words and words(right) == expected.trace.words
    assert [w["changed"] for w in right["words"]] == [t >= step for t in range(len(right["words"]))]
    assert left["group"] == right["group"] and left["positions"] == list(range(len(original.words)))
    metric = {m.label: m.value for m in app.metric}
    at = expected.changes[-1]
    assert metric["Next words moved by"] == f"{at.divergence:.3f}"
    assert metric[f"“{original.words[step]}” is now"] == f"number {at.rank}"
    # The address restores it.
    again = run(branches=app.query_params["branches"], branch=app.query_params["branch"])
    assert [words(p) for p in players(again)] == [words(left), words(right)]
    # Back to the original alone.
    app.button_group(key="branch_choice").set_value(ROOT).run()
    assert len(players(app)) == 1 and "branch" not in app.query_params and "branches" in app.query_params


def test_branches_grow_on_branches_and_are_named_and_removed(original):
    app = run()
    app.button_group(key="whatif_subject").set_value("gate").run()
    app.button(key="whatif_try").click().run()
    app.button(key="build_on").click().run()
    (only,) = players(app)
    app.button_group(key="whatif_subject").set_value("attention").run()
    app.selectbox(key="whatif_way").set_value("uniform").run()
    app.button_group(key="whatif_every").set_value(True).run()
    app.button(key="whatif_try").click().run()
    assert not app.exception and not app.warning
    tree = BranchTree.from_link(app.query_params["branches"])
    step = first_content_word(original.words)
    assert [node.parent for node in tree.nodes] == [ROOT, 1]
    assert tree.nodes[0].edits == (SetGate(step=step, value=0.0),) and tree.nodes[1].edits == (Flatten(step=None),)
    left, _ = players(app)
    assert words(left) == words(only)
    app.text_input(key="branch_name_2").set_value("all places").run()
    assert BranchTree.from_link(app.query_params["branches"]).node(2).name == "all places"
    app.button_group(key="branch_choice").set_value(1).run()
    app.button(key="remove_branch").click().run()  # and with it what hangs on it
    assert "branches" not in app.query_params and len(players(app)) == 1


@pytest.mark.parametrize("way", ["move", "pin", "uniform", "shuffle"])
def test_every_way_of_other_attention_makes_a_branch(tiny, way):
    app = run()
    app.button_group(key="whatif_subject").set_value("attention").run()
    app.selectbox(key="whatif_way").set_value(way).run()
    app.button(key="whatif_try").click().run()
    assert not app.exception and not app.warning
    assert len(players(app)) == 2


def test_painting_is_allowed_only_when_it_is_chosen(tiny):
    app = run()
    assert not players(app)[0]["paint"]
    app.button_group(key="whatif_subject").set_value("attention").run()
    assert players(app)[0]["paint"]
    app.selectbox(key="whatif_way").set_value("cell").run()
    assert not players(app)[0]["paint"]
    assert any("drag a box" in caption.value for caption in app.caption)


def test_without_attention_only_words_and_the_picture_can_be_changed(tiny):
    app = run(model="none-tiny")
    assert list(app.button_group(key="whatif_subject").options) == ["Word", "Picture"]
    assert list(app.button_group(key="panel_choice").options) == ["Why this word", "The whole caption"]


@pytest.mark.parametrize("model", ["soft-tiny", "hard-tiny", "none-tiny"])
@pytest.mark.parametrize("panel", ["why", "cells", "trust", "whole"])
def test_every_closer_look_at_every_model(tiny, model, panel):
    app = run(model=model, panel=panel)
    assert not app.error and not app.warning
    if model == "none-tiny" and panel in ("cells", "trust"):
        panel = "why"  # the usual one
    assert app.button_group(key="panel_choice").value == panel
    if panel == "whole":
        assert any("log p of the caption is" in caption.value for caption in app.caption)


def test_why_this_word_and_not_that_one(original):
    from sat.analysis.attribution import attribute
    from sat.ui.closer import signed

    step = first_content_word(original.words)
    other = another(original, step)
    app = run(panel="why")
    app.selectbox(key="why_against").set_value(other).run()
    captioner = load("soft-tiny")
    raw = captioner.annotate([read_sample(sample_names()[0])])
    total = captioner.analyse(attribute, raw, original, step, original.words[step], other).total
    assert any(f"What its difference of logits of {signed(total)} is made of" in m.value for m in app.markdown)


@pytest.mark.parametrize("text", ["nonsense", "1.AAAA", "1." + "x" * 5000, "²"])
def test_a_bad_branch_link_shows_the_original_with_a_note(tiny, text):
    app = run(branches=text)
    assert len(players(app)) == 1
    (said,) = [w.value for w in app.warning]
    assert "branches of this link cannot be shown" in said and len(said) < 300
    app.run()
    assert not app.warning


def test_a_branch_that_does_not_fit_shows_the_original_with_a_note(tiny):
    tree, _ = BranchTree().add(ROOT, [ForceWord(step=0, word="xylophonist")])
    app = run(branches=tree.to_link())
    assert len(players(app)) == 1 and "does not know the word" in app.warning[0].value


def test_a_branch_stays_with_its_caption(original):
    app = run()
    app.selectbox(key="whatif_word").set_value(another(original, first_content_word(original.words))).run()
    app.button_group(key="model_choice").set_value("hard-tiny").run()
    assert len(players(app)) == 1 and "branches" not in app.query_params
    app.button_group(key="model_choice").set_value("soft-tiny").run()
    assert len(players(app)) == 2  # it is still there


def test_what_was_painted_is_checked(tiny):
    trace = load("soft-tiny").caption(read_sample("cat"), Decoding(method="greedy", max_words=5))
    assert trace.alphas is not None
    shape = trace.alphas.shape[1:]
    good = np.ones(shape).tolist()
    step, levels = read_painting({"id": "id", "step": 1, "levels": good}, "id", trace)
    assert step == 1 and levels.shape == shape
    for wrong in (
        None, 7, {}, {"id": "other", "step": 1, "levels": good}, {"id": "id", "step": 99, "levels": good},
        {"id": "id", "step": "1", "levels": good}, {"id": "id", "step": 1, "levels": [[1]]},
        {"id": "id", "step": 1, "levels": "x"}, {"id": "id", "step": 1, "levels": np.zeros(shape).tolist()},
        {"id": "id", "step": 1, "levels": (-np.ones(shape)).tolist()},
        {"id": "id", "step": 1, "levels": [[1], [1, 2]]},
    ):  # fmt: skip
        assert read_painting(wrong, "id", trace) is None


def test_what_was_pasted_is_checked():
    assert decoded("aGVsbG8=") == b"hello"
    for wrong in (None, 3, "?", "aGVsbG8", "a" * (MAX_CHARACTERS + 4)):
        assert decoded(wrong) == b""
