"""Edits as records, plans made of them, and a beam search that obeys them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from test_search import VOCABULARY, annotations_of, tiny

from sat.config import Decoding
from sat.decoding.forward import Begun, Intervention, forced_words, write
from sat.decoding.interventions import PaintMap, Plan, edit, edits_from, first_step, plan, sources, to_records
from sat.decoding.records import to_trace
from sat.decoding.search import beam_search
from sat.errors import UserError
from sat.vocabulary import END, START

GREEDY = Decoding(method="greedy", max_words=5)
WIDE = Decoding(beam=50, max_words=3)
RECORDS = [
    {"kind": "word", "step": 1, "word": "b"},
    {"kind": "map", "step": 0, "levels": [[0, 1], [2, 65535]]},
    {"kind": "cell", "row": 1, "column": 0},
    {"kind": "uniform", "step": 3},
    {"kind": "shuffle", "step": 2, "seed": 4},
    {"kind": "move", "rows": -1, "columns": 2},
    {"kind": "pin", "step": 2, "to": 0},
    {"kind": "gate", "value": 0.5},
    {"kind": "erase", "top": 0.0, "left": 1.0, "bottom": 2.0, "right": 3.0, "fill": "mean"},
]


def trace_of(decoder, annotations):
    (written,) = write(decoder, annotations, GREEDY, interventions=forced_words([4, 5, 6]))[0]
    return to_trace(written, config=decoder.config, vocabulary=VOCABULARY, decoding=GREEDY, context="expected")


def test_edits_survive_json():
    edits = edits_from(RECORDS)
    assert to_records(edits) == RECORDS
    assert edits_from(to_records(edits)) == edits


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("uniform", "valid dictionary"),
        ({}, "kind"),
        ({"kind": "teleport"}, "teleport"),
        ({"kind": "uniform", "speed": 3}, "there is no such setting"),
        ({"kind": "word", "word": "a"}, "step"),
        ({"kind": "word", "step": -1, "word": "a"}, "greater than or equal to 0"),
        ({"kind": "word", "step": 1, "word": ""}, "at least 1 character"),
        ({"kind": "gate", "value": 1.01}, "less than or equal to 1"),
        ({"kind": "gate", "value": float("nan")}, "gate.value"),
        ({"kind": "map", "levels": [[1, 2], [3]]}, "equally long"),
        ({"kind": "map", "levels": [[0, 0]]}, "paint at least one cell"),
        ({"kind": "map", "levels": [[-1, 2]]}, "greater than or equal to 0"),
        ({"kind": "map", "levels": []}, "at least 1 item"),
        ({"kind": "map", "levels": [[]]}, "none is empty"),
        ({"kind": "erase", "top": 2, "left": 0, "bottom": 2, "right": 1}, "the box is empty"),
        ({"kind": "erase", "top": 0, "left": 0, "bottom": 1e9, "right": 1}, "less than or equal to"),
    ],
)
def test_a_wrong_edit_is_refused_in_one_sentence(record, reason):
    with pytest.raises(UserError, match=reason) as caught:
        edit(record)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_lists_of_edits_are_bounded():
    with pytest.raises(UserError, match="at most 32"):
        edits_from([{"kind": "uniform"}] * 33)
    with pytest.raises(UserError, match="a list"):
        edits_from({"kind": "uniform"})


def test_an_edit_cannot_be_changed():
    (gate,) = edits_from([{"kind": "gate", "value": 0.5}])
    with pytest.raises(ValidationError, match="frozen"):
        gate.value = 0.7


def test_of_an_unknown_word_forty_letters_are_repeated():
    decoder = tiny("soft")
    trace = trace_of(decoder, annotations_of(decoder, 1))
    with pytest.raises(UserError, match=f"the word '{'x' * 40}': choose"):
        plan(edits_from([{"kind": "word", "step": 0, "word": "x" * 60}]), decoder.config, VOCABULARY, trace)


@pytest.mark.parametrize("wrong", [[[-1.0, 1.0]], [[np.nan, 1.0]], [[0.0, 0.0]], [1.0, 2.0]])
def test_a_painted_map_is_a_map(wrong):
    with pytest.raises(UserError, match="paint it again"):
        PaintMap.of(np.array(wrong))


def test_a_painted_map_keeps_its_proportions():
    decoder = tiny()
    trace = trace_of(decoder, annotations_of(decoder, 1))
    weights = np.array([[0.3, 0.1], [0.05, 0.0]])
    made = plan([PaintMap.of(weights)], decoder.config, VOCABULARY, trace).attention_at(7)
    np.testing.assert_allclose(made, weights / weights.sum(), atol=1e-5)
    assert made.sum() == pytest.approx(1, abs=1e-6)


def test_first_step():
    assert first_step(edits_from([RECORDS[0], RECORDS[4]])) == 1
    assert first_step(edits_from([RECORDS[0], RECORDS[2]])) == 0  # every step
    assert first_step(edits_from([RECORDS[0], RECORDS[8]])) == 0  # another picture
    assert first_step([]) == 0


def test_moving_and_shuffling_by_hand():
    move = edit({"kind": "move", "rows": 1, "columns": -2})
    own = np.arange(12.0)
    moved = np.zeros(12)
    np.add.at(moved, sources(move, 0, (3, 4)), own)
    by_hand = np.zeros((3, 4))
    for r, c in itertools.product(range(3), range(4)):
        by_hand[min(r + 1, 2), max(c - 2, 0)] += own.reshape(3, 4)[r, c]
    np.testing.assert_array_equal(moved.reshape(3, 4), by_hand)
    shuffle = edit({"kind": "shuffle", "seed": 5})
    assert sorted(sources(shuffle, 1, (3, 4))) == list(range(12))
    np.testing.assert_array_equal(sources(shuffle, 1, (3, 4)), sources(shuffle, 1, (3, 4)))
    assert list(sources(shuffle, 1, (3, 4))) != list(sources(shuffle, 2, (3, 4)))
    still = Plan(maps={None: edit({"kind": "move"})}).interventions(range(1), (3, 4))[0]
    weights = torch.rand(2, 3, 12)
    torch.testing.assert_close(still.weights(weights), weights)


def test_the_later_rule_wins_and_a_step_over_every_step():
    decoder = tiny()
    trace = trace_of(decoder, annotations_of(decoder, 1))
    config = decoder.config
    flat, look = edit({"kind": "uniform"}), edit({"kind": "cell", "step": 1, "row": 0, "column": 1})
    one_hot = np.array([[0, 1], [0, 0]], np.float32)
    made = plan([flat, look], config, VOCABULARY, trace)
    np.testing.assert_array_equal(made.attention_at(1), one_hot)
    np.testing.assert_array_equal(made.attention_at(2), np.full((2, 2), 0.25))
    np.testing.assert_array_equal(plan([look, flat], config, VOCABULARY, trace).attention_at(1), np.full((2, 2), 0.25))
    gate = edit({"kind": "gate", "step": 2, "value": 0})
    standing = plan([gate], config, VOCABULARY, trace, plan([look], config, VOCABULARY, trace))
    np.testing.assert_array_equal(standing.attention_at(1), one_hot)
    assert set(standing.interventions(range(5), (2, 2))) == {1, 2}
    pinned = plan([edit({"kind": "pin", "to": 2})], config, VOCABULARY, trace)
    np.testing.assert_array_equal(pinned.attention_at(0), trace.steps[2].alpha)


@pytest.mark.parametrize("attention", ["soft", "hard"])
def test_a_rule_sees_the_weights_that_the_model_would_use(attention):
    decoder = tiny(attention)
    annotations = annotations_of(decoder, 2)
    swap = Intervention(weights=lambda own: own.flip(-1))
    for written in (
        [w[0] for w in write(decoder, annotations, GREEDY, interventions={0: swap})],
        beam_search(decoder, annotations, Decoding(beam=2, max_words=5), interventions={0: swap}),
    ):
        for b, record in enumerate(written):
            out = decoder.step(
                decoder.start(annotations), torch.full((2, 1), START), annotations,
                context="argmax" if attention == "hard" else "expected",
            )  # fmt: skip
            if record.words:
                np.testing.assert_allclose(record.used[0], out.weights[b, 0].flip(-1).numpy(), atol=1e-6)
                np.testing.assert_allclose(record.alphas[0], out.alpha[b, 0].numpy(), atol=1e-6)


def brute_force(decoder, annotations, interventions, longest, norm):
    """The best of all captions of 1 to ``longest`` words that have the forced words, and its log-probabilities."""
    best = (-np.inf, [], [])
    for length in range(1, longest + 1):
        for words in itertools.product(range(4, len(VOCABULARY)), repeat=length):
            ids = [*words, END]
            forced = {t: i.word for t, i in interventions.items() if i.word is not None and t < len(ids)}
            if any(ids[t] != word for t, word in forced.items()):
                continue
            state, last, log_probs = decoder.start(annotations), START, []
            for t, word in enumerate(ids):
                i = interventions.get(t, Intervention())
                out = decoder.step(
                    state, torch.tensor([[last]]), annotations, forced_weights=i.weights, forced_beta=i.beta
                )
                log_probs.append(float(out.logits[0, 0].log_softmax(-1)[word]))
                state, last = out.state, word
            best = max(best, (sum(log_probs) / len(ids) ** norm, list(words), log_probs))
    return best


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_finds_the_best_of_all_captions_with_what_is_forced(seed):
    decoder = tiny(seed=seed)
    annotations = annotations_of(decoder, 1, seed)
    place = torch.tensor([0.0, 1.0, 0.0, 0.0])
    for interventions in (
        {1: Intervention(word=5)},
        {0: Intervention(weights=place, beta=0.3), 2: Intervention(word=6, beta=1.0)},
        {1: Intervention(weights=torch.full((4,), 0.25)), 3: Intervention(beta=0.0)},
    ):
        (found,) = beam_search(decoder, annotations, WIDE, interventions=interventions)
        _, words, log_probs = brute_force(decoder, annotations, interventions, 3, WIDE.length_norm)
        assert found.words == words
        np.testing.assert_allclose([*found.log_probs, found.end_log_prob], log_probs, atol=1e-4)


def test_a_forced_word_may_be_one_that_is_never_written_and_the_end():
    decoder = tiny()
    annotations = annotations_of(decoder, 3)
    decoding = Decoding(beam=3, max_words=4)
    for written in beam_search(decoder, annotations, decoding, interventions={0: Intervention(word=3)}):
        assert written.words[0] == 3 and np.isfinite(written.log_probs).all()
    for t in (0, 2):
        for written in beam_search(decoder, annotations, decoding, interventions={t: Intervention(word=END)}):
            assert len(written.words) <= t


@pytest.mark.parametrize("attention", ["soft", "hard", "none"])
def test_a_caption_begun_goes_on_as_if_its_words_had_been_forced(attention):
    decoder = tiny(attention)
    annotations = annotations_of(decoder, 1)
    head = [4, 6]
    state, last, log_prob = decoder.start(annotations), START, 0.0
    context = decoder.config.default_context or "expected"
    for word in head:
        out = decoder.step(state, torch.tensor([[last]]), annotations, context=context)
        log_prob += float(out.logits[0, 0].log_softmax(-1)[word])
        state, last = out.state, word
    begun = Begun(tuple(head), state, log_prob)
    forced = {t: Intervention(word=word) for t, word in enumerate(head)}
    for beam, length in itertools.product((1, 3), (2, 3, 6)):
        decoding = Decoding(beam=beam, max_words=length)
        (on,) = beam_search(decoder, annotations, decoding, begun=begun, vocabulary=VOCABULARY, tree=True)
        (whole,) = beam_search(decoder, annotations, decoding, interventions=forced)
        assert [*head, *on.words] == whole.words
        np.testing.assert_allclose(on.log_probs, whole.log_probs[2:], atol=1e-5)
        assert on.end_log_prob == pytest.approx(whole.end_log_prob, abs=1e-5)
        assert all(node.step >= 2 for node in on.tree)
        best = max((n for n in on.tree if n.score is not None), key=lambda n: n.score)
        assert best.total == pytest.approx(sum(whole.log_probs) + whole.end_log_prob, abs=1e-4)
    (greedy,) = write(decoder, annotations, GREEDY, begun=begun)[0]
    (plain,) = write(decoder, annotations, GREEDY, interventions=forced)[0]
    assert [*head, *greedy.words] == plain.words
    np.testing.assert_allclose(greedy.log_probs, plain.log_probs[2:], atol=1e-5)
    several = write(decoder, annotations, GREEDY, begun=begun, copies=3)[0]
    assert all(w.words == greedy.words for w in several)


def test_kept_logits_are_those_of_every_step_and_of_the_end():
    decoder = tiny()
    annotations = annotations_of(decoder, 3)
    beams = beam_search(decoder, annotations, Decoding(beam=3, max_words=5), keep_logits=True)
    greedy = [copies[0] for copies in write(decoder, annotations, GREEDY, keep_logits=True)]
    for b, written in [*enumerate(beams), *enumerate(greedy)]:
        ids = torch.tensor([[[START, *written.words]]])
        logits, _ = decoder.forward(annotations.select(slice(b, b + 1)), ids)
        np.testing.assert_allclose(written.logits, logits[0, 0].numpy(), atol=1e-4)
    assert all(w.logits is None for w in beam_search(decoder, annotations, Decoding(beam=3)))
