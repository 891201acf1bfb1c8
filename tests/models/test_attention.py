"""The score against its formula in double precision, however many pictures and hypotheses it is asked for."""

from __future__ import annotations

import pytest
import torch

from sat.models import attention
from sat.models.attention import AdditiveScore

L, D, N, A = 6, 5, 7, 4


def score(seed: int = 0) -> AdditiveScore:
    torch.manual_seed(seed)
    made = AdditiveScore(D, N, A).eval().requires_grad_(False)
    made.v.normal_()
    return made


def formula(made: AdditiveScore, keys: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """v^T tanh(W_a a_i + W_h h), float64 (B, K, L)."""
    query = hidden.double() @ made.W_h.weight.double().T
    return torch.tanh(keys.double().unsqueeze(1) + query.unsqueeze(2)) @ made.v.double()


@pytest.mark.parametrize("pictures, hypotheses", [(0, 2), (1, 1), (1, 7), (5, 3)])
@pytest.mark.parametrize("cached", [1, 2 * 3 * L * A, 2**18], ids=["one by one", "two at once", "all at once"])
def test_the_score_is_its_formula(pictures, hypotheses, cached, monkeypatch):
    monkeypatch.setattr(attention, "_CACHED", cached)
    made = score()
    keys, hidden = torch.randn(pictures, L, A), torch.randn(pictures, hypotheses, N)
    got = made(keys, hidden)
    assert got.dtype == torch.float32 and got.shape == (pictures, hypotheses, L)
    torch.testing.assert_close(got.double(), formula(made, keys, hidden), atol=2e-6, rtol=0)


def test_it_holds_where_tanh_is_saturated_and_where_it_is_nothing():
    made = score()
    keys = torch.tensor([-200.0, -50.0, -1e-6, 0.0, 50.0, 200.0]).view(1, L, 1).expand(1, L, A)
    hidden = torch.zeros(1, 1, N)
    got = made(keys, hidden)
    torch.testing.assert_close(got.double(), formula(made, keys, hidden), atol=2e-6, rtol=0)
    torch.testing.assert_close(got[0, 0, [0, 5]], made.v.sum() * torch.tensor([-1.0, 1.0]))


@pytest.mark.parametrize("cached", [1, 2**18], ids=["one by one", "all at once"])
def test_its_gradients_are_those_of_the_formula(cached, monkeypatch):
    monkeypatch.setattr(attention, "_CACHED", cached)
    made = score().requires_grad_(True)
    keys, hidden = torch.randn(3, L, A, requires_grad=True), torch.randn(3, 2, N, requires_grad=True)
    weight = torch.randn(3, 2, L)
    parameters = [keys, hidden, made.W_h.weight, made.v]
    want = torch.autograd.grad((formula(made, keys, hidden) * weight).sum(), parameters)
    for mode in (False, True):  # in training a constant is left out, which changes the gradient of v by one as well
        made.train(mode)
        centred = weight - weight.mean(-1, keepdim=True)
        wanted = torch.autograd.grad((formula(made, keys, hidden) * centred).sum(), parameters) if mode else want
        got = torch.autograd.grad((made(keys, hidden) * (centred if mode else weight)).sum(), parameters)
        for ours, theirs in zip(got, wanted, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_under_autocast_it_is_as_exact_as_its_inputs():
    made = score().train()
    keys, hidden = torch.randn(3, L, A).bfloat16(), torch.randn(3, 2, N)
    with torch.autocast("cpu", torch.bfloat16):
        got = made(keys, hidden)
        query = made.W_h(hidden)
    want = torch.tanh(keys.double().unsqueeze(1) + query.double().unsqueeze(2)) @ made.v.double()
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), want + made.v.double().sum(), atol=2e-6, rtol=0)


def test_nothing_as_large_as_the_hidden_layers_is_kept_for_the_gradient():
    made = score().train().requires_grad_(True)
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        made(torch.randn(3, L, A), torch.randn(3, 5, N)).sum().backward()
    assert kept and max(kept) < 3 * 5 * L * A
