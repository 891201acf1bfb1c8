"""Small recurrent networks with random weights: how far back they remember, and how far back their gradients reach.

Both are measured in numpy with the Jacobian of every step written out, float64. The *gain* over a distance d is
||d s_T / d s_{T-d}||_F / sqrt(n): the root of the mean square by which a small random change of the state d steps ago
is multiplied. Below 1 it vanishes, above 1 it explodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sat.errors import UserError

SIZE, STEPS = 24, 40
FORGET_BIAS = 1.0  # as the decoder's LSTM starts its training
_INPUT = 0.5  # standard deviation of the inputs
Activation = Literal["tanh", "linear"]


@dataclass(frozen=True, eq=False)
class Network:
    """A recurrent network; an LSTM's weights are stacked by gate: input, forget, output, candidate.

    Attributes:
        kind: ``rnn`` or ``lstm``; W: on the state, (n, n) or (4n, n); b: (n,) or (4n,).
        activation: of the simple network; ``linear`` is there to see the powers of W bare.
    """

    kind: Literal["rnn", "lstm"]
    W: np.ndarray
    b: np.ndarray
    activation: Activation = "tanh"

    @property
    def size(self) -> int:
        """n."""
        return self.W.shape[1]


def simple(size: int = SIZE, radius: float = 1.0, seed: int = 0, activation: Activation = "tanh") -> Network:
    """h_t = tanh(W h_{t-1} + x_t), W a random rotation times ``radius``: all its singular values are the radius.

    Raises:
        UserError: the radius is not from 0 to 3, or the size not from 1 to 256.
    """
    _check(size)
    if not 0 <= radius <= 3:
        raise UserError("The size of the recurrent weights is a number from 0 to 3: choose one of them.")
    return Network("rnn", radius * _rotation(np.random.default_rng(seed), size), np.zeros(size), activation)


def lstm(size: int = SIZE, forget_bias: float = FORGET_BIAS, seed: int = 0) -> Network:
    """An LSTM that starts as the decoder's does: a rotation for each gate, and a bias that opens the forget gate.

    Raises:
        UserError: the size is not from 1 to 256, or the bias not from -10 to 10.
    """
    _check(size)
    if not -10 <= forget_bias <= 10:
        raise UserError("The bias of the forget gate is a number from -10 to 10: choose one of them.")
    rng = np.random.default_rng(seed)
    b = np.zeros(4 * size)
    b[size : 2 * size] = forget_bias
    return Network("lstm", np.concatenate([_rotation(rng, size) for _ in range(4)]), b)


def inputs(size: int = SIZE, steps: int = STEPS, seed: int = 0) -> np.ndarray:
    """Random inputs, float64 (T, n) for the simple network; an LSTM gets the same for its four gates."""
    return np.random.default_rng([seed, 1]).normal(0, _INPUT, (steps, size))


def run(network: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The states and the Jacobians of the steps.

    Args:
        x: inputs, (T, n).

    Returns:
        states (T + 1, S), starting with zeros, and d s_t / d s_{t-1}, (T, S, S); S is n for the simple network, and 2n
        for an LSTM, whose state is c and then h.
    """
    step = _rnn_step if network.kind == "rnn" else _lstm_step
    states = [np.zeros(network.size * (1 if network.kind == "rnn" else 2))]
    jacobians = []
    for row in x:
        state, jacobian = step(network, states[-1], row)
        states.append(state)
        jacobians.append(jacobian)
    return np.stack(states), np.stack(jacobians)


def gains(network: Network, x: np.ndarray) -> np.ndarray:
    """The gain over every distance, float64 (T + 1,), that over none being 1; of an LSTM from cell to cell."""
    _, jacobians = run(network, x)
    n = network.size
    through = np.eye(jacobians.shape[1])
    found = [1.0]
    for jacobian in jacobians[::-1]:  # from the last step backwards, as backpropagation goes
        through = through @ jacobian
        found.append(float(np.linalg.norm(through[:n, :n]) / np.sqrt(n)))
    return np.array(found)


def influence(network: Network, x: np.ndarray) -> np.ndarray:
    """How far two runs stand apart that differ only in their first input, relative to the first step, (T,).

    What is compared is h_t of the simple network and c_t of the LSTM.
    """
    other = x.copy()
    other[0] = -other[0]
    apart = (run(network, x)[0] - run(network, other)[0])[1:, : network.size]  # (T, n)
    distance = np.linalg.norm(apart, axis=1)
    return distance / distance[0] if distance[0] > 0 else distance


def _rnn_step(network: Network, h: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pre = network.W @ h + x + network.b
    if network.activation == "linear":
        return pre, network.W
    new = np.tanh(pre)
    return new, (1 - new**2)[:, None] * network.W


def _lstm_step(network: Network, state: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = network.size
    c, h = state[:n], state[n:]
    pre = (network.W @ h + np.tile(x, 4) + network.b).reshape(4, n)
    i, f, o = 1 / (1 + np.exp(-pre[:3]))
    g = np.tanh(pre[3])
    new_c = f * c + i * g
    squashed = np.tanh(new_c)
    U_i, U_f, U_o, U_g = network.W.reshape(4, n, n)

    def rows(scale: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        return scale[:, None] * matrix

    c_by_c = np.diag(f)
    c_by_h = rows(g * i * (1 - i), U_i) + rows(c * f * (1 - f), U_f) + rows(i * (1 - g**2), U_g)
    slope = o * (1 - squashed**2)
    h_by_c = rows(slope, c_by_c)
    h_by_h = rows(slope, c_by_h) + rows(squashed * o * (1 - o), U_o)
    return np.concatenate([new_c, o * squashed]), np.block([[c_by_c, c_by_h], [h_by_c, h_by_h]])


def _rotation(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random orthogonal matrix (n, n)."""
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def _check(size: int) -> None:
    if not 1 <= size <= 256:
        raise UserError("A small network has from 1 to 256 units: choose a number between them.")
