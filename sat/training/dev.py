"""The dev split: decoded and scored as the test split will be, never under teacher forcing."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from sat.captioner import Captioner
from sat.config import Decoding
from sat.data.dataset import Example
from sat.evaluation.attention import attention_statistics
from sat.evaluation.captions import QuickScorer
from sat.images import read_picture
from sat.models.decoder import Decoder
from sat.models.encoder import Encoder, pixels
from sat.trace import Trace
from sat.training.prepare import Prepared
from sat.vocabulary import Vocabulary

GREEDY = Decoding(method="greedy")
_BATCH = 50  # pictures


def score_dev(
    decoder: Decoder,
    vocabulary: Vocabulary,
    prepared: Prepared,
    scorer: QuickScorer,
    decoding: Decoding,
    encoder: Encoder | None = None,
) -> tuple[dict[str, float], list[Trace]]:
    """Decode the dev split and score the captions (never under teacher forcing).

    Args:
        encoder: annotate the pictures with it (one that is being trained); None takes the stored annotations.
    """
    was_training = decoder.training
    traces = caption_dev(decoder.eval(), vocabulary, prepared, decoding, encoder)
    decoder.train(was_training)
    names = [e.name for e in prepared.dev]
    scores = dict(scorer.scores({name: trace.caption for name, trace in zip(names, traces, strict=True)}))
    if decoder.attends:
        measured = attention_statistics(trace.alphas for trace in traces if trace.alphas is not None)
        scores |= {name: value for name, value in measured.items() if value is not None}
    return scores, traces


def caption_dev(
    decoder: Decoder, vocabulary: Vocabulary, prepared: Prepared, decoding: Decoding, encoder: Encoder | None
) -> list[Trace]:
    """Traces of the dev pictures, in float32."""
    captioner = Captioner(decoder, vocabulary, None)
    traces: list[Trace] = []
    for _, raw in dev_batches(decoder, prepared, encoder):
        traces += captioner.caption_annotations(raw, decoding)
    return traces


def dev_batches(
    decoder: Decoder, prepared: Prepared, encoder: Encoder | None
) -> Iterator[tuple[list[Example], Tensor]]:
    """The dev pictures and their annotations, float32 (B, L, D): the stored ones (without attention their mean, L = 1),
    or those of ``encoder``."""
    for first in range(0, len(prepared.dev_rows), _BATCH):
        examples = prepared.dev[first : first + _BATCH]
        if encoder is None:
            chosen = range(first, first + len(examples))
            raw = torch.from_numpy(prepared.dev_annotations[chosen]).float()  # (B, L, D)
        else:
            squares = [read_picture(e.path, size=decoder.config.image_size).square for e in examples]
            with torch.inference_mode():
                raw = encoder(pixels(squares).to(next(encoder.parameters()).device))
        yield examples, raw
