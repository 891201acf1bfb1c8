"""The LSTM decoder with soft, hard or no attention (section 3.1.2), one ``step`` for every use.

The baselines ``rnn`` and ``log_bilinear`` are the same decoder with another recurrence and output; ``build`` chooses.

Layout: B pictures, K hypotheses a picture. The hypotheses of a picture share its annotations, so K is the five
captions of a picture in training, the beam in a search, and the 196 forced places in an exact marginal, and
W_a a_i is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sat.config import Context, ModelConfig, Recurrence
from sat.models.attention import AdditiveScore, weights


@dataclass(frozen=True)
class Annotations:
    """The prepared annotations of B pictures.

    Attributes:
        values: standardised a_i, (B, L, D).
        keys: W_a a_i, (B, L, A); None without attention.
        mean: mean over places of the standardised annotations, (B, D).
    """

    values: Tensor
    keys: Tensor | None
    mean: Tensor

    def select(self, pictures: Tensor | slice) -> Annotations:
        """The annotations of some of the pictures."""
        keys = None if self.keys is None else self.keys[pictures]
        return Annotations(self.values[pictures], keys, self.mean[pictures])


@dataclass(frozen=True)
class State:
    """h and c of the LSTM, each (B, K, n). The baselines keep something else in c: (B, K, any)."""

    h: Tensor
    c: Tensor

    def select(self, pictures: Tensor | slice, hypotheses: Tensor | None = None) -> State:
        """Some pictures and, of each, the hypotheses with index (B', K')."""
        h, c = self.h[pictures], self.c[pictures]
        if hypotheses is not None:
            index = hypotheses.unsqueeze(-1)  # (B', K', 1)
            h, c = (t.gather(1, index.expand(-1, -1, t.shape[-1])) for t in (h, c))
        return State(h, c)


@dataclass(frozen=True)
class StepOutput:
    """Everything that happened in one step.

    Attributes:
        state: h_t, c_t.
        deep: the deep output's hidden layer before L_o, (B, K, m).
        logits: n_t = L_o(...), (B, K, V); None when not asked for.
        scores: e_t, (B, K, L); None without attention or when alpha was forced.
        alpha: the attention distribution, (B, K, L); None without attention.
        weights: what made the context: alpha, or one-hot, (B, K, L); None without attention.
        context: beta_t z_t, (B, K, D); None without attention.
        beta: the gate, (B, K); None without attention.
        gates: input, forget, output gate and candidate of the LSTM, (B, K, 4, n); None without an LSTM.
    """

    state: State
    deep: Tensor
    logits: Tensor | None
    scores: Tensor | None
    alpha: Tensor | None
    weights: Tensor | None
    context: Tensor | None
    beta: Tensor | None
    gates: Tensor | None


class Words(Protocol):
    """The output layer: scores (..., V) of the words by their vectors (V, m) and biases (V,)."""

    @property
    def weight(self) -> Tensor: ...

    @property
    def bias(self) -> Tensor: ...

    def __call__(self, deep: Tensor, /) -> Tensor: ...


_FEW_ROWS = range(2, 9)  # a beam's; one row and many have fast paths of their own


def linear(layer: nn.Linear | Words, x: Tensor) -> Tensor:
    """``layer(x)``. For a few rows on a CPU the weights stand on the left: the product then reads them where they lie
    instead of packing them first, which takes half the time."""
    rows = x.numel() // x.shape[-1]
    if torch.is_grad_enabled() or x.device.type != "cpu" or rows not in _FEW_ROWS or x.dtype != layer.weight.dtype:
        return layer(x)
    product = (layer.weight @ x.reshape(rows, -1).T).T.contiguous()  # (rows, out)
    return (product if layer.bias is None else product + layer.bias).reshape(*x.shape[:-1], -1)


class Decoder(nn.Module):
    """p(y_t given y_<t, a) of "Show, Attend and Tell"; with ``attention="none"``, of "Show and Tell".

    A subclass with another ``recurrence`` says what its layers are (``_make``, ``_initialise``), what it starts from
    (``start``), how a word changes its state (``recur``) and what is read off that (``summands``, ``deep_output``).

    The fixed standardisation of the annotations and the mean annotation grid of the training split are buffers:
    they belong to the trained model.
    """

    annotation_mean: Tensor
    annotation_std: Tensor
    mean_grid: Tensor
    recurrence: Recurrence = "lstm"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.recurrence != self.recurrence:
            raise ValueError(f"{type(self).__name__} is not for recurrence {config.recurrence!r}: use build(config)")
        self.config = config
        self.attends = config.attention != "none"
        self.E = nn.Embedding(config.vocabulary_size, config.embedding_dim)
        self._make(config)
        self.dropout = nn.Dropout(config.dropout)
        self.context_dropout = nn.Dropout(config.context_dropout)
        D = config.annotation_dim
        self.register_buffer("annotation_mean", torch.zeros(D))
        self.register_buffer("annotation_std", torch.ones(D))
        self.register_buffer("mean_grid", torch.zeros(config.places, D))
        nn.init.uniform_(self.E.weight, -0.1, 0.1)
        self._initialise()

    def _make(self, config: ModelConfig) -> None:
        D, n, m, V = config.annotation_dim, config.hidden_dim, config.embedding_dim, config.vocabulary_size
        self.init_h = nn.Sequential(nn.Linear(D, n), nn.Tanh())  # f_init,h
        self.init_c = nn.Sequential(nn.Linear(D, n), nn.Tanh())  # f_init,c
        self.lstm = nn.Linear(m + (D if self.attends else 0) + n, 4 * n)
        self.L_h = nn.Linear(n, m)
        self.L_o: Words = nn.Linear(m, V)
        if self.attends:
            self.score = AdditiveScore(D, n, config.attention_dim)
            self.f_beta = nn.Linear(n, 1)
            self.L_z = nn.Linear(D, m, bias=False)

    def _initialise(self) -> None:
        nn.init.zeros_(self.L_o.bias)
        n = self.config.hidden_dim
        nn.init.zeros_(self.lstm.bias)
        with torch.no_grad():
            self.lstm.bias[n : 2 * n].fill_(1.0)  # open forget gates: gradients reach back from the start
        for gate in range(4):
            nn.init.orthogonal_(self.lstm.weight[gate * n : (gate + 1) * n, -n:])

    def annotate(self, raw: Tensor) -> Annotations:
        """Prepare the encoder's annotations (B, L, D) of B pictures."""
        values = (raw.float() - self.annotation_mean) / self.annotation_std  # (B, L, D)
        mean = values.mean(1)  # (B, D)
        if torch.is_autocast_enabled(values.device.type):  # cast once here, not in the matrix product of every step
            values = values.to(torch.get_autocast_dtype(values.device.type))
        keys = self.score.W_a(values) if self.attends else None  # (B, L, A)
        return Annotations(values, keys, mean)

    def start(self, annotations: Annotations, hypotheses: int = 1) -> State:
        """h_0 and c_0 from the mean annotation, the same for the K hypotheses of a picture."""
        h = self.init_h(annotations.mean).unsqueeze(1).expand(-1, hypotheses, -1)  # (B, K, n)
        c = self.init_c(annotations.mean).unsqueeze(1).expand(-1, hypotheses, -1)  # (B, K, n)
        return State(h, c)

    def step(
        self,
        state: State,
        word: Tensor,
        annotations: Annotations,
        *,
        context: Context = "expected",
        expect: Tensor | None = None,
        forced_weights: Tensor | None = None,
        forced_beta: Tensor | float | None = None,
        generator: torch.Generator | None = None,
        with_logits: bool = True,
    ) -> StepOutput:
        """One word.

        Args:
            state: h_{t-1}, c_{t-1}.
            word: y_{t-1}, ids (B, K); forcing a word is passing another one here.
            annotations: of the B pictures.
            context: how alpha becomes a context (ignored where weights are forced).
            expect: where True, (B, K), the expected context stands in for ``context`` (mixed REINFORCE).
            forced_weights: attention to use instead of the model's own, broadcastable to (B, K, L).
            forced_beta: gate to use instead of the model's own, broadcastable to (B, K).
            generator: for ``context="sample"``.
            with_logits: False in training, where L_o is applied to all steps at once.
        """
        embedded = self.E(word)  # (B, K, m)
        scores = alpha = used = z = beta = None
        inputs = [embedded]
        if self.attends:
            scores = self.score(annotations.keys, state.h)  # (B, K, L)
            alpha = scores.float().softmax(-1)  # (B, K, L)
            if forced_weights is None:
                used = weights(alpha, context, generator)  # (B, K, L)
                if expect is not None:
                    used = torch.where(expect.unsqueeze(-1), alpha, used)
            else:
                used = forced_weights.to(alpha).expand_as(alpha)
            z = self.attend(used, annotations)  # (B, K, D)
            beta = torch.sigmoid(self.f_beta(state.h)).squeeze(-1)  # (B, K)
            if forced_beta is not None:
                beta = torch.as_tensor(forced_beta, dtype=beta.dtype, device=beta.device).expand_as(beta)
            z = self.context_dropout(beta.unsqueeze(-1) * z)  # (B, K, D)
            inputs.append(z)
        new_state, gates = self.recur(state, inputs)
        deep = self.deep_output(embedded, new_state.h, z)  # (B, K, m)
        logits = linear(self.L_o, deep) if with_logits else None  # (B, K, V)
        return StepOutput(new_state, deep, logits, scores, alpha, used, z, beta, gates)

    def attend(self, used: Tensor, annotations: Annotations) -> Tensor:
        """z = sum_i w_i a_i, (B, K, D), for weights (B, K, L)."""
        return torch.bmm(used.to(annotations.values.dtype), annotations.values)

    def recur(self, state: State, inputs: list[Tensor]) -> tuple[State, Tensor | None]:
        """The LSTM's new state and its gates (B, K, 4, n): input, forget, output, candidate (equations 1 to 3)."""
        pre = linear(self.lstm, torch.cat([*inputs, state.h], dim=-1)).float()  # (B, K, 4n)
        pre = pre.unflatten(-1, (4, -1))  # (B, K, 4, n)
        open_ = torch.sigmoid(pre[..., :3, :])  # (B, K, 3, n): input, forget, output
        candidate = torch.tanh(pre[..., 3, :])  # (B, K, n)
        c = open_[..., 1, :] * state.c + open_[..., 0, :] * candidate  # (B, K, n)
        h = open_[..., 2, :] * torch.tanh(c)  # (B, K, n)
        return State(h, c), torch.cat([open_, candidate.unsqueeze(-2)], dim=-2)

    def deep_output(self, embedded: Tensor, h: Tensor, z: Tensor | None) -> Tensor:
        """tanh(E y_{t-1} + L_h h_t + L_z z_t), (B, K, m): equation 7 with the released code's tanh and dropout."""
        total = embedded + self.L_h(self.dropout(h))
        if z is not None:
            total = total + self.L_z(z)
        return self.dropout(torch.tanh(total))

    def summands(self, word: Tensor, out: StepOutput) -> dict[str, Tensor]:
        """What one step sums up before the output layer, (B, K, m) each, by where it comes from.

        Args:
            word: y_{t-1}, ids (B, K), that the step has read.

        Returns:
            ``word``, ``state``, ``bias`` (m,) and, with attention, ``picture``; 0 is left out.
        """
        parts = {"word": self.E(word), "state": F.linear(out.state.h, self.L_h.weight), "bias": self.L_h.bias}
        return parts if out.context is None else parts | {"picture": self.L_z(out.context)}

    def squash(self, total: Tensor) -> Tensor:
        """What is done to the sum of the ``summands``."""
        return torch.tanh(total)

    def forward(
        self, annotations: Annotations, words: Tensor, *, context: Context = "expected"
    ) -> tuple[Tensor, Tensor | None]:
        """Teacher forcing: logits (B, K, T, V) and alphas (B, K, T, L) for the inputs words (B, K, T)."""
        state = self.start(annotations, words.shape[1])
        deep, alphas = [], []
        for t in range(words.shape[2]):
            out = self.step(state, words[:, :, t], annotations, context=context, with_logits=False)
            state = out.state
            deep.append(out.deep)
            if out.alpha is not None:
                alphas.append(out.alpha)
        logits = self.L_o(torch.stack(deep, dim=2))  # (B, K, T, V)
        return logits, torch.stack(alphas, dim=2) if alphas else None


def log_probs(logits: Tensor) -> Tensor:
    """Log-probabilities of the words, float32 whatever the training precision."""
    return F.log_softmax(logits.float(), dim=-1)
