"""Gains and influence of small networks against torch's own cells and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.errors import UserError
from sat.lessons.recurrence import gains, influence, inputs, lstm, run, simple

N, T = 5, 7


def torch_states(network, x, start, first=0):
    """h (and c) after each input from ``first`` on, by torch's cells."""
    if network.kind == "rnn":
        cell = torch.nn.RNNCell(N, N).double()
        with torch.no_grad():
            cell.weight_ih.copy_(torch.eye(N))
            cell.weight_hh.copy_(torch.tensor(network.W))
            cell.bias_ih.zero_()
            cell.bias_hh.copy_(torch.tensor(network.b))
        h = start
        for row in x[first:]:
            h = cell(torch.tensor(row)[None], h[None])[0]
        return h
    cell = torch.nn.LSTMCell(N, N).double()
    order = [0, 1, 3, 2]  # torch stacks input, forget, candidate, output
    W, b = network.W.reshape(4, N, N)[order], network.b.reshape(4, N)[order]
    with torch.no_grad():
        cell.weight_ih.copy_(torch.eye(N).repeat(4, 1))
        cell.weight_hh.copy_(torch.tensor(W.reshape(4 * N, N)))
        cell.bias_ih.zero_()
        cell.bias_hh.copy_(torch.tensor(b.reshape(-1)))
    c, h = start[:N][None], start[N:][None]
    for row in x[first:]:
        h, c = cell(torch.tensor(row)[None], (h, c))
    return torch.cat([c[0], h[0]])


@pytest.mark.parametrize("network", [simple(N, 0.9, 3), simple(N, 2.0, 4), lstm(N, 1.0, 5), lstm(N, 3.0, 6)])
def test_gains_are_torchs_own_gradients(network):
    x = inputs(N, T, seed=2)
    states, _ = run(network, x)
    found = gains(network, x)
    assert found.shape == (T + 1,) and found[0] == 1
    for d in range(1, T + 1):
        start = torch.tensor(states[T - d])
        jacobian = torch.autograd.functional.jacobian(lambda s, d=d: torch_states(network, x, s, T - d), start)
        expected = float(torch.linalg.norm(jacobian[:N, :N])) / np.sqrt(N)
        assert found[d] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(states[-1], torch_states(network, x, torch.tensor(states[0])).detach(), atol=1e-12)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.7])
def test_a_linear_network_multiplies_by_the_power_of_its_weights(radius):
    found = gains(simple(N, radius, 1, "linear"), inputs(N, T))
    np.testing.assert_allclose(found, radius ** np.arange(T + 1), rtol=1e-9)


@pytest.mark.parametrize("network", [simple(N, 0.9, 3), lstm(N, 3.0, 6)])
def test_influence_is_the_distance_of_two_runs(network):
    x = inputs(N, T, seed=1)
    other = x.copy()
    other[0] *= -1
    size = N if network.kind == "rnn" else 2 * N
    apart = []
    for t in range(1, T + 1):
        ends = [torch_states(network, part[:t], torch.zeros(size).double()).detach().numpy() for part in (x, other)]
        apart.append(np.linalg.norm((ends[0] - ends[1])[:N]))
    np.testing.assert_allclose(influence(network, x), np.array(apart) / apart[0], rtol=1e-9)


def test_small_weights_vanish_large_ones_explode_and_an_open_gate_keeps():
    x = inputs()
    small, large = gains(simple(radius=0.9), x), gains(simple(radius=2.0), x)
    assert small[20] < 0.01 and large[20] > 2
    assert small[20] < gains(lstm(forget_bias=1.0), x)[20] < gains(lstm(forget_bias=3.0), x)[20]


def test_a_seed_gives_the_same_network():
    np.testing.assert_array_equal(lstm(seed=3).W, lstm(seed=3).W)
    assert not np.array_equal(lstm(seed=3).W, lstm(seed=4).W)
    np.testing.assert_allclose(simple(6, 1.5, 2).W @ simple(6, 1.5, 2).W.T, 2.25 * np.eye(6), atol=1e-12)


def test_networks_that_cannot_be_are_refused():
    for wrong in (lambda: simple(0), lambda: simple(257), lambda: simple(radius=3.1), lambda: simple(radius=-0.1)):
        with pytest.raises(UserError, match="choose"):
            wrong()
    for bias in (-11, 11, float("nan")):
        with pytest.raises(UserError, match="bias"):
            lstm(forget_bias=bias)
