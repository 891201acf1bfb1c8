"""A caption read again word by word (teacher forcing), kept so that one can go into any of its steps.

Reading a trace forces its words, its glimpses and its gates, so that a sampled glimpse, a painted map or a shut gate
is met again as it was. What a trace does not hold is where it looked at the step that ends it: there the model looks by
itself, one that samples its glimpses by expectation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sat.config import Context
from sat.decoding.forward import Intervention
from sat.errors import UserError
from sat.models.decoder import Annotations, Decoder, State, StepOutput, log_probs
from sat.trace import Step, Trace
from sat.vocabulary import END, START, Vocabulary


@dataclass(frozen=True, eq=False)
class Moment:
    """One step of a reading, B = K = 1.

    Attributes:
        state: h_{t-1}, c_{t-1}; word: y_{t-1}, the input, an id (1, 1).
        out: everything that happened.
        log_probs: of the next word, float32 (V,).
    """

    state: State
    word: Tensor
    out: StepOutput
    log_probs: Tensor


@dataclass(frozen=True, eq=False)
class Reading:
    """A caption on a picture.

    Attributes:
        annotations: of the one picture.
        context: how attention became a context where the trace did not say.
        one_place: whether each context was the annotation of one place (argmax or sample).
        ids: of the words, the end included; T + 1 of them.
        moments: the steps that chose them.
    """

    decoder: Decoder
    vocabulary: Vocabulary
    annotations: Annotations
    context: Context
    one_place: bool
    ids: tuple[int, ...]
    moments: tuple[Moment, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words, ``<end>`` included."""
        return tuple(self.vocabulary.words[i] for i in self.ids)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.decoder.config.rows, self.decoder.config.columns

    def at(self, step: int) -> Moment:
        """The step that chose word ``step``, from 0; the last is the one that ends the caption.

        Raises:
            UserError: there is no such step.
        """
        if not 0 <= step < len(self.moments):
            raise UserError(f"The caption has {len(self.ids) - 1} words: choose one of them, or its end.")
        return self.moments[step]

    def attending(self, step: int) -> tuple[Moment, Tensor]:
        """The same, with the model's own alpha (L,).

        Raises:
            UserError: there is no such step, or no attention.
        """
        moment = self.at(step)
        if moment.out.alpha is None:
            raise UserError(f"The model {self.decoder.config.name} has no attention: choose a soft or a hard model.")
        return moment, moment.out.alpha[0, 0]

    def gates(self, step: int) -> Tensor:
        """Input, forget, output gate and candidate of the LSTM at a step, (4, n).

        Raises:
            UserError: there is no such step, or no LSTM.
        """
        gates = self.at(step).out.gates
        if gates is None:
            raise UserError(f"The model {self.decoder.config.name} has no LSTM: choose another model.")
        return gates[0, 0]

    def word_at(self, step: int, word: str | None = None) -> int:
        """The id of ``word``, of the word that was written at the step if None.

        Raises:
            UserError: the model does not know it.
        """
        if word is None:
            self.at(step)
            return self.ids[step]
        if word not in self.vocabulary:
            raise UserError(
                f"The model does not know the word {word[:40]!r}: choose one of its {len(self.vocabulary)} words."
            )
        return self.vocabulary.encode([word])[0]

    def log_probs(self) -> Tensor:
        """Of the next word at every step, float32 (T + 1, V)."""
        return torch.stack([moment.log_probs for moment in self.moments])

    def chosen(self) -> Tensor:
        """Log-probabilities of the words of the caption and of its end, float32 (T + 1,)."""
        ids = torch.tensor(self.ids, device=self.annotations.values.device)
        return self.log_probs().gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def read(decoder: Decoder, vocabulary: Vocabulary, raw: Tensor, trace: Trace) -> Reading:
    """Read a model's own trace again.

    Args:
        raw: the annotations that it was written from, (1, L, D); of an erased picture, those.

    Raises:
        UserError: the trace is another model's, or the annotations do not fit the model.
    """
    config = decoder.config
    if trace.model != config.name or trace.attention != config.attention:
        raise UserError(
            f"This caption was written by {trace.model}, not by {config.name}: let {config.name} read it first."
        )
    if raw.shape != (1, config.places, config.annotation_dim):
        raise UserError(
            f"The model {config.name} reads {config.places} annotations of {config.annotation_dim} numbers: "
            f"encode the picture with {config.encoder}."
        )
    grid = (config.rows, config.columns)
    maps = [(s.alpha, s.place or (0, 0)) for s in trace.steps if s.alpha is not None]
    if any(a.shape != grid or not (0 <= p[0] < grid[0] and 0 <= p[1] < grid[1]) for a, p in maps):
        raise UserError(f"The maps of this caption do not fit the grid of {config.name}: caption the picture again.")
    annotations = decoder.annotate(raw.to(decoder.mean_grid.device))
    context = quiet(trace.context)
    ids = [*vocabulary.encode(trace.words), END]
    moments = follow(decoder, annotations, decoder.start(annotations), START, ids, trace.steps, context)
    one_place = trace.context in ("argmax", "sample")
    return Reading(decoder, vocabulary, annotations, context, one_place, tuple(ids), tuple(moments))


