"""The screens on likelihood, evidence, search and trust against loops, recorded scores and hand-made trees."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from sat.analysis.evidence import evidence
from sat.analysis.faithfulness import faithfulness, judge
from sat.analysis.necessity import necessity
from sat.errors import UserError
from sat.lessons.chapters import search, show_and_tell, trust
from sat.lessons.engine import fill
from sat.lessons.scene import Scene
from sat.trace import BeamNode
from tests.lessons.slow import L, model, scene_of, slow_steps


def test_the_likelihood_is_the_sum_over_words(any_scene):
    steps = slow_steps(any_scene)
    chosen = [s["log_probs"][s["chosen"]] for s in steps]
    found = show_and_tell.likelihood(any_scene)
    assert found.number("log_prob") == pytest.approx(sum(chosen), abs=1e-4)
    assert found.number("log_prob") == pytest.approx(any_scene.trace.log_prob, abs=1e-4)
    assert found.number("probability") == pytest.approx(np.prod(np.exp(chosen)), rel=1e-3)
    assert found.number("perplexity") == pytest.approx(np.exp(-np.mean(chosen)), rel=1e-4)
    assert found.facts["least"] == any_scene.words[int(np.argmin(chosen))]
    np.testing.assert_allclose([row[3] for row in found.tables[0].rows], np.cumsum(chosen), atol=1e-4)


def test_the_model_without_attention_writes_its_own_caption():
    scene, other = scene_of("soft"), scene_of("none")
    shown = show_and_tell.once(Scene(scene.captioner, scene.raw, scene.trace, 1, beside=(other.captioner,)))
    (trace,) = other.captioner.caption_annotations(scene.raw)
    want = other.captioner.analyse(evidence, scene.raw, trace).evidence
    assert shown.facts["caption"] == trace.caption and shown.facts["beside"] == scene.trace.caption
    np.testing.assert_allclose(shown.charts[0].series[0].y, want)
    half = len(want) // 2
    assert shown.number("early") == pytest.approx(want[:half].mean())
    assert shown.number("late") == pytest.approx(want[half:].mean())
    own = show_and_tell.once(other)
    assert own.facts["caption"] == other.trace.caption


def test_recorded_scores_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    numbers = {"soft": (60.0, 22.0, 20.0, 55.0), "none": (60.0, 20.0, 19.0, 44.0), "hard": (61.0, 21.0, 21.0, 50.0)}
    for kind, (one, four, meteor, cider) in numbers.items():
        folder = tmp_path / f"{kind}-x"
        folder.mkdir()
        config = model(kind).config.model_copy(update={"name": f"{kind}-x"})
        (folder / "config.json").write_text(config.model_dump_json())
        standard = {"BLEU-1": one, "BLEU-4": four, "METEOR": meteor, "CIDEr": cider}
        grounding = {"phrases": 10, "correctness_last": 0.5, "uniform": 0.3, "centre": 0.4, "pointing_0": 0.6}
        grounding["centre_pointing"] = 0.55
        record = {"standard": standard, "grounding": None if kind == "none" else grounding}
        (folder / "metrics.json").write_text(json.dumps(record))
    found = show_and_tell.scores(scene_of())
    assert found.number("gain_bl") == pytest.approx(0.1) and found.number("gain_ci") == pytest.approx(0.25)
    assert found.facts["best_name"] == "CIDEr" and len(found.tables[0].rows) == 3
    question = fill(show_and_tell.CHAPTER.screens[2], scene_of()).question
    assert question.options[question.answer] == "CIDEr"
    with pytest.raises(UserError, match="not compared with boxes"):
        trust.people(scene_of())  # soft-tiny is not among them
    scene = scene_of()
    monkeypatch.setattr(scene.captioner.decoder, "config", scene.captioner.config.model_copy(update={"name": "soft-x"}))
    people = trust.people(scene)
    assert (people.number("inside"), people.number("pointing"), people.number("phrases")) == (0.5, 0.6, 10)
    assert [row[0] for row in people.tables[0].rows] == ["soft-x", "hard-x"]
    (tmp_path / "soft-x" / "metrics.json").write_text("{")
    with pytest.raises(UserError, match="no scores"):
        show_and_tell.scores(scene_of())


TREE = (
    BeamNode(-1, 0, "a", -0.5, -0.5),
    BeamNode(-1, 0, "red", -1.0, -1.0),
    BeamNode(0, 1, "<end>", -0.9, -1.4, -1.4 / 2**0.7),
    BeamNode(0, 1, "dog", -0.2, -0.7),
    BeamNode(1, 1, "cat", -0.1, -1.1),
    BeamNode(3, 2, "<end>", -0.8, -1.5, -1.5 / 3**0.7),
    BeamNode(4, 2, "<end>", -0.6, -1.7, -1.7 / 3**0.7),
)


def test_endings_of_a_tree_by_hand():
    found = search.finished(TREE)
    assert [(f.words, f.length, f.log_prob) for f in found] == [
        (("a",), 2, -1.4), (("a", "dog"), 3, -1.5), (("red", "cat"), 3, -1.7),
    ]  # fmt: skip
    assert found[1].score(0) == -1.5 and found[1].score(1) == -0.5
    assert max(found, key=lambda f: f.score(0)).words == ("a",)  # the shorter is the more probable
    assert max(found, key=lambda f: f.score(1)).words == ("a", "dog")
    assert search.path(TREE, 5) == (0, 3, 5)


def test_endings_are_ranked_by_their_own_totals(any_scene):
    decoding = any_scene.captioner.config.decoding.model_copy(update={"method": "beam", "beam": 3})
    (trace,) = any_scene.captioner.caption_annotations(any_scene.raw, decoding, tree=True)
    ended = search.finished(trace.tree)
    for one in ended:  # each reads as the model itself says
        read = any_scene.captioner.read(any_scene.raw, one.words)
        assert one.log_prob == pytest.approx(read.log_prob, abs=1e-4) and one.length == len(one.words) + 1
    found = search.length(any_scene)
    for i, norm in enumerate(search.NORMS):
        best = max(ended, key=lambda f, n=norm: f.log_prob / f.length**n)
        assert found.facts[f"winner_{i}"] == (" ".join(best.words) or "(no words)")
        assert found.number(f"length_{i}") == best.length
    assert found.number("length_0") <= found.number("length_2")
    tree = search.beam(any_scene)
    assert tree.facts["caption"] == (trace.caption or "(no words)") and tree.number("finished") == len(ended)
    marked = [node.label for node in tree.trees[0].nodes if node.chosen]
    assert marked == [*trace.words, "<end>"]
    firsts = sorted((n.total for n in trace.tree if n.step == 0 and n.word != "<end>"), reverse=True)
    assert all(a >= b for a, b in pairwise(firsts)) and 0 <= tree.number("rank") < len(firsts)


def test_the_tree_shows_where_the_model_looked(attending):
    decoding = attending.captioner.config.decoding.model_copy(update={"method": "beam", "beam": 3})
    (trace,) = attending.captioner.caption_annotations(attending.raw, decoding, tree=True)
    nodes = search.beam(attending).trees[0].nodes
    assert [n.final for n in nodes] == [n.word == "<end>" for n in trace.tree]
    for number, node in enumerate(nodes):
        if node.final:
            assert node.map is None
            continue
        way = search.path(trace.tree, number)
        read = attending.captioner.read(attending.raw, [trace.tree[i].word for i in way])
        np.testing.assert_allclose(node.map, read.glimpses[-1], atol=1e-6)
    assert all(n.map is None for n in search.beam(scene_of("none")).trees[0].nodes)


def test_greedy_and_beam_part_where_they_part(any_scene):
    base = any_scene.captioner.config.decoding
    one, several = (
        any_scene.captioner.caption_annotations(any_scene.raw, base.model_copy(update={"method": m, "beam": 3}))[0]
        for m in ("greedy", "beam")
    )
    found = search.greedy(any_scene)
    assert found.number("gain") == pytest.approx(several.log_prob - one.log_prob)
    assert found.facts["same"] == (one.words == several.words)
    shared = int(found.number("shared"))
    assert one.words[:shared] == several.words[:shared]
    assert found.facts["same"] or one.words[shared : shared + 1] != several.words[shared : shared + 1]
    for row, step in zip(found.tables[0].rows, one.steps, strict=True):
        assert row[0] == step.word and row[1] == pytest.approx(np.exp(step.log_prob))
        assert row[2] is None or row[3] <= row[1] + 1e-6


def test_every_map_is_put_to_the_test(attending):
    found = trust.where_not(attending)
    assert found.number("words") == len(attending.words)
    counts = dict.fromkeys(("holds", "part", "not", "idle"), 0)
    for step, row in enumerate(found.tables[0].rows):
        moved = attending.look(necessity, step, shuffles=1, seed=0).uniform
        whole = attending.look(faithfulness, step, points=8, random_orders=8, seed=0)
        verdict = judge(moved, whole.deletion, whole.insertion)
        counts[verdict] += 1
        assert row[:2] == (attending.words[step], moved) and row[2] == whole.deletion.auc["alpha"]
    assert {name: found.number(name) for name in counts} == counts
    rank = {"it cannot be trusted": 0, "it holds in part": 1, "it was not needed": 2, "it holds": 3}
    assert rank[found.facts["worst_verdict"]] == min(rank[row[-1]] for row in found.tables[0].rows)


def test_what_captions_name_is_read_from_the_records(tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CHECKPOINTS", str(tmp_path))
    recall = {
        "soft": {"people": 60.0, "clothing": 30.0, "food": 90.0},
        "none": {"people": 55.0, "clothing": 20.0, "food": 10.0},
    }
    made_up = {
        "soft": {"people": 5.0, "clothing": 40.0, "food": 1.0},
        "none": {"people": 6.0, "clothing": 35.0, "food": 2.0},
    }
    for kind in recall:
        folder = tmp_path / f"{kind}-x"
        folder.mkdir()
        config = model(kind).config.model_copy(update={"name": f"{kind}-x"})
        (folder / "config.json").write_text(config.model_dump_json())
        rows = {
            name: {"model": {"mentions": 3 if name == "food" else 100, "recall": share, "chair_i": made_up[kind][name]}}
            for name, share in recall[kind].items()
        }
        (folder / "hallucination.json").write_text(json.dumps({"by_kind": rows}))
    baseline = tmp_path / "a-x"  # before the others by name, and without attention too, but no LSTM
    baseline.mkdir()
    config = model("none").config.model_copy(update={"name": "a-x", "recurrence": "log-bilinear"})
    (baseline / "config.json").write_text(config.model_dump_json())
    (baseline / "hallucination.json").write_text((tmp_path / "soft-x" / "hallucination.json").read_text())
    found = show_and_tell.wrong(scene_of())
    assert found.facts["none"] == "none-x"
    assert (found.facts["best"], found.number("before"), found.number("after")) == ("clothing", 0.2, 0.3)
    assert (found.number("fewer"), found.number("kinds")) == (1, 2)  # food is named too seldom to count
    assert found.tables[0].rows[0] == ("people", 0.55, 0.6, 0.06, 0.05)
    (tmp_path / "none-x" / "hallucination.json").unlink()
    with pytest.raises(UserError, match="was not measured here"):
        show_and_tell.wrong(scene_of())


def test_trust_shows_what_the_analyses_say(attending):
    found, want = trust.needed(attending), attending.look(necessity, 1, seed=0)
    assert found.number("uniform") == want.uniform and found.number("shuffled") == want.shuffled
    assert found.number("scattered") == want.shuffled_probability
    curves, causes = trust.curves(attending), trust.causes(attending)
    whole = attending.look(faithfulness, 1, points=15, random_orders=8, seed=0)
    for name in ("alpha", "centre", "random"):
        assert curves.number(f"delete_{name}") == whole.deletion.auc[name]
        assert curves.number(f"insert_{name}") == whole.insertion.auc[name]
    np.testing.assert_array_equal(curves.charts[0].series[0].y, whole.deletion.alpha)
    assert causes.number("rank") == whole.rank_occlusion
    top = int(whole.alpha.argmax())  # a twentieth of six places is one
    assert causes.number("helpful") == float(whole.occlusion.ravel()[top] > 0) and L == 6
