"""Hard rollouts against the captions that they are made of."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from sat.analysis.rollouts import rollouts
from sat.config import Decoding
from sat.decoding.forward import write
from sat.errors import UserError

from .small import COLUMNS, GREEDY, VOCABULARY, captioned


@pytest.mark.parametrize("words", ["greedy", "sample"])
def test_rollouts_are_counted_one_by_one(attending, words):
    captioner, raw, _ = attending
    found = rollouts(captioner, raw, 60, words=words, seed=3)
    settings = GREEDY.model_copy(update={"method": words, "context": "sample", "seed": 3})
    with torch.inference_mode():
        written = write(captioner.decoder, captioner.decoder.annotate(raw), settings, copies=60)[0]
    counts = Counter(tuple(VOCABULARY.words[i] for i in w.words) for w in written)
    assert {c.words: c.count for c in found.clusters} == counts
    assert [c.count for c in found.clusters] == sorted(counts.values(), reverse=True)
    assert sorted(m for c in found.clusters for m in c.members) == list(range(60))
    for cluster in found.clusters:
        own = [written[m] for m in cluster.members]
        total = np.mean([sum(w.log_probs) + (w.end_log_prob or 0.0) for w in own])
        assert cluster.log_prob == pytest.approx(total, abs=1e-6)
    longest = max(len(w.words) for w in written)
    assert found.places.shape == (60, longest, 2) and found.histogram.shape == found.alpha.shape == (longest, 2, 3)
    for t in range(longest):
        there = [w for w in written if len(w.words) > t]
        assert found.alive[t] == len(there) == found.histogram[t].sum()
        histogram = Counter(int(w.used[t].argmax()) for w in there)
        assert {i: n for i, n in enumerate(found.histogram[t].flatten()) if n} == histogram
        np.testing.assert_allclose(found.alpha[t].flatten(), np.mean([w.alphas[t] for w in there], 0), atol=1e-6)
    for number, w in enumerate(written):
        for t in range(longest):
            place = divmod(int(w.used[t].argmax()), COLUMNS) if t < len(w.words) else (-1, -1)
            assert tuple(found.places[number, t]) == place


def test_glimpses_follow_alpha():
    captioner, raw, _ = captioned("hard")
    found = rollouts(captioner, raw, 500, seed=1)
    assert found.alive[0] > 300  # the first word was drawn for nearly all, from one and the same alpha
    expected = found.alpha[0].flatten() * found.alive[0]
    deviation = np.abs(found.histogram[0].flatten() - expected) / np.sqrt(np.maximum(expected, 1))
    if found.alive[0] == 500:  # captions that end at once are gone, and with them their glimpses
        assert deviation.max() < 4


def test_a_seed_gives_the_same_rollouts_again(attending):
    captioner, raw, _ = attending
    once, again, other = (rollouts(captioner, raw, 40, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once.places, again.places)
    assert once.places.shape != other.places.shape or (once.places != other.places).any()


def test_one_rollout_is_enough_and_too_many_are_refused(attending):
    captioner, raw, _ = attending
    assert rollouts(captioner, raw, 1).clusters[0].count == 1
    for count in (0, 501):
        with pytest.raises(UserError, match="rollouts"):
            rollouts(captioner, raw, count)
    with pytest.raises(UserError, match="has no attention"):
        rollouts(captioned("none")[0], raw, 10)


def test_captions_without_words_are_a_cluster_too():
    captioner, raw, _ = captioned("hard")
    captioner.decoder.L_o.bias.data[2] += 100
    found = rollouts(captioner, raw, 5, decoding=Decoding(max_words=3))
    assert [(c.words, c.count) for c in found.clusters] == [((), 5)]
    assert found.places.shape == (5, 0, 2) and found.histogram.shape == (0, 2, 3) == found.alpha.shape
