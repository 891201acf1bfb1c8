"""Evidence and necessity of every word of many captions at once; of one caption see ``sat.analysis``.

The captions are those that the model wrote. What ``sat.analysis.reading`` forces at a step (the word, the glimpse
taken, the gate) is forced here too, so that the numbers are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sat.analysis.distributions import divergence, probabilities
from sat.analysis.reading import mean_image, quiet
from sat.models.decoder import Annotations, Decoder, State, log_probs
from sat.trace import Trace
from sat.vocabulary import PAD, START, Vocabulary


@torch.inference_mode()
def evidence_of_words(decoder: Decoder, vocabulary: Vocabulary, traces: Sequence[Trace]) -> list[np.ndarray]:
    """Of every word of captions written by ``decoder``: log p(w given image) - log p(w given mean image), in nats.

    The first is in the trace. For the second all captions are read on one picture, the mean annotation grid of the
    training split, with the attention that the model pays to it.

    Args:
        traces: written in one way of decoding.

    Returns:
        for each caption float64 (T,); what ``sat.analysis.evidence`` gives without its last entry, the end.

    Raises:
        UserError: the model does not hold its mean image.
    """
    mean = mean_image(decoder)
    if not traces:
        return []
    inputs, lengths = _inputs(vocabulary, traces)
    last = inputs.to(mean.values.device)  # (N, T + 1)
    state = decoder.start(mean, len(traces))  # h_0, c_0, each (1, N, n)
    context = quiet(next((trace.context for trace in traces if trace.context is not None), None))
    with_mean = np.zeros((len(traces), int(lengths.max())))
    for t in range(with_mean.shape[1]):
        out = decoder.step(state, last[None, :, t], mean, context=context)
        assert out.logits is not None
        of_words = log_probs(out.logits)[0].gather(-1, last[:, t + 1 : t + 2])  # (N, 1)
        with_mean[:, t] = of_words[:, 0].double().cpu().numpy()
        state = out.state
    return [
        np.array([step.log_prob for step in trace.steps]) - with_mean[i, : len(trace.steps)]
        for i, trace in enumerate(traces)
    ]


@torch.inference_mode()
def necessity_of_words(
    decoder: Decoder, vocabulary: Vocabulary, annotations: Annotations, traces: Sequence[Trace]
) -> list[np.ndarray]:
    """Of every word of captions: the divergence of the next word when alpha is made uniform, all before as it was.

    Args:
        decoder: with attention; annotations: of the N pictures, one a caption.

    Returns:
        for each caption float64 (T,), Jensen-Shannon divergences in nats (0 to ln 2); what ``sat.analysis.necessity``
        calls ``uniform``.
    """
    if not traces:
        return []
    inputs, lengths = _inputs(vocabulary, traces)
    order = np.argsort(-lengths, kind="stable")  # the longest first: those that have ended are left off at the end
    device = annotations.values.device
    annotations = annotations.select(torch.from_numpy(order).to(device))
    ordered = [traces[i] for i in order]
    last = inputs[torch.from_numpy(order)].to(device)  # (N, T + 1)
    uniform_z = annotations.values.mean(1)  # (N, D)
    state = decoder.start(annotations)  # h_0, c_0, each (N, 1, n)
    apart = np.zeros((len(traces), int(lengths.max())))
    for t in range(apart.shape[1]):
        steps = [trace.steps[t] for trace in ordered if len(trace.steps) > t]
        B = len(steps)
        glimpses = torch.tensor(np.stack([step.glimpse for step in steps if step.glimpse is not None]), device=device)
        own_z = decoder.attend(glimpses.flatten(1).unsqueeze(1), annotations.select(slice(B)))  # (B, 1, D)
        z = torch.cat([own_z, uniform_z[:B].unsqueeze(1)], dim=1)  # (B, 2, D): as it was, and uniform
        beta = torch.tensor([step.beta for step in steps], dtype=z.dtype, device=device)  # (B,)
        z = beta[:, None, None] * z
        embedded = decoder.E(last[:B, t : t + 1]).expand(-1, 2, -1)  # (B, 2, m)
        before = State(state.h[:B].expand(-1, 2, -1), state.c[:B].expand(-1, 2, -1))  # (B, 2, n)
        after, _ = decoder.recur(before, [embedded, z])
        next_word = probabilities(log_probs(decoder.L_o(decoder.deep_output(embedded, after.h, z))))  # (B, 2, V)
        apart[:B, t] = divergence(next_word[:, 0], next_word[:, 1])
        state = State(after.h[:, :1], after.c[:, :1])
    found: list[np.ndarray] = [np.zeros(0)] * len(traces)
    for row, i in enumerate(order):
        found[i] = apart[row, : lengths[i]].copy()
    return found


def _inputs(vocabulary: Vocabulary, traces: Sequence[Trace]) -> tuple[torch.Tensor, np.ndarray]:
    """<start> and the words of every caption, ids (N, T + 1) padded with <pad>, and their numbers of words (N,)."""
    lengths = np.array([len(trace.steps) for trace in traces])
    inputs = torch.full((len(traces), int(lengths.max()) + 1), PAD)
    inputs[:, 0] = START
    for row, trace in zip(inputs, traces, strict=True):
        row[1 : len(trace.steps) + 1] = torch.tensor(vocabulary.encode(trace.words), dtype=torch.long)
    return inputs, lengths
