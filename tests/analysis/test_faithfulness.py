"""Occlusion, gradients and curves against one place at a time, finite differences and areas by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from sat.analysis.faithfulness import (
    Curves,
    _curves,
    average_ranks,
    centre_order,
    faithfulness,
    judge,
    rank_correlation,
)
from sat.errors import UserError

from .small import VOCABULARY, L, captioned, plain_steps


def slow_probability(captioner, raw, trace, step, word, left):
    """p(word) with attention on the places left only, the plain way."""
    alpha = captioner.analyse(lambda r: r.at(step).out.alpha[0, 0].double().numpy(), raw, trace)
    if not left.any():
        decoder = captioner.decoder
        with torch.inference_mode():  # every place holds the mean annotation, attention wherever it likes
            mean = ((decoder.mean_grid - decoder.annotation_mean) / decoder.annotation_std).mean(0)
            values = mean * decoder.annotation_std + decoder.annotation_mean
        return on_other_annotations(captioner, raw, trace, step, word, values.expand(1, L, -1))
    weights = alpha * left / (alpha * left).sum()
    if trace.context == "expected":
        return np.exp(plain_steps(captioner, raw, trace, {step: weights})[step][word])
    return sum(
        w * np.exp(plain_steps(captioner, raw, trace, {step: np.eye(L)[i]})[step][word]) for i, w in enumerate(weights)
    )


def on_other_annotations(captioner, raw, trace, step, word, other):
    """p(word) where, at this step only, other annotations are attended to (as far as alpha and the context go)."""
    decoder = captioner.decoder

    def compute(reading):
        moment = reading.at(step)
        annotations = decoder.annotate(other)
        alpha = decoder.step(moment.state, moment.word, annotations).alpha[0, 0]
        beta = moment.out.beta
        if trace.context == "expected":
            out = decoder.step(moment.state, moment.word, annotations, forced_weights=alpha, forced_beta=beta)
            return float(out.logits[0, 0].double().softmax(-1)[word])
        total = 0.0
        for i in range(L):
            out = decoder.step(moment.state, moment.word, annotations, forced_weights=torch.eye(L)[i], forced_beta=beta)
            total += float(alpha[i] * out.logits[0, 0].double().softmax(-1)[word])
        return total

    return captioner.analyse(compute, raw, trace)


def test_occlusion_is_the_loss_without_each_place(attending):
    captioner, raw, trace = attending
    found = captioner.analyse(faithfulness, raw, trace, 1, "dog", points=3, random_orders=1)
    dog = VOCABULARY.encode(["dog"])[0]
    whole = slow_probability(captioner, raw, trace, 1, dog, np.ones(L, bool))
    assert found.probability == pytest.approx(whole, abs=1e-5)
    for i in range(L):
        left = np.arange(L) != i
        loss = np.log(whole) - np.log(slow_probability(captioner, raw, trace, 1, dog, left))
        assert found.occlusion.flatten()[i] == pytest.approx(loss, abs=1e-4)
    np.testing.assert_allclose(found.alpha, trace.steps[1].alpha, atol=1e-6)


def test_gradient_times_annotation_by_finite_differences(attending):
    captioner, raw, trace = attending
    found = captioner.analyse(faithfulness, raw, trace, 1, points=3, random_orders=1)
    word = VOCABULARY.encode(trace.words[1:2])[0]
    decoder = captioner.decoder
    values = (raw - decoder.annotation_mean) / decoder.annotation_std
    step = 3e-3  # float32: smaller ones drown in rounding
    for i in range(L):
        ends = []
        for sign in (1, -1):
            moved = values.clone()
            moved[0, i] *= 1 + sign * step  # along the annotation itself: the sum over its numbers at once
            other = moved * decoder.annotation_std + decoder.annotation_mean
            ends.append(np.log(on_other_annotations(captioner, raw, trace, 1, word, other)))
        slope = (ends[0] - ends[1]) / (2 * step)
        assert found.gradient.flatten()[i] == pytest.approx(slope, abs=2e-3)
    assert all(p.grad is None for p in decoder.parameters())


def test_curves_are_probabilities_place_by_place(attending):
    captioner, raw, trace = attending
    found = captioner.analyse(faithfulness, raw, trace, 1, random_orders=3, seed=2)
    word = VOCABULARY.encode(trace.words[1:2])[0]
    alpha = trace.steps[1].alpha.flatten()
    by_alpha = sorted(range(L), key=lambda i: -alpha[i])
    rng = np.random.default_rng(2)
    randoms = [rng.permutation(L) for _ in range(3)]
    orders = {"alpha": [by_alpha], "centre": [centre_order(2, 3)], "random": randoms}
    np.testing.assert_allclose(found.deletion.fractions, np.arange(L + 1) / L)
    for name, several in orders.items():
        deleted, inserted = [], []
        for order in several:
            down, up = [], []
            for k in range(L + 1):
                left = np.ones(L, bool)
                left[list(order[:k])] = False
                down.append(slow_probability(captioner, raw, trace, 1, word, left))
                up.append(slow_probability(captioner, raw, trace, 1, word, ~left))
            deleted.append(down)
            inserted.append(up)
        for curves, slow in ((found.deletion, deleted), (found.insertion, inserted)):
            np.testing.assert_allclose(getattr(curves, name), np.mean(slow, 0), atol=1e-5)
            area = np.mean([sum((a + b) / 2 / L for a, b in pairwise(row)) for row in slow])
            assert curves.auc[name] == pytest.approx(area, abs=1e-5)
    for whole in (found.deletion.alpha[0], found.insertion.alpha[-1]):  # of one batch, but not to the last bit
        assert whole == pytest.approx(found.probability, abs=1e-6)
    assert found.deletion.alpha[-1] == pytest.approx(found.insertion.alpha[0], abs=1e-6)


def test_areas_by_hand():
    """A word that needs one place of four: taken first, its probability falls from 0.8 to 0.2 at once."""
    alpha = np.array([0.1, 0.6, 0.2, 0.1])
    needs_place_1 = lambda left: np.where(left[:, 1], 0.8, 0.2)  # noqa: E731
    deletion, insertion = _curves(needs_place_1, alpha, (2, 2), 29, 5, 0)
    np.testing.assert_allclose(deletion.alpha, [0.8, 0.2, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(insertion.alpha, [0.2, 0.8, 0.8, 0.8, 0.8])
    assert deletion.auc["alpha"] == pytest.approx((0.5 + 3 * 0.2) / 4)
    assert insertion.auc["alpha"] == pytest.approx((0.5 + 3 * 0.8) / 4)
    assert deletion.auc["centre"] == pytest.approx((0.8 + 0.5 + 2 * 0.2) / 4)  # ties: place 0 before place 1
    assert deletion.auc["random"] >= deletion.auc["alpha"]


@pytest.mark.parametrize(
    ("uniform", "down", "up", "verdict"),
    [
        (0.2, (0.2, 0.5, 0.4), (0.9, 0.5, 0.6), "holds"),
        (0.2, (0.2, 0.5, 0.4), (0.65, 0.5, 0.6), "part"),  # not two deviations above random
        (0.2, (0.2, 0.1, 0.4), (0.9, 0.5, 0.6), "part"),  # the centre takes away more
        (0.2, (0.35, 0.5, 0.4), (0.9, 0.95, 0.6), "not"),
        (0.009, (0.2, 0.5, 0.4), (0.9, 0.5, 0.6), "idle"),
    ],
)
def test_when_a_map_holds(uniform, down, up, verdict):
    curves = [
        Curves(*[np.zeros(2)] * 5, dict(zip(("alpha", "centre", "random"), auc, strict=True)), 0.05)
        for auc in (down, up)
    ]
    assert judge(uniform, *curves) == verdict


def test_fewer_points_are_the_same_curve_at_fewer_places(attending):
    captioner, raw, trace = attending
    full = captioner.analyse(faithfulness, raw, trace, 0, random_orders=2)
    few = captioner.analyse(faithfulness, raw, trace, 0, random_orders=2, points=4)
    np.testing.assert_allclose(few.deletion.fractions, [0, 2 / 6, 4 / 6, 1])
    np.testing.assert_allclose(few.deletion.alpha, full.deletion.alpha[[0, 2, 4, 6]], atol=1e-6)


def test_rank_correlation_by_hand():
    assert rank_correlation(np.array([1, 2, 3.0]), np.array([10, 20, 99.0])) == pytest.approx(1)
    assert rank_correlation(np.array([1, 2, 3.0]), np.array([3, 2, 1.0])) == pytest.approx(-1)
    assert rank_correlation(np.array([1, 2, 2, 3.0]), np.array([1, 2, 3, 4.0])) == pytest.approx(0.9486833)
    assert rank_correlation(np.ones(3), np.arange(3)) is None


def test_the_centre_comes_first():
    assert centre_order(3, 3)[0] == 4 and set(centre_order(3, 3)[-4:]) == {0, 2, 6, 8}
    assert set(centre_order(14, 14)[:4]) == {6 * 14 + 6, 6 * 14 + 7, 7 * 14 + 6, 7 * 14 + 7}


def test_what_is_missing_is_said():
    captioner, raw, trace = captioned("soft")
    captioner.decoder.mean_grid.zero_()
    with pytest.raises(UserError, match="holds no mean image"):
        captioner.analyse(faithfulness, raw, trace, 0)
    blind, raw, trace = captioned("none")
    with pytest.raises(UserError, match="has no attention"):
        blind.analyse(faithfulness, raw, trace, 0)


def test_ranks_are_scipys():
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=196), rng.integers(0, 5, 196).astype(float), np.zeros(7), np.array([2.0])):
        assert np.array_equal(average_ranks(values), rankdata(values))
