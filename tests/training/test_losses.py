"""The losses against plain loops, and REINFORCE against exact enumeration of all glimpse paths."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from sat.config import HardConfig, ModelConfig
from sat.models import decoder as decoder_module
from sat.models.decoder import Decoder
from sat.training.batches import collate
from sat.training.losses import attention_inside, doubly_stochastic, grounding, reinforce, rollout
from sat.training.regions import RegionTargets

L = 3


def tiny(attention: str, seed: int = 0) -> Decoder:
    torch.manual_seed(seed)
    config = ModelConfig(
        attention=attention, rows=1, columns=L, annotation_dim=4, hidden_dim=5, embedding_dim=6, attention_dim=3,
        vocabulary_size=8, dropout=0.0, context_dropout=0.0,
    )  # fmt: skip
    decoder = Decoder(config).train().double()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    return decoder


def annotate(decoder: Decoder, pictures: int):
    """Annotations in double precision, so that enumeration is exact."""
    torch.manual_seed(9)
    values = torch.randn(pictures, L, 4, dtype=torch.float64)
    keys = decoder.score.W_a(values) if decoder.attends else None
    return decoder_module.Annotations(values, keys, values.mean(1))


@pytest.fixture(autouse=True)
def _double(monkeypatch):
    """The network rounds some results to float32 on purpose; exactness to 1e-6 is asked for here in double."""
    monkeypatch.setattr(Tensor, "float", lambda self: self)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_rollout_is_teacher_forcing_one_caption_at_a_time():
    decoder = tiny("soft")
    captions = [[[4, 5, 6], [7], []], [[5, 4], [6, 6]]]
    inputs, targets, lengths = collate(captions)
    annotations = annotate(decoder, 2)
    rolled = rollout(decoder, annotations, inputs, targets, lengths)
    assert len(rolled.targets) == int(lengths.sum()) == 4 + 2 + 1 + 3 + 3
    for b, picture in enumerate(captions):
        for k, words in enumerate(picture):
            one = annotations.select(slice(b, b + 1))
            logits, alphas = decoder.forward(one, inputs[b : b + 1, k : k + 1, : len(words) + 1])
            mine = (rolled.index[:, 0] == b) & (rolled.index[:, 1] == k)
            assert rolled.index[mine][:, 2].tolist() == list(range(len(words) + 1))
            torch.testing.assert_close(rolled.logits[mine], logits[0, 0])
            assert torch.equal(rolled.targets[mine], targets[b, k, : len(words) + 1])
            torch.testing.assert_close(rolled.coverage[b, k], alphas[0, 0].sum(0))
            entropy = -(alphas[0, 0] * alphas[0, 0].log()).sum(-1)
            torch.testing.assert_close(rolled.entropy[mine], entropy)


def test_coverage_sums_to_the_length_of_the_caption():
    """Each map sums to one, so the coverage over all places is C: the target 1 a place cannot be met in general."""
    decoder = tiny("soft")
    inputs, targets, lengths = collate([[[4, 5, 6, 7], [4]], [[5, 5, 5]]])
    rolled = rollout(decoder, annotate(decoder, 2), inputs, targets, lengths)
    torch.testing.assert_close(rolled.coverage.sum(-1), lengths.double())


def test_doubly_stochastic_term_by_hand():
    coverage = torch.tensor([[[1.0, 1.0, 1.0], [3.0, 0.0, 0.0]], [[0.5, 1.0, 0.0], [9.0, 9.0, 9.0]]])
    lengths = torch.tensor([[3, 3], [2, 0]])
    # (0) + (4 + 1 + 1) / 3 + (0.25 + 0 + 1) / 3, over three captions; the missing caption does not count
    assert doubly_stochastic(coverage, lengths).item() == pytest.approx((0 + 2 + 1.25 / 3) / 3)


def path_gradients(hard: HardConfig, words: list[int], monkeypatch, baseline: Tensor) -> tuple[Tensor, Tensor]:
    """The expected gradient of the estimator over all glimpse paths, and the exact gradient of the bound L_s.

    Every path of glimpses is forced in turn, weighted with its probability: no sampling error is left.
    """
    decoder = tiny("hard")
    inputs, targets, lengths = collate([[words]])
    parameters = list(decoder.parameters())
    expectation = torch.zeros(sum(p.numel() for p in parameters))
    bound = torch.zeros(())
    steps = len(words) + 1
    for path in itertools.product(range(L), repeat=steps):
        places = iter(path)

        def force(alpha: Tensor, context: str, generator=None, places=places) -> Tensor:
            if context == "expected":
                return alpha
            return torch.nn.functional.one_hot(torch.full(alpha.shape[:-1], next(places)), L).to(alpha)

        monkeypatch.setattr(decoder_module, "weights", force)
        rolled = rollout(
            decoder, annotate(decoder, 1), inputs, targets, lengths, context="sample",
            expected_baseline=hard.baseline == "expected",
        )  # fmt: skip
        path_log_prob = rolled.place_log_prob.sum()
        word_log_prob = rolled.logits.log_softmax(-1).gather(1, rolled.targets[:, None]).sum()
        surrogate, _, _ = reinforce(rolled, hard, baseline)
        loss = -word_log_prob / steps + surrogate
        gradient = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        flat = torch.cat(
            [(g if g is not None else torch.zeros_like(p)).flatten() for g, p in zip(gradient, parameters, strict=True)]
        )
        expectation += path_log_prob.exp().detach() * flat
        bound = bound + path_log_prob.exp() * word_log_prob
    exact = torch.autograd.grad(-bound / steps, parameters, allow_unused=True)
    flat = torch.cat(
        [(g if g is not None else torch.zeros_like(p)).flatten() for g, p in zip(exact, parameters, strict=True)]
    )
    return expectation, flat


@pytest.mark.parametrize(
    "hard",
    [
        HardConfig(reward="total", baseline="none", expected_probability=0),
        HardConfig(reward="total", baseline="moving_average", expected_probability=0),
        HardConfig(reward="to_go", baseline="moving_average", expected_probability=0),
        HardConfig(reward="to_go", baseline="expected", expected_probability=0),
    ],
    ids=lambda hard: f"{hard.reward}-{hard.baseline}",
)
def test_reinforce_is_unbiased(hard, monkeypatch):
    """With the whole reward and lambda_r 1, the estimator's expectation is the gradient of L_s (equation 11)."""
    baseline = torch.tensor([-1.3, -0.8, -0.4, 0.0])
    expectation, exact = path_gradients(hard, [4, 6], monkeypatch, baseline)
    assert exact.norm() > 0.1
    torch.testing.assert_close(expectation, exact, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("baseline", ["none", "moving_average", "expected"])
def test_crediting_the_own_word_is_exact_for_a_single_word(baseline, monkeypatch):
    """With nothing after it, the own word is the whole reward."""
    hard = HardConfig(reward="word", baseline=baseline, expected_probability=0)
    expectation, exact = path_gradients(hard, [], monkeypatch, torch.tensor([-1.3]))
    assert exact.norm() > 0.1
    torch.testing.assert_close(expectation, exact, atol=1e-8, rtol=1e-6)


def test_the_expected_baseline_sees_the_same_dropout(monkeypatch):
    """Where the glimpse happens to be the expected context, the advantage is exactly zero in spite of dropout."""
    decoder = tiny("hard")
    decoder.dropout.p, decoder.context_dropout.p = 0.5, 0.3
    monkeypatch.setattr(decoder_module, "weights", lambda alpha, context, generator=None: alpha)
    inputs, targets, lengths = collate([[[4, 6, 7], [5]], [[6]]])
    torch.manual_seed(2)
    rolled = rollout(decoder, annotate(decoder, 2), inputs, targets, lengths, context="sample", expected_baseline=True)
    log_prob = rolled.logits.log_softmax(-1).gather(1, rolled.targets[:, None])[:, 0]
    torch.testing.assert_close(rolled.expected_log_prob, log_prob.detach())
    _, _, advantage = reinforce(rolled, HardConfig(reward="word", baseline="expected"), torch.zeros(4))
    assert advantage.abs().max() < 1e-9


def test_the_expected_baseline_lowers_the_variance():
    """The spread of the advantages, and so of the gradient, on one caption sampled many times."""
    decoder = tiny("hard")
    inputs, targets, lengths = collate([[[4, 6, 7]] * 400])
    torch.manual_seed(0)
    rolled = rollout(decoder, annotate(decoder, 1), inputs, targets, lengths, context="sample", expected_baseline=True)
    first = rolled.index[:, 2] == 0
    baseline = torch.zeros(4)
    spreads = {}
    for reward, kind in (("total", "none"), ("to_go", "moving_average"), ("word", "expected")):
        _, _, advantage = reinforce(rolled, HardConfig(reward=reward, baseline=kind), baseline)
        spreads[reward] = advantage[first].square().mean()
    assert spreads["word"] < 0.5 * spreads["total"]


def test_mean_reward_is_another_objective(monkeypatch):
    """A reward divided by the length is not equation 11 with lambda_r 1: the check above can fail."""
    hard = HardConfig(reward="mean", baseline="none", expected_probability=0)
    expectation, exact = path_gradients(hard, [4, 6], monkeypatch, torch.zeros(4))
    assert (expectation - exact).norm() > 0.01


def test_bound_is_below_the_log_likelihood(monkeypatch):
    """L_s <= log p(y given a), equation 10, on the enumerated model."""
    decoder = tiny("hard")
    inputs, targets, lengths = collate([[[4, 6]]])
    joint, bound = [], 0.0
    for path in itertools.product(range(L), repeat=3):
        places = iter(path)
        monkeypatch.setattr(
            decoder_module,
            "weights",
            lambda alpha, context, generator=None, places=places: torch.nn.functional.one_hot(
                torch.full(alpha.shape[:-1], next(places)), L
            ).to(alpha),
        )
        with torch.no_grad():
            rolled = rollout(decoder, annotate(decoder, 1), inputs, targets, lengths, context="sample")
        places_lp = rolled.place_log_prob.sum()
        words_lp = rolled.logits.log_softmax(-1).gather(1, rolled.targets[:, None]).sum()
        joint.append(places_lp + words_lp)
        bound += float(places_lp.exp() * words_lp)
    assert bound < float(torch.stack(joint).logsumexp(0))


def test_baseline_is_updated_after_use():
    decoder = tiny("hard")
    inputs, targets, lengths = collate([[[4, 6], [5]]])
    torch.manual_seed(0)
    rolled = rollout(decoder, annotate(decoder, 1), inputs, targets, lengths, context="sample")
    log_prob = rolled.logits.log_softmax(-1).gather(1, rolled.targets[:, None])[:, 0].detach()
    totals = torch.stack([log_prob[rolled.index[:, 1] == k].sum() for k in range(2)])
    hard = HardConfig(reward="total", baseline="moving_average", baseline_decay=0.9)
    before = torch.full((4,), -2.0)
    _, after, advantage = reinforce(rolled, hard, before)
    torch.testing.assert_close(advantage, totals[rolled.index[:, 1]] + 2.0)
    tokens = totals[rolled.index[:, 1]].mean()
    torch.testing.assert_close(after, torch.full((4,), 0.9 * -2.0) + 0.1 * tokens)


def test_the_first_batch_only_sets_the_baseline():
    decoder = tiny("hard")
    inputs, targets, lengths = collate([[[4, 6], [5]]])
    rolled = rollout(decoder, annotate(decoder, 1), inputs, targets, lengths, context="sample")
    nothing = torch.full((4,), torch.nan)
    surrogate, after, advantage = reinforce(rolled, HardConfig(reward="to_go"), nothing)
    assert surrogate.item() == 0 and (advantage == 0).all()
    assert after[:3].isfinite().all() and after[3].isnan()  # no caption had a fourth word


def test_pictures_with_the_expected_context_get_no_reinforce():
    decoder = tiny("hard")
    inputs, targets, lengths = collate([[[4, 6]], [[5, 5]]])
    expect = torch.tensor([True, False])
    rolled = rollout(decoder, annotate(decoder, 2), inputs, targets, lengths, context="sample", expect=expect)
    assert torch.equal(rolled.sampled, rolled.index[:, 0] == 1)
    soft = rollout(decoder, annotate(decoder, 2), inputs, targets, lengths)
    mine = rolled.index[:, 0] == 0
    torch.testing.assert_close(rolled.logits[mine], soft.logits[mine])
    surrogate, _, advantage = reinforce(rolled, HardConfig(), torch.zeros(4))
    assert (advantage[mine] == 0).all() and (advantage[~mine] != 0).all() and surrogate.item() != 0


def test_scheduled_sampling_feeds_the_models_own_words():
    decoder = tiny("soft")
    decoder.L_o.bias.data[5] = 60.0  # whatever it reads, the model says word 5
    inputs, targets, lengths = collate([[[4, 6, 7]]])
    own = rollout(decoder, annotate(decoder, 1), inputs, targets, lengths, own_words=1.0)
    fed = torch.tensor([[[1, 5, 5, 5]]])
    want = rollout(decoder, annotate(decoder, 1), fed, targets, lengths)
    torch.testing.assert_close(own.logits, want.logits)
    never = rollout(decoder, annotate(decoder, 1), inputs, targets, lengths, own_words=0.0)
    assert not torch.allclose(never.logits, want.logits)


def test_attention_inside_the_boxes_of_a_phrase():
    """Of the two captions of the first picture the second has no boxes, and the second picture has none at all."""
    decoder = tiny("soft")
    captions = [[[4, 5, 6], [7, 4]], [[5, 4]]]
    inputs, targets, lengths = collate(captions)
    coverage = torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.0, 0.25]])
    region = torch.full((2, 2, 4), -1)
    region[0, 0] = torch.tensor([-1, 1, 0, -1])
    rolled = rollout(decoder, annotate(decoder, 2), inputs, targets, lengths)
    inside = attention_inside(rolled, RegionTargets(coverage, region))
    _, alphas = decoder.forward(annotate(decoder, 2).select(slice(0, 1)), inputs[:1, :1])
    want = torch.stack([0.25 * alphas[0, 0, 1, 2], alphas[0, 0, 2, 0] + 0.5 * alphas[0, 0, 2, 1]])
    torch.testing.assert_close(inside.exp(), want)