def quiet(context: str | None) -> Context:
    """The context to read with: as it was written, but nothing is drawn at random."""
    return "argmax" if context == "argmax" else "expected"


def follow(
    decoder: Decoder,
    annotations: Annotations,
    state: State,
    last: int,
    ids: Sequence[int],
    steps: Sequence[Step],
    context: Context,
    ending: Intervention | None = None,
) -> list[Moment]:
    """The steps that chose some words, beginning after the word ``last``.

    Args:
        state: before the first of them, (1, 1, n).
        ids: of the words.
        steps: of the trace, one a word; the model looks by itself where they have run out,
        ending: unless this says what is forced there.
    """
    device = annotations.values.device
    moments: list[Moment] = []
    for t, word in enumerate([last, *ids][: len(ids)]):
        weights: Tensor | None = None
        beta: float | None = None
        if decoder.attends and t < len(steps):
            weights = torch.tensor(steps[t].glimpse, device=device).flatten()  # (L,)
            beta = steps[t].beta
        elif ending is not None:
            weights, beta = ending.weights_at(decoder, state, annotations, context), ending.beta
        before, inputs = state, torch.full((1, 1), word, device=device)
        out = decoder.step(before, inputs, annotations, context=context, forced_weights=weights, forced_beta=beta)
        assert out.logits is not None
        moments.append(Moment(before, inputs, out, log_probs(out.logits)[0, 0]))
        state = out.state
    return moments


def logits_with(decoder: Decoder, moment: Moment, annotations: Annotations, weights: Tensor) -> Tensor:
    """Next-word logits n_t (K, V) of a step had its attention been ``weights`` (K, L), everything before as it was.

    The parts of ``Decoder.step`` after the score, which forced weights make useless: for K = L = 196 it is most of the
    work.
    """
    assert moment.out.beta is not None
    K = weights.shape[0]
    z = moment.out.beta.unsqueeze(-1) * decoder.attend(weights.unsqueeze(0), annotations)  # (1, K, D)
    embedded = decoder.E(moment.word).expand(1, K, -1)  # (1, K, m)
    before = State(moment.state.h.expand(1, K, -1), moment.state.c.expand(1, K, -1))  # (1, K, n)
    after, _ = decoder.recur(before, [embedded, z])
    return decoder.L_o(decoder.deep_output(embedded, after.h, z))[0].float()  # (K, V)


def log_probs_with(reading: Reading, step: int, weights: Tensor) -> Tensor:
    """Next-word log-probabilities (K, V) at a step had its attention been ``weights`` (K, L)."""
    return log_probs(logits_with(reading.decoder, reading.at(step), reading.annotations, weights))


def mean_image(decoder: Decoder) -> Annotations:
    """The mean annotation grid of the training split, as a picture.

    Raises:
        UserError: the model does not hold it.
    """
    if not bool(torch.any(decoder.mean_grid)):
        raise UserError(f"The model {decoder.config.name} holds no mean image: choose a trained model.")
    return decoder.annotate(decoder.mean_grid.unsqueeze(0))


def one_hots(reading: Reading) -> Tensor:
    """The L ways to look at one place, (L, L)."""
    return torch.eye(reading.decoder.config.places, device=reading.annotations.values.device)


def as_map(reading: Reading, values: Tensor) -> np.ndarray:
    """float32 (..., rows, columns) of values (..., L)."""
    return values.detach().float().unflatten(-1, reading.grid).cpu().numpy().copy()
