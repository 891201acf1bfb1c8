"""Greedy and sampled decoding, cuts, and interventions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_search import VOCABULARY, annotations_of, tiny

from sat.config import Decoding
from sat.decoding.forward import Intervention, draw, write
from sat.decoding.records import mask_specials, to_trace
from sat.decoding.search import beam_search
from sat.vocabulary import END, START

GREEDY = Decoding(method="greedy", max_words=6)


def test_greedy_takes_the_best_word_at_every_step():
    decoder = tiny()
    annotations = annotations_of(decoder, 3)
    for b, (written,) in enumerate(write(decoder, annotations, GREEDY)):
        state, last = decoder.start(annotations.select(slice(b, b + 1))), torch.tensor([[START]])
        for word in [*written.words, END][:6]:
            out = decoder.step(state, last, annotations.select(slice(b, b + 1)))
            assert int(mask_specials(out.logits, GREEDY).argmax()) == word
            state, last = out.state, torch.tensor([[word]])


def test_a_caption_that_never_ends_is_cut_and_says_so():
    decoder = tiny()
    decoder.L_o.bias[END] -= 100.0
    (written,) = write(decoder, annotations_of(decoder, 1), GREEDY)[0]
    assert len(written.words) == 6 and written.end_log_prob is None
    trace = to_trace(written, config=decoder.config, vocabulary=VOCABULARY, decoding=GREEDY, context="expected")
    assert trace.end_log_prob is None and trace.log_prob == pytest.approx(sum(written.log_probs))


def test_a_caption_may_be_empty():
    decoder = tiny()
    decoder.L_o.bias[END] += 100.0
    (written,) = write(decoder, annotations_of(decoder, 1), GREEDY)[0]
    assert written.words == [] and written.end_log_prob == pytest.approx(0, abs=1e-4)
    trace = to_trace(written, config=decoder.config, vocabulary=VOCABULARY, decoding=GREEDY, context="expected")
    assert trace.caption == "" and trace.alphas is None


def test_sampled_words_follow_the_distribution():
    logits = torch.tensor([1.0, 2.0, 0.0, -1.0]).log_softmax(-1).expand(1, 40000, 4)
    drawn = draw(logits, Decoding(method="sample"), torch.Generator().manual_seed(0))
    frequency = torch.bincount(drawn.flatten(), minlength=4) / 40000
    torch.testing.assert_close(frequency, logits[0, 0].exp(), atol=0.01, rtol=0)
    cold = draw(logits, Decoding(method="sample", temperature=0.5), torch.Generator().manual_seed(0))
    frequency = torch.bincount(cold.flatten(), minlength=4) / 40000
    torch.testing.assert_close(frequency, (logits[0, 0] * 2).softmax(-1), atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"top_k": 2}, {0, 1}),
        ({"top_k": 1}, {0}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.51}, {0, 1}),
        ({"top_p": 0.85}, {0, 1, 2}),
    ],
)
def test_cuts_keep_exactly_the_best_words(settings, kept):
    log_prob = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(1, 5000, 4)
    drawn = draw(log_prob, Decoding(method="sample", **settings), torch.Generator().manual_seed(1))
    assert set(drawn.flatten().tolist()) == kept


def test_a_cut_counts_the_words_and_not_the_captions():
    log_prob = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().view(1, 1, 4)
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        assert draw(log_prob, Decoding(method="sample", top_k=2), generator).item() in (0, 1)


def test_a_seed_gives_the_same_samples_again():
    decoder = tiny("hard")
    annotations = annotations_of(decoder, 2)
    decoding = Decoding(method="sample", context="sample", seed=7, max_words=6)
    once, again = (write(decoder, annotations, decoding, copies=4) for _ in range(2))
    other = write(decoder, annotations, decoding.model_copy(update={"seed": 8}), copies=4)
    assert [[w.words for w in p] for p in once] == [[w.words for w in p] for p in again]
    assert [[w.words for w in p] for p in once] != [[w.words for w in p] for p in other]
    assert len({tuple(w.words) for w in once[0]}) > 1


def test_forced_word_map_and_gate_are_what_was_used():
    decoder = tiny()
    annotations = annotations_of(decoder, 1)
    place = torch.tensor([0.0, 0.0, 1.0, 0.0])
    interventions = {1: Intervention(word=5, weights=place, beta=0.0)}
    (changed,) = write(decoder, annotations, GREEDY, interventions=interventions)[0]
    (plain,) = write(decoder, annotations, GREEDY)[0]
    assert changed.words[0] == plain.words[0] and changed.words[1] == 5
    np.testing.assert_array_equal(changed.used[1], place.numpy())
    np.testing.assert_allclose(changed.alphas[1], plain.alphas[1], atol=1e-6)
    assert changed.betas[1] == 0.0


def test_beam_of_one_follows_greedy_until_greedy_ends():
    decoder = tiny(seed=3)
    annotations = annotations_of(decoder, 4)
    for (greedy,), beam in zip(
        write(decoder, annotations, GREEDY),
        beam_search(decoder, annotations, Decoding(beam=1, max_words=6)),
        strict=True,
    ):
        shared = min(len(greedy.words), len(beam.words))
        assert greedy.words[:shared] == beam.words[:shared]