def test_grounding_term_by_hand():
    inside = torch.tensor([0.25, 0.5]).log()
    assert grounding(inside, 0.0).item() == pytest.approx((math.log(4) + math.log(2)) / 2)
    assert grounding(inside, 1.0).item() == pytest.approx((0.75 + 0.5) / 2)
    assert grounding(inside, 0.5).item() == pytest.approx((1 + 2 * (1 - 0.5**0.5)) / 2)
    assert grounding(inside, 1e-4).item() == pytest.approx(grounding(inside, 0.0).item(), rel=1e-3)
    assert grounding(torch.zeros(3), 0.3).item() == 0  # all attention inside


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_gradient_of_the_grounding_term_by_hand(power):
    """With m = sum_i alpha_i c_i, d/de_i of (1 - m^q) / q is -m^q (alpha_i c_i / m - alpha_i)."""
    scores = torch.tensor([[0.3, -1.0, 0.7], [0.0, 2.0, 1.0]], requires_grad=True)
    coverage = torch.tensor([[1.0, 0.5, 0.0]])
    index = torch.tensor([[0, 0, 0], [0, 0, 1]])
    regions = RegionTargets(coverage, torch.tensor([[[0, -1]]]))  # the second word belongs to no phrase
    rolled = SimpleNamespace(log_alpha=scores.log_softmax(-1), index=index)
    grounding(attention_inside(rolled, regions), power).backward()
    alpha = scores[0].detach().softmax(-1)
    inside = (alpha * coverage[0]).sum()
    torch.testing.assert_close(scores.grad[0], -(inside**power) * (alpha * coverage[0] / inside - alpha))
    assert (scores.grad[1] == 0).all()


