"""One step of the decoder in numbers, and the same step with something in it set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sat.analysis.distributions import divergence, probabilities, top_words
from sat.analysis.reading import Reading
from sat.errors import UserError
from sat.models.decoder import log_probs

if TYPE_CHECKING:
    from torch import Tensor

GATES = ("input", "forget", "output", "candidate")  # in the order of ``StepOutput.gates``


@dataclass(frozen=True, eq=False)
class StepNumbers:
    """Everything of one step, float64; the places in the order of the rows.

    Attributes:
        word, previous: ids of the word that the step chose and of the one before it.
        scores: e_t, (L,); alpha: (L,); weights: what made the context, (L,); beta; z: sum_i w_i a_i before the gate,
            (D,). All None without attention.
        gates: input, forget, output, candidate, (4, n).
        cell_before, cell, hidden_before, hidden: c_{t-1}, c_t, h_{t-1}, h_t, (n,).
        parts: what is summed before the deep output's tanh, (m,) each: ``word`` (E y_{t-1}), ``hidden`` (L_h h_t and
            its bias) and, with attention, ``picture`` (L_z z_t).
        logits, log_probs: (V,).
    """

    word: int
    previous: int
    scores: np.ndarray | None
    alpha: np.ndarray | None
    weights: np.ndarray | None
    beta: float | None
    z: np.ndarray | None
    gates: np.ndarray
    cell_before: np.ndarray
    cell: np.ndarray
    hidden_before: np.ndarray
    hidden: np.ndarray
    parts: dict[str, np.ndarray]
    logits: np.ndarray
    log_probs: np.ndarray


@dataclass(frozen=True, eq=False)
class Edited:
    """The next word had something in the step been different.

    Attributes:
        alpha: the weights that were used, float64 (rows, columns); beta: the gate. None without attention.
        log_probs: of the next word, float64 (V,).
        top: the best words with their probabilities.
        word: the one that the caption has there; probability, before: of it now, and as it was.
        divergence: Jensen-Shannon, in nats, between the two next-word distributions.
    """

    alpha: np.ndarray | None
    beta: float | None
    log_probs: np.ndarray
    top: tuple[tuple[str, float], ...]
    word: str
    probability: float
    before: float
    divergence: float


def array(tensor: Tensor) -> np.ndarray:
    """float64 on the CPU."""
    return tensor.detach().double().cpu().numpy()


def step_numbers(reading: Reading, step: int) -> StepNumbers:
    """The numbers of a step of a caption.

    Raises:
        UserError: there is no such step, or the model has no LSTM.
    """
    moment, decoder, gates = reading.at(step), reading.decoder, reading.gates(step)
    out = moment.out
    assert out.logits is not None
    parts = {"word": array(decoder.E(moment.word)[0, 0]), "hidden": array(decoder.L_h(out.state.h)[0, 0])}
    scores = alpha = weights = z = None
    if out.scores is not None and out.alpha is not None and out.weights is not None and out.context is not None:
        scores, alpha, weights = (array(t[0, 0]) for t in (out.scores, out.alpha, out.weights))
        z = array(decoder.attend(out.weights, reading.annotations)[0, 0])
        parts["picture"] = array(decoder.L_z(out.context)[0, 0])
    return StepNumbers(
        word=reading.ids[step],
        previous=int(moment.word),
        scores=scores,
        alpha=alpha,
        weights=weights,
        beta=None if out.beta is None else float(out.beta),
        z=z,
        gates=array(gates),
        cell_before=array(moment.state.c[0, 0]),
        cell=array(out.state.c[0, 0]),
        hidden_before=array(moment.state.h[0, 0]),
        hidden=array(out.state.h[0, 0]),
        parts=parts,
        logits=array(out.logits[0, 0]),
        log_probs=array(moment.log_probs),
    )


def step_with(
    reading: Reading,
    step: int,
    *,
    scores: np.ndarray | None = None,
    alpha: np.ndarray | None = None,
    beta: float | None = None,
    gates: Mapping[str, float] | None = None,
    previous: str | None = None,
    top: int = 10,
) -> Edited:
    """The next word at a step with some of its parts set by hand, everything before as it was.

    Args:
        scores: e, any finite numbers (rows, columns): attention becomes their softmax.
        alpha: the weights themselves, (rows, columns) from 0 up; they are made to sum to one.
        beta: the gate, 0 to 1.
        gates: by name (``GATES``), one value for all units: 0 to 1, the candidate -1 to 1.
        previous: another word before.

    Raises:
        UserError: there is no such step or word, no attention or LSTM to set, or a number is out of its range.
    """
    moment, decoder = reading.at(step), reading.decoder
    if gates:
        reading.gates(step)
    word = moment.word
    if previous is not None:
        word = word.new_full((1, 1), 1 if previous == "<start>" else reading.word_at(step, previous))
    embedded = decoder.E(word)  # (1, 1, m)
    inputs, z, weights, gate = [embedded], None, None, None
    if scores is not None or alpha is not None or beta is not None:
        reading.attending(step)
    if decoder.attends:
        weights = _weights(reading, step, scores, alpha)  # (1, 1, L)
        gate = _gate(moment.out.beta, beta)  # (1, 1)
        z = gate.unsqueeze(-1) * decoder.attend(weights, reading.annotations)  # (1, 1, D)
        inputs.append(z)
    state, opened = decoder.recur(moment.state, inputs)  # (1, 1, 4, n)
    h = state.h
    if gates and opened is not None:
        input_, forget, output, candidate = _set_gates(opened, gates).unbind(-2)  # (1, 1, n) each
        h = output * (forget * moment.state.c + input_ * candidate).tanh()
    found = log_probs(decoder.L_o(decoder.deep_output(embedded, h, z)))[0, 0]  # (V,)
    own, now = probabilities(moment.log_probs), probabilities(found)
    chosen = reading.ids[step]
    return Edited(
        alpha=None if weights is None else array(weights[0, 0]).reshape(reading.grid),
        beta=None if gate is None else float(gate),
        log_probs=array(found),
        top=top_words(found, reading.vocabulary, top),
        word=reading.vocabulary.words[chosen],
        probability=float(now[chosen]),
        before=float(own[chosen]),
        divergence=float(divergence(own, now)),
    )


def _weights(reading: Reading, step: int, scores: np.ndarray | None, alpha: np.ndarray | None) -> Tensor:
    """The weights (1, 1, L) to use: what was asked for, else those of the step."""
    used = reading.at(step).out.weights
    assert used is not None
    if scores is not None and alpha is not None:
        raise UserError("Set the scores or the attention, not both: one follows from the other.")
    asked = scores if alpha is None else alpha
    if asked is None:
        return used
    values = np.asarray(asked, dtype=np.float64)
    if values.shape != reading.grid or not np.isfinite(values).all():
        rows, columns = reading.grid
        raise UserError(f"A map has {rows} x {columns} finite numbers: set them again.")
    if scores is not None:
        values = np.exp(values - values.max())
    elif values.min() < 0 or not values.any():
        raise UserError("Attention has numbers from 0 up, not all 0: set at least one cell.")
    return used.new_tensor((values / values.sum()).reshape(1, 1, -1))


def _gate(own: Tensor | None, beta: float | None) -> Tensor:
    assert own is not None
    if beta is None:
        return own
    if not 0 <= beta <= 1:
        raise UserError("The gate lies between 0 (shut) and 1 (open): choose a number between them.")
    return own.new_full(own.shape, beta)


def _set_gates(opened: Tensor, gates: Mapping[str, float]) -> Tensor:
    """The gates (1, 1, 4, n) with some of them set to one value for all units."""
    changed = opened.clone()
    for name, value in gates.items():
        if name not in GATES:
            raise UserError(f"There is no gate {name[:40]!r}: choose {', '.join(GATES)}.")
        low = -1 if name == "candidate" else 0
        if not low <= value <= 1:
            raise UserError(f"The {name} lies between {low} and 1: choose a number between them.")
        changed[..., GATES.index(name), :] = value
    return changed
