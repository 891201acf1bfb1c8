"""What-ifs: what is kept, what is forced, what is written after it, and the numbers of the change."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from sat.analysis.branch import branch
from sat.config import Decoding
from sat.decoding.forward import Intervention, write
from sat.decoding.interventions import PaintMap, edit
from sat.errors import UserError
from sat.trace import Trace
from sat.vocabulary import END

from .small import COLUMNS, GREEDY, ROWS, VOCABULARY, L, captioned, js, model, plain_steps, raw_of

BEAM = Decoding(method="beam", beam=3, max_words=6)


def written_plainly(captioner, raw, decoding, interventions):
    """Greedy or sampled words with everything forced from the first step on."""
    with torch.inference_mode():
        annotations = captioner.decoder.annotate(raw)
        return write(captioner.decoder, annotations, decoding, interventions=interventions)[0][0]


def prefix(trace: Trace, length: int) -> dict[int, Intervention]:
    """Interventions that keep the first words of a caption."""
    ids = VOCABULARY.encode(trace.words)
    return {t: Intervention(word=ids[t], weights=torch.tensor(trace.steps[t].glimpse).flatten()) for t in range(length)}


def test_pinning_a_step_to_its_own_map_changes_nothing(attending):
    captioner, raw, trace = attending
    found = branch(captioner, None, trace, [edit({"kind": "pin", "step": 1, "to": 1})], raw=raw)
    assert found.trace.words == trace.words and found.first_changed is None
    assert found.log_prob_difference == pytest.approx(0, abs=1e-5)
    assert [c.word for c in found.changes] == [*trace.words, "<end>"]
    assert max(c.divergence for c in found.changes) < 1e-9
    assert all(c.rank == c.original_rank for c in found.changes)
    for old, new in zip(trace.steps, found.trace.steps, strict=True):
        np.testing.assert_allclose(new.glimpse, old.glimpse, atol=1e-6)


@pytest.mark.parametrize("attention", ["soft", "hard", "none"])
def test_another_word_is_followed_by_what_greedy_writes_after_it(attention):
    captioner, raw, trace = captioned(attention)
    for step in range(3):
        for word in ("cat", "red", "a"):
            found = branch(captioner, None, trace, [edit({"kind": "word", "step": step, "word": word})], raw=raw)
            forced = {
                t: Intervention(word=VOCABULARY.encode([w])[0]) for t, w in enumerate([*trace.words[:step], word])
            }
            plain = written_plainly(captioner, raw, GREEDY, forced)
            assert found.trace.words == [VOCABULARY.words[i] for i in plain.words]
            np.testing.assert_allclose([s.log_prob for s in found.trace.steps], plain.log_probs, atol=1e-5)
            assert found.first == step
            assert (found.first_changed is None) == (found.trace.words == trace.words)
            assert found.log_prob_difference == pytest.approx(found.trace.log_prob - trace.log_prob)
            # Nothing before the word is touched, so the distributions there are the very same.
            assert found.changes[step].divergence == pytest.approx(0, abs=1e-9)
            hidden = {"<pad>", "<start>", "<unk>"}
            assert not hidden & {w for s in found.trace.steps for w, _ in s.top}


@pytest.mark.parametrize("settings", [{}, {"method": "beam", "beam": 3}])
@pytest.mark.parametrize("attention", ["soft", "hard"])
def test_the_numbers_of_a_change_are_those_of_plain_steps(attention, settings):
    captioner, raw, trace = captioned(attention, **settings)
    weights = np.zeros(L)
    weights[4] = 1.0
    found = branch(captioner, None, trace, [edit({"kind": "cell", "step": 1, "row": 1, "column": 1})], raw=raw)
    before = plain_steps(captioner, raw, trace)
    after = plain_steps(captioner, raw, trace, {1: weights})  # the same words under the change
    ids = [*VOCABULARY.encode(trace.words), END]
    last = len(ids) - 1 if found.first_changed is None else found.first_changed
    assert [c.step for c in found.changes] == list(range(last + 1))
    for c in found.changes[: last + 1]:
        if c.step > 1:  # after the change the model looks by itself again, not where it looked then
            continue
        p, q = np.exp(before[c.step]), np.exp(after[c.step])
        assert c.divergence == pytest.approx(js(p, q), abs=1e-6)
        assert 0 <= c.divergence <= np.log(2)
        word = ids[c.step]
        assert c.original_log_prob == pytest.approx(np.log(p[word]), abs=1e-4)
        assert c.log_prob == pytest.approx(np.log(q[word]), abs=1e-4)
        assert c.rank == 1 + sum(q[i] > q[word] for i in range(len(q)))
        assert c.original_rank == 1 + sum(p[i] > p[word] for i in range(len(p)))
    assert found.trace.words[:1] == trace.words[:1]
    np.testing.assert_array_equal(found.trace.steps[1].alpha.flatten(), weights.astype(np.float32))
    np.testing.assert_allclose(found.own_alphas[1], trace.steps[1].alpha, atol=1e-5)
    assert found.forced == (1,)
    assert found.trace.steps[1].place == ((1, 1) if attention == "hard" else None)
    assert found.trace.steps[1].entropy == 0
    for t, step in enumerate(found.trace.steps):  # and the record is complete: it reads as it was written
        assert step.log_prob == pytest.approx(
            plain_steps(captioner, raw, found.trace)[t][VOCABULARY.encode([step.word])[0]], abs=1e-5
        )


def test_divergence_after_the_change_is_between_the_two_ways_on(attending):
    captioner, raw, trace = attending
    found = branch(captioner, None, trace, [edit({"kind": "uniform", "step": 0})], raw=raw)
    for c in found.changes:
        p = np.exp(plain_steps(captioner, raw, trace)[c.step])
        q = np.exp(plain_steps(captioner, raw, found.trace, {0: np.full(L, 1 / L)})[c.step])
        assert c.divergence == pytest.approx(js(p, q), abs=1e-6)
    assert found.changes[0].divergence > 1e-4


def test_every_kind_of_attention_is_put_in(attending):
    captioner, raw, trace = attending
    painted = np.array([[0, 1, 2], [0, 0, 1]])
    own = trace.steps[2].glimpse
    moved = np.zeros((ROWS, COLUMNS))
    for r in range(ROWS):
        for c in range(COLUMNS):
            moved[min(max(r - 1, 0), ROWS - 1), min(max(c + 1, 0), COLUMNS - 1)] += own[r, c]
    expected = {
        "map": ({"levels": painted.tolist()}, painted / 4),
        "uniform": ({}, np.full((ROWS, COLUMNS), 1 / L)),
        "move": ({"rows": -1, "columns": 1}, moved),
        "pin": ({"to": 0}, trace.steps[0].glimpse),
    }
    for kind, (settings, weights) in expected.items():
        found = branch(captioner, None, trace, [edit({"kind": kind, "step": 2, **settings})], raw=raw)
        step = found.trace.steps[2] if len(found.trace.steps) > 2 else None
        if step is None:  # it ended instead: the change is in the numbers
            assert found.first_changed == 2
            continue
        np.testing.assert_allclose(step.alpha, weights, atol=1e-6)
        np.testing.assert_allclose(step.glimpse, weights, atol=1e-6)
    seen = set()
    for seed in range(12):
        found = branch(captioner, None, trace, [edit({"kind": "shuffle", "step": 0, "seed": seed})], raw=raw)
        for step in found.trace.steps[:1]:  # none where the model now ends at once
            np.testing.assert_allclose(np.sort(step.alpha, None), np.sort(trace.steps[0].glimpse, None), atol=1e-6)
            seen.add(step.alpha.tobytes())
    assert len(seen) > 1


def test_attention_at_all_steps_holds_to_the_end(attending):
    captioner, raw, trace = attending
    found = branch(captioner, None, trace, [edit({"kind": "uniform"})], raw=raw)
    uniform = Intervention(weights=torch.full((L,), 1 / L))
    plain = written_plainly(captioner, raw, GREEDY, {t: uniform for t in range(7)})
    assert found.trace.words == [VOCABULARY.words[i] for i in plain.words]
    assert found.first == 0 and found.forced == tuple(range(len(plain.words)))
    assert (found.trace.end_log_prob is None) == (plain.end_log_prob is None)
    if plain.end_log_prob is not None:
        assert found.trace.end_log_prob == pytest.approx(plain.end_log_prob, abs=1e-5)
    assert all(step.place is None for step in found.trace.steps)


def test_a_shut_gate_takes_the_picture_out_of_the_step(attending):
    captioner, raw, trace = attending
    shut = branch(captioner, None, trace, [edit({"kind": "gate", "step": 1, "value": 0})], raw=raw)
    also = branch(
        captioner, None, trace,
        [edit({"kind": "gate", "step": 1, "value": 0}), edit({"kind": "cell", "step": 1, "row": 0, "column": 2})],
        raw=raw,
    )  # fmt: skip
    assert shut.changes[1].log_prob == pytest.approx(also.changes[1].log_prob, abs=1e-6)  # wherever it looks
    assert shut.changes[1].divergence > 1e-4
    if len(shut.trace.steps) > 1:
        assert shut.trace.steps[1].beta == 0


def test_a_branch_of_a_branch_keeps_what_was_forced_before(attending):
    captioner, raw, trace = attending
    first = branch(captioner, None, trace, [edit({"kind": "cell", "step": 0, "row": 1, "column": 2})], raw=raw)
    second = branch(captioner, None, first, [edit({"kind": "word", "step": 1, "word": "sits"})])
    place = torch.zeros(L)
    place[5] = 1.0
    ids = VOCABULARY.encode(first.trace.words)
    plain = written_plainly(
        captioner, raw, GREEDY,
        {0: Intervention(word=ids[0], weights=place), 1: Intervention(word=VOCABULARY.encode(["sits"])[0])},
    )  # fmt: skip
    assert second.original is first.trace
    assert second.trace.words == [VOCABULARY.words[i] for i in plain.words]
    np.testing.assert_allclose([s.log_prob for s in second.trace.steps], plain.log_probs, atol=1e-5)
    assert 0 in second.forced


@pytest.mark.parametrize("attention", ["soft", "hard", "none"])
def test_beam_goes_on_from_the_words_kept(attention):
    """A search wide enough to drop nothing finds the best of all captions that begin so."""
    import itertools

    captioner, raw, trace = captioned(attention, method="beam", beam=3, max_words=4)
    wide = Decoding(method="beam", beam=50, max_words=4, length_norm=0.7)
    found = branch(captioner, None, trace, [edit({"kind": "word", "step": 1, "word": "runs"})], raw=raw, decoding=wide)
    head = [*VOCABULARY.encode(trace.words)[:1], VOCABULARY.encode(["runs"])[0]]
    best = (-np.inf, None)
    with torch.inference_mode():
        annotations = captioner.decoder.annotate(raw)
        context = captioner.config.default_context or "expected"
        for length in range(3):
            for tail in itertools.product(range(4, len(VOCABULARY)), repeat=length):
                ids = [*head, *tail]
                logits, _ = captioner.decoder(annotations, torch.tensor([[[1, *ids]]]), context=context)
                log_prob = logits[0, 0].log_softmax(-1)
                total = float(sum(log_prob[t, w] for t, w in enumerate([*ids, END])))
                best = max(best, (total / (len(ids) + 1) ** 0.7, ids))
    assert VOCABULARY.encode(found.trace.words) == best[1]
    assert found.trace.log_prob / (len(best[1]) + 1) ** 0.7 == pytest.approx(best[0], abs=1e-4)


def test_a_sampled_caption_keeps_its_glimpses_before_the_change():
    captioner, raw, trace = captioned("hard", method="sample", context="sample")
    found = branch(captioner, None, trace, [edit({"kind": "word", "step": 2, "word": "red"})], raw=raw)
    assert [s.place for s in found.trace.steps[:2]] == [s.place for s in trace.steps[:2]]
    assert found.trace.words[:3] == [*trace.words[:2], "red"]
    forced = prefix(trace, 2)
    with torch.inference_mode():  # the forced word's own probability, under the glimpse that was drawn for it
        chosen = torch.tensor(found.trace.steps[2].glimpse).flatten()
    forced[2] = Intervention(word=VOCABULARY.encode(["red"])[0], weights=chosen)
    plain = written_plainly(captioner, raw, GREEDY, forced)
    np.testing.assert_allclose([s.log_prob for s in found.trace.steps[:3]], plain.log_probs[:3], atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"method": "beam", "beam": 3}])
def test_a_caption_can_be_ended_or_carried_on(settings):
    captioner, raw, trace = captioned("soft", **settings)
    for step in (0, 2):
        ended = branch(captioner, None, trace, [edit({"kind": "word", "step": step, "word": "<end>"})], raw=raw)
        assert ended.trace.words == trace.words[:step] and ended.first_changed == step
        after = plain_steps(captioner, raw, trace)[step]
        assert ended.trace.end_log_prob == pytest.approx(after[END], abs=1e-4)
    there = len(trace.words)
    longer = branch(captioner, None, trace, [edit({"kind": "word", "step": there, "word": "red"})], raw=raw)
    assert longer.trace.words[: there + 1] == [*trace.words, "red"] and longer.first_changed == there
    assert longer.changes[-1].word == "<end>"


def test_a_caption_that_reached_its_length_can_still_be_looked_into_at_its_end():
    captioner, raw = model("soft", 4), raw_of(4)
    for settings in (GREEDY, BEAM):
        decoding = settings.model_copy(update={"max_words": 2})
        (trace,) = captioner.caption_annotations(raw, decoding)
        there = len(trace.words)
        found = branch(captioner, None, trace, [edit({"kind": "uniform", "step": there})], raw=raw)
        assert found.trace.words[:there] == trace.words


def test_what_cannot_be_done_is_said():
    captioner, raw, trace = captioned("soft")
    for record, reason in [
        ({"kind": "word", "step": 1, "word": "zebra"}, "does not know the word 'zebra'"),
        ({"kind": "word", "step": 1, "word": "<start>"}, "does not know the word"),
        ({"kind": "word", "step": len(trace.words) + 1, "word": "red"}, f"has {len(trace.words)} words"),
        ({"kind": "cell", "step": 0, "row": 2, "column": 0}, "none in row 2"),
        ({"kind": "map", "step": 0, "levels": [[1, 2], [3, 4]]}, "2 x 2 cells and the model's grid 2 x 3"),
        ({"kind": "pin", "step": 0, "to": 17}, "pin the attention"),
        ({"kind": "erase", "top": 0, "left": 0, "bottom": 1, "right": 1}, "a picture that is not here"),
    ]:
        with pytest.raises(UserError, match=reason):
            branch(captioner, None, trace, [edit(record)], raw=raw)
    with pytest.raises(UserError, match="at most 6 words"):
        full = captioned_to_the_brim()
        branch(*full[:1], None, full[2], [edit({"kind": "word", "step": 6, "word": "red"})], raw=full[1])
    with pytest.raises(UserError, match="at most 32"):
        branch(captioner, None, trace, [edit({"kind": "uniform"})] * 33, raw=raw)
    blind, raw, trace = captioned("none")
    with pytest.raises(UserError, match="has no attention"):
        branch(blind, None, trace, [edit({"kind": "uniform"})], raw=raw)
    with pytest.raises(UserError, match="choose its own model"):
        branch(captioner, None, trace, [edit({"kind": "word", "step": 0, "word": "a"})], raw=raw)


def captioned_to_the_brim():
    for seed in range(20):
        captioner, raw = model("soft", seed), raw_of(seed)
        (trace,) = captioner.caption_annotations(raw, GREEDY)
        if len(trace.words) == GREEDY.max_words:
            return captioner, raw, trace
    raise AssertionError("every caption ended")


def test_a_branch_is_exported_as_json(attending):
    captioner, raw, trace = attending
    found = branch(captioner, None, trace, [PaintMap.of(np.ones((2, 3)), 1)], raw=raw)
    record = json.loads(json.dumps(found.to_dict()))
    assert record["edits"] == [{"kind": "map", "step": 1, "levels": [[65535] * 3] * 2}]
    again = Trace.from_dict(record["trace"])
    assert again.words == found.trace.words
    np.testing.assert_array_equal(again.alphas, found.trace.alphas)
    assert len(record["changes"]) == len(found.changes)


def test_erasing_changes_the_picture_that_is_captioned(tiny_captioners, photo):
    captioner = tiny_captioners["soft-tiny"]
    trace = captioner.caption(photo)
    box = edit({"kind": "erase", "top": 2, "left": 3, "bottom": 11, "right": 12, "fill": "mean"})
    found = branch(captioner, photo, trace, [box])
    again = captioner.caption(found.picture, captioner.config.decoding)
    assert found.trace.words == again.words and found.trace.picture == found.picture.digest == again.picture
    assert found.trace.log_prob == pytest.approx(again.log_prob, abs=1e-4)
    assert found.first == 0 and found.changes[0].divergence > 0
    with pytest.raises(UserError, match="another picture"):
        branch(captioner, found.picture, trace, [box])
    on = branch(captioner, None, found, [edit({"kind": "uniform", "step": 1})])
    assert on.picture is found.picture and on.trace.picture == found.trace.picture


def test_what_is_forced_at_every_step_is_forced_at_the_end_of_both(attending):
    captioner, raw, trace = attending
    cells = [{"kind": "cell", "row": r, "column": c} for r in range(ROWS) for c in range(COLUMNS)]
    ways = [branch(captioner, None, trace, [edit(cell)], raw=raw) for cell in cells]
    staring = next(way for way in ways if way.trace.steps and way.trace.end_log_prob is not None)
    same = branch(captioner, None, staring, [edit({"kind": "pin", "step": 0, "to": 0})])
    assert same.first_changed is None and len(same.changes) == len(staring.trace.steps) + 1
    assert max(c.divergence for c in same.changes) < 1e-9
    assert same.changes[-1].original_log_prob == pytest.approx(staring.trace.end_log_prob, abs=1e-5)