def test_boxes_that_attention_misses_wholly_still_pull_it():
    """Attention of e^-200 in the boxes is zero in single precision, but its logarithm is not."""
    scores = torch.tensor([[0.0, -200.0, -300.0]], requires_grad=True)
    rolled = SimpleNamespace(log_alpha=scores.log_softmax(-1), index=torch.tensor([[0, 0, 0]]))
    regions = RegionTargets(torch.tensor([[0.0, 1.0, 0.0]]), torch.zeros(1, 1, 1, dtype=torch.long))
    term = grounding(attention_inside(rolled, regions), 0.0)
    term.backward()
    assert term.item() == pytest.approx(200)
    torch.testing.assert_close(scores.grad, torch.tensor([[1.0, -1.0, 0.0]]))


def test_pictures_without_boxes_contribute_nothing():
    decoder = tiny("soft")
    inputs, targets, lengths = collate([[[4, 6], [5]]])
    rolled = rollout(decoder, annotate(decoder, 1), inputs, targets, lengths)
    nothing = RegionTargets(torch.zeros(0, L), torch.full((1, 2, 3), -1))
    term = grounding(attention_inside(rolled, nothing), 0.0)
    term.backward()
    assert term.item() == 0
    assert all(p.grad is None or (p.grad == 0).all() for p in decoder.parameters())
