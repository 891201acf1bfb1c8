"""The plain way to train a captioner, against which the trainer is timed: one caption a row.

The annotations are repeated for the five captions of a picture, every row runs to its own end, the attention's score
has its tanh, the context is a sum over products, and the words are scored step by step. Loss, precision, dropout,
optimiser and clipping are those of ``sat.training.trainer``; without dropout and in float32 the two losses are equal (a
test compares them).
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from sat.config import TrainConfig
from sat.models.decoder import Decoder, State
from sat.training.batches import Batch


def plain_loss(decoder: Decoder, config: TrainConfig, batch: Batch, *, keys_once: bool = True) -> Tensor:
    """The loss of a soft model on a batch: smoothed likelihood and doubly stochastic term, captions one by one.

    Args:
        keys_once: compute W_a a_i once a caption, as the authors' code does; False computes it at every step, as widely
            read tutorials do.
    """
    there = batch.lengths > 0  # (B, K)
    lengths, order = batch.lengths[there].sort(descending=True, stable=True)  # (N,)
    picture = there.nonzero()[order, 0]  # (N,)
    inputs, targets = batch.inputs[there][order], batch.targets[there][order]  # (N, T)
    raw = batch.annotations[picture].float()  # (N, L, D)
    values = (raw - decoder.annotation_mean) / decoder.annotation_std  # (N, L, D)
    mean = values.mean(1, keepdim=True)  # (N, 1, D)
    h, c = decoder.init_h(mean), decoder.init_c(mean)  # (N, 1, n)
    score = decoder.score
    keys = score.W_a(values) if keys_once else None  # (N, L, A)
    logits, wanted = [], []
    coverage = torch.zeros(values.shape[:2])  # (N, L)
    for t in range(int(lengths[0])):
        n = int((lengths > t).sum())  # rows that have not ended
        h, c = h[:n], c[:n]
        key = score.W_a(values[:n]) if keys is None else keys[:n]  # (n, L, A)
        mixed = torch.tanh(key + score.W_h(h))  # (n, L, A)
        alpha = (mixed @ score.v.to(mixed.dtype)).float().softmax(-1)  # (n, L)
        z = (alpha.unsqueeze(-1) * values[:n]).sum(1, keepdim=True)  # (n, 1, D)
        z = decoder.context_dropout(torch.sigmoid(decoder.f_beta(h)) * z)
        embedded = decoder.E(inputs[:n, t, None])  # (n, 1, m)
        state, _ = decoder.recur(State(h, c), [embedded, z])
        h, c = state.h, state.c
        logits.append(decoder.L_o(decoder.deep_output(embedded, h, z))[:, 0])  # (n, V)
        wanted.append(targets[:n, t])
        coverage = coverage + F.pad(alpha, (0, 0, 0, len(coverage) - n))
    nll = F.cross_entropy(torch.cat(logits).float(), torch.cat(wanted), label_smoothing=config.label_smoothing)
    return nll + config.doubly_stochastic * (1 - coverage).square().mean()


def plain_step(
    decoder: Decoder,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    batch: Batch,
    *,
    keys_once: bool = True,
) -> float:
    """One update; the loss before it."""
    autocast = torch.autocast("cpu", torch.bfloat16) if config.precision == "bfloat16" else nullcontext()
    with autocast:
        loss = plain_loss(decoder, config, batch, keys_once=keys_once)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(decoder.parameters(), config.clip_norm)
    optimizer.step()
    return loss.item()
