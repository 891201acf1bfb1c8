"""Beam search against brute force, and its records against teacher forcing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from sat.config import Decoding, ModelConfig
from sat.decoding.forward import forced_words, write
from sat.decoding.search import beam_search
from sat.models.build import build
from sat.models.decoder import Annotations, Decoder
from sat.vocabulary import END, SPECIALS, START, Vocabulary

WORDS = ("a", "b", "c")
VOCABULARY = Vocabulary([*SPECIALS, *WORDS])


KINDS = ["soft", "hard", "none", "rnn", "log-bilinear"]


def tiny(kind: str = "soft", seed: int = 0) -> Decoder:
    """A decoder with that attention, or without attention and with that recurrence."""
    torch.manual_seed(seed)
    attention, recurrence = ("none", kind) if kind in ("rnn", "log-bilinear") else (kind, "lstm")
    config = ModelConfig(
        attention=attention, recurrence=recurrence, last_words=2, rows=2, columns=2, annotation_dim=5, hidden_dim=6,
        embedding_dim=7, attention_dim=3, vocabulary_size=len(VOCABULARY),
    )  # fmt: skip
    decoder = build(config).eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.4 if kind == "rnn" else 1.0)  # without squashing, states grow
    return decoder.requires_grad_(False)


def annotations_of(decoder: Decoder, pictures: int, seed: int = 1) -> Annotations:
    torch.manual_seed(seed)
    return decoder.annotate(torch.randn(pictures, 4, 5) * 2)


def total_log_prob(decoder: Decoder, annotations: Annotations, words: tuple[int, ...]) -> float:
    """log p(words, end) by plain teacher forcing."""
    logits, _ = decoder.forward(annotations, torch.tensor([[[START, *words]]]))
    log_prob = logits[0, 0].log_softmax(-1)
    return float(sum(log_prob[t, w] for t, w in enumerate([*words, END])))


def brute_force(decoder: Decoder, annotations: Annotations, longest: int, norm: float) -> tuple[list[int], float]:
    """The best of all captions of 1 to ``longest`` words."""
    best: tuple[float, tuple[int, ...]] = (-np.inf, ())
    for length in range(1, longest + 1):
        for words in itertools.product(range(4, len(VOCABULARY)), repeat=length):
            score = total_log_prob(decoder, annotations, words) / (length + 1) ** norm
            best = max(best, (score, words))
    return list(best[1]), best[0]


@pytest.mark.parametrize(
    ("kind", "seed", "norm"),
    [*(("soft", seed, norm) for seed in range(4) for norm in (0.0, 0.7, 1.5))]
    + [(kind, seed, 0.7) for kind in KINDS[3:] for seed in range(2)],
)
def test_a_wide_beam_finds_the_best_of_all_captions(kind, seed, norm):
    decoder = tiny(kind, seed)
    annotations = annotations_of(decoder, 1, seed)
    decoding = Decoding(beam=27, length_norm=norm, max_words=3)
    # Three words at the first step, 27 hypotheses at the third: nothing is ever dropped before the last.
    found = beam_search(decoder, annotations, decoding)[0]
    words, score = brute_force(decoder, annotations, 3, norm)
    assert found.words == words
    total = sum(found.log_probs) + found.end_log_prob
    assert total / (len(words) + 1) ** norm == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_equals_one_by_one(kind):
    decoder = tiny(kind)
    annotations = annotations_of(decoder, 6)
    decoding = Decoding(beam=3, max_words=8)
    together = beam_search(decoder, annotations, decoding)
    for i, written in enumerate(together):
        alone = beam_search(decoder, annotations.select(slice(i, i + 1)), decoding)[0]
        assert written.words == alone.words
        np.testing.assert_allclose(written.log_probs, alone.log_probs, atol=1e-5)
        assert written.end_log_prob == pytest.approx(alone.end_log_prob, abs=1e-5)
        if decoder.attends:
            np.testing.assert_allclose(written.alphas, alone.alphas, atol=1e-5)
            np.testing.assert_allclose(written.betas, alone.betas, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_winners_keep_their_own_maps(kind):
    """The maps, gates and alternatives of the winner are those of reading its words again."""
    decoder = tiny(kind)
    annotations = annotations_of(decoder, 5)
    decoding = Decoding(beam=4, max_words=7, alternatives=3)
    for i, written in enumerate(beam_search(decoder, annotations, decoding)):
        read = write(
            decoder,
            annotations.select(slice(i, i + 1)),
            decoding.model_copy(update={"method": "greedy"}),
            interventions=forced_words(written.words),
        )[0][0]
        assert read.words == written.words
        np.testing.assert_allclose(read.log_probs, written.log_probs, atol=1e-5)
        assert read.end_log_prob == pytest.approx(written.end_log_prob, abs=1e-5)
        if not decoder.attends:
            assert written.alphas is None and written.betas is None
        else:
            np.testing.assert_allclose(read.alphas, written.alphas, atol=1e-5)
            np.testing.assert_allclose(read.used, written.used, atol=1e-5)
            np.testing.assert_allclose(read.betas, written.betas, atol=1e-5)
            np.testing.assert_allclose(written.alphas.sum(-1), 1, atol=1e-5)
        assert written.top_ids.shape == (len(written.words), 3)
        assert (np.diff(written.top_probabilities, axis=1) <= 0).all()


def test_a_wider_beam_never_finds_a_worse_total_than_a_complete_one():
    decoder = tiny(seed=5)
    annotations = annotations_of(decoder, 4)
    complete = beam_search(decoder, annotations, Decoding(beam=50, length_norm=0, max_words=4))
    for beam in (1, 2, 5):
        for best, found in zip(
            complete, beam_search(decoder, annotations, Decoding(beam=beam, length_norm=0, max_words=4)), strict=True
        ):
            assert sum(best.log_probs) + best.end_log_prob >= sum(found.log_probs) + found.end_log_prob - 1e-5


def test_special_tokens_are_never_written():
    decoder = tiny()
    decoder.L_o.bias[:2] += 50.0  # <pad> and <start> are what the model would rather say
    decoder.L_o.bias[3] += 50.0  # and <unk>
    for written in beam_search(decoder, annotations_of(decoder, 3), Decoding(beam=3, max_words=5)):
        assert set(written.words) <= set(range(4, len(VOCABULARY)))
    allowed = beam_search(decoder, annotations_of(decoder, 3), Decoding(beam=3, max_words=5, block_unknown=False))
    assert all(3 in written.words for written in allowed)


def test_the_tree_holds_the_winner():
    decoder = tiny(seed=2)
    written = beam_search(
        decoder, annotations_of(decoder, 2), Decoding(beam=3, max_words=6), vocabulary=VOCABULARY, tree=True
    )
    for record in written:
        ended = [node for node in record.tree if node.score is not None]
        best = max(ended, key=lambda node: node.score)
        words, node = [], best
        while node.parent >= 0:
            node = record.tree[node.parent]
            words.append(node.word)
        assert words[::-1] == [VOCABULARY.words[w] for w in record.words]
        assert best.total == pytest.approx(sum(record.log_probs) + record.end_log_prob, abs=1e-5)
        for child in record.tree:
            if child.parent >= 0:
                parent = record.tree[child.parent]
                assert parent.step == child.step - 1
                assert child.total == pytest.approx(parent.total + child.log_prob, abs=1e-4)


def test_hard_search_looks_at_one_place_a_word():
    decoder = tiny("hard")
    for written in beam_search(decoder, annotations_of(decoder, 3), Decoding(beam=3, max_words=5)):
        assert (written.used.argmax(1) == written.alphas.argmax(1)).all()
        assert (written.used.sum(1) == 1).all() and (written.used.max(1) == 1).all()
    for written in beam_search(decoder, annotations_of(decoder, 3), Decoding(context="expected", max_words=5)):
        np.testing.assert_allclose(written.used, written.alphas)
