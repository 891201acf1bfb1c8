"""From the tensors of a decoding to ``Trace`` records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sat.config import Context, Decoding, ModelConfig
from sat.errors import UserError
from sat.models.decoder import StepOutput
from sat.trace import BeamNode, Step, Trace, entropy
from sat.vocabulary import END, PAD, START, UNKNOWN, Vocabulary


@dataclass(frozen=True)
class Written:
    """One finished caption in numbers.

    Attributes:
        words: ids without start and end; log_probs: of every word, in nats.
        end_log_prob: None if the caption was cut.
        alphas: (T, L) and used: (T, L), the weights of the context; None without attention.
        betas: (T,); None without attention.
        top_ids, top_probabilities: (T, A), the best next words at every step.
        tree: the search, when it was kept.
        logits: n_t, (T + 1, V), of the words and of the step that ended or cut the caption; when they were kept.
    """

    words: list[int]
    log_probs: list[float]
    end_log_prob: float | None
    alphas: np.ndarray | None
    used: np.ndarray | None
    betas: np.ndarray | None
    top_ids: np.ndarray
    top_probabilities: np.ndarray
    tree: tuple[BeamNode, ...] = ()
    logits: np.ndarray | None = None


@dataclass(frozen=True)
class StepRecord:
    """What is kept of one step for P pictures and K hypotheses, on the CPU, float32."""

    alpha: np.ndarray | None  # (P, K, L)
    used: np.ndarray | None  # (P, K, L)
    beta: np.ndarray | None  # (P, K)
    top_ids: np.ndarray  # (P, K, A)
    top_probabilities: np.ndarray  # (P, K, A)
    logits: np.ndarray | None = None  # (P, K, V)

    @classmethod
    def of(cls, out: StepOutput, log_prob: Tensor, alternatives: int, *, keep_logits: bool = False) -> StepRecord:
        """Keep a step whose next-word log-probabilities are (P, K, V).

        Raises:
            UserError: they are no numbers, which happens with finite but damaged weights.
        """
        best, ids = log_prob.topk(min(alternatives, log_prob.shape[-1]), dim=-1)  # (P, K, A)
        top_probabilities = best.exp().cpu().numpy()
        if np.isnan(top_probabilities).any():  # NaN counts as the largest, so it is here if it is anywhere
            raise UserError("The weights of this model are too large to compute with: use an earlier checkpoint.")
        return cls(
            alpha=None if out.alpha is None else out.alpha.float().cpu().numpy(),
            used=None if out.weights is None else out.weights.float().cpu().numpy(),
            beta=None if out.beta is None else out.beta.float().cpu().numpy(),
            top_ids=ids.cpu().numpy(),
            top_probabilities=top_probabilities,
            logits=out.logits.float().cpu().numpy() if keep_logits and out.logits is not None else None,
        )


def resolve_context(config: ModelConfig, decoding: Decoding) -> Context:
    """The context to decode with: the one asked for, else the model's own."""
    return decoding.context or config.default_context or "expected"


def mask_specials(logits: Tensor, decoding: Decoding) -> Tensor:
    """Log-probabilities (..., V) over the words that may be written; <pad>, <start> (and <unk>) never are."""
    blocked = [PAD, START, *([UNKNOWN] if decoding.block_unknown else [])]
    log_prob = logits.float().log_softmax(-1).clone()
    log_prob[..., blocked] = -torch.inf
    return log_prob


def to_trace(
    written: Written,
    *,
    config: ModelConfig,
    vocabulary: Vocabulary,
    decoding: Decoding,
    context: Context,
    picture: str = "",
) -> Trace:
    """The numpy record of a caption; ``place`` is given where the context was one place."""
    shape = (config.rows, config.columns)
    attends = written.alphas is not None
    steps: list[Step] = []
    for t, word in enumerate(written.words):
        alpha = place = beta = spread = None
        if written.alphas is not None and written.used is not None and written.betas is not None:
            alpha = written.alphas[t].reshape(shape).astype(np.float32)
            spread = float(entropy(alpha))
            beta = float(written.betas[t])
            if context != "expected":
                row, column = np.unravel_index(int(written.used[t].argmax()), shape)
                place = (int(row), int(column))
        steps.append(
            Step(
                word=vocabulary.words[word],
                log_prob=float(written.log_probs[t]),
                alpha=alpha,
                place=place,
                beta=beta,
                entropy=spread,
                top=_top(written.top_ids[t], written.top_probabilities[t], vocabulary),
            )
        )
    return Trace(
        model=config.name,
        attention=config.attention,
        context=context if attends else None,
        decoding=decoding.model_copy(update={"context": context if attends else None}).model_dump(),
        picture=picture,
        steps=tuple(steps),
        end_log_prob=written.end_log_prob,
        tree=written.tree,
    )


def _top(ids: np.ndarray, probabilities: np.ndarray, vocabulary: Vocabulary) -> tuple[tuple[str, float], ...]:
    return tuple(
        (vocabulary.words[int(i)], float(p)) for i, p in zip(ids, probabilities, strict=True) if p > 0 or i == END
    )


def stack(rows: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """(T, ...) of T arrays; None where there is nothing to stack or the model has no attention."""
    present = [row for row in rows if row is not None]
    return np.stack(present) if present and len(present) == len(rows) else None
