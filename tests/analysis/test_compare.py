"""Two captions set word against word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sat.analysis.compare import align, compare, regrid
from sat.errors import UserError
from sat.trace import Step, Trace, entropy

from .small import captioned, js, model, raw_of


def trace_of(words: str, rows: int = 2, columns: int = 2, seed: int = 0, attention: str = "soft") -> Trace:
    rng = np.random.default_rng(seed)
    steps = []
    for word in words.split():
        alpha = rng.dirichlet(np.ones(rows * columns)).reshape(rows, columns).astype(np.float32)
        maps = None if attention == "none" else alpha
        spread = None if maps is None else float(entropy(alpha))
        steps.append(Step(word, -float(rng.random()), maps, None, 0.5, spread, ()))
    return Trace("m", attention, "expected", {}, "", tuple(steps), -0.5)


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ("a dog runs", "a dog runs", [(0, 0), (1, 1), (2, 2)]),
        ("a dog runs", "a red dog runs", [(0, 0), (None, 1), (1, 2), (2, 3)]),
        ("a dog runs fast", "a cat sits", [(0, 0), (1, 1), (2, 2), (3, None)]),
        ("", "a dog", [(None, 0), (None, 1)]),
        ("", "", []),
    ],
)
def test_words_are_aligned(first, second, pairs):
    assert align(first.split(), second.split()) == pairs


def test_every_word_stands_in_one_pair():
    words = "a dog and a cat run in the red grass".split()
    rng = np.random.default_rng(0)
    for _ in range(50):
        one, two = (list(rng.choice(words, rng.integers(0, 8))) for _ in range(2))
        pairs = align(one, two)
        assert [i for i, _ in pairs if i is not None] == list(range(len(one)))
        assert [j for _, j in pairs if j is not None] == list(range(len(two)))


def test_numbers_of_a_pair():
    first, second = trace_of("a dog runs", seed=1), trace_of("a red dog", seed=2)
    found = compare(first, second)
    assert [(p.first, p.second, p.same) for p in found.pairs] == [
        (0, 0, True), (None, 1, False), (1, 2, True), (2, None, False)
    ]  # fmt: skip
    expected = []
    for p in (found.pairs[0], found.pairs[2]):
        one, two = first.steps[p.first], second.steps[p.second]
        expected.append(js(one.alpha.flatten().astype(float), two.alpha.flatten().astype(float)))
        assert p.divergence == pytest.approx(expected[-1], abs=1e-9)
        np.testing.assert_allclose(p.difference, two.alpha - one.alpha, atol=1e-6)
        assert p.entropies == (one.entropy, two.entropy) and p.log_probs == (one.log_prob, two.log_prob)
    assert found.divergence == pytest.approx(np.mean(expected))
    assert found.pairs[1].divergence is None and found.pairs[1].entropies[0] is None
    assert found.log_prob_difference == pytest.approx(second.log_prob - first.log_prob)


def test_a_caption_against_itself_and_against_none():
    first = trace_of("a dog")
    assert compare(first, first).divergence == pytest.approx(0, abs=1e-12)
    blind = compare(first, trace_of("a dog", attention="none"))
    assert blind.divergence is None and all(p.difference is None for p in blind.pairs)
    assert compare(replace(first, steps=()), replace(first, steps=())).pairs == ()


def test_another_grid_keeps_the_mass_where_it_was():
    alpha = np.array([[0.1, 0.2], [0.3, 0.4]])
    np.testing.assert_allclose(regrid(alpha, 4, 4), np.kron(alpha, np.ones((2, 2))) / 4)
    np.testing.assert_allclose(regrid(alpha, 2, 2), alpha)
    np.testing.assert_allclose(regrid(alpha, 1, 1), [[1.0]])
    thirds = regrid(np.array([[0.5, 0.5]]), 1, 3)
    np.testing.assert_allclose(thirds, [[1 / 3] * 3])
    uneven = regrid(np.random.default_rng(0).dirichlet(np.ones(35)).reshape(5, 7), 14, 14)
    assert uneven.sum() == pytest.approx(1) and uneven.shape == (14, 14)
    pair = compare(trace_of("dog", 2, 2), trace_of("dog", 7, 5)).pairs[0]
    assert pair.difference.shape == (7, 5) and pair.difference.sum() == pytest.approx(0, abs=1e-6)


def test_two_models_reading_one_text():
    soft, raw, _ = captioned("soft")
    hard = model("hard", 3)
    words = ["a", "zebra", "sits"]
    one, two = soft.read(raw, words), hard.read(raw_of(5), words)
    found = compare(one, two, same_text=True)
    assert [(p.first, p.second, p.same) for p in found.pairs] == [(t, t, True) for t in range(3)]
    maps = [(a.alpha.flatten(), b.alpha.flatten()) for a, b in zip(one.steps, two.steps, strict=True)]
    slow = [js(a.astype(float), b.astype(float)) for a, b in maps]
    assert found.divergence == pytest.approx(np.mean(slow), abs=1e-6)
    with pytest.raises(UserError, match="different lengths"):
        compare(one, soft.read(raw, ["a"]), same_text=True)
