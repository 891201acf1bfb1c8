"""Tiny random models on a 2 x 3 grid, sharp enough that words and maps differ, and a step computed the slow way."""

from __future__ import annotations

import numpy as np
import torch

from sat.captioner import Captioner
from sat.config import Decoding, ModelConfig
from sat.models.build import build
from sat.trace import Trace
from sat.vocabulary import END, SPECIALS, START, Vocabulary

ROWS, COLUMNS, D = 2, 3, 5
L = ROWS * COLUMNS
VOCABULARY = Vocabulary([*SPECIALS, *"a dog cat runs sits red".split()])
GREEDY = Decoding(method="greedy", max_words=6)


def model(kind: str = "soft", seed: int = 0, decoding: Decoding = GREEDY) -> Captioner:
    """A captioner without an encoder, with that attention; or without, and with that recurrence."""
    torch.manual_seed(seed)
    baseline = kind in ("rnn", "log-bilinear")
    config = ModelConfig.model_validate(
        {
            "name": f"{kind}-tiny",
            "attention": "none" if baseline else kind,
            "recurrence": kind if baseline else "lstm",
            "rows": ROWS,
            "columns": COLUMNS,
            "annotation_dim": D,
            "hidden_dim": 6,
            "embedding_dim": 7,
            "attention_dim": 3,
            "vocabulary_size": len(VOCABULARY),
            "decoding": decoding,
        }
    )
    decoder = build(config).eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.7 if kind == "rnn" else 1.0)  # without squashing, states grow
    with torch.no_grad():
        decoder.L_o.bias.mul_(0.2)
        decoder.L_o.bias[END] -= 1.0
        decoder.E.weight.mul_(3)  # what was written matters more than what stays the same: words change
        if decoder.attends:
            decoder.f_beta.bias.fill_(1.0)
            decoder.score.v.mul_(3)
    decoder.annotation_mean.normal_()
    decoder.annotation_std.uniform_(0.5, 2.0)
    decoder.mean_grid.normal_()
    return Captioner(decoder, VOCABULARY, None)


def raw_of(seed: int = 1) -> torch.Tensor:
    """Annotations of one picture."""
    torch.manual_seed(seed)
    return torch.randn(1, L, D) * 2


def plain_steps(
    captioner: Captioner, raw: torch.Tensor, trace: Trace, changed: dict[int, np.ndarray] | None = None
) -> list[np.ndarray]:
    """Next-word log-probabilities (V,) at every step of a trace, the end included, one ``Decoder.step`` after another.

    Args:
        changed: by step, weights (L,) instead of those that the trace says were used.
    """
    decoder = captioner.decoder
    context = "argmax" if trace.context == "argmax" else "expected"
    with torch.inference_mode():
        annotations = decoder.annotate(raw)
        state, found = decoder.start(annotations), []
        for t, word in enumerate([START, *VOCABULARY.encode(trace.words)]):
            weights = beta = None
            if t < len(trace.steps) and decoder.attends:
                weights, beta = torch.tensor(trace.steps[t].glimpse).flatten(), trace.steps[t].beta
            if changed and t in changed:
                weights = torch.tensor(changed[t], dtype=torch.float32)
            out = decoder.step(
                state, torch.tensor([[word]]), annotations, context=context, forced_weights=weights, forced_beta=beta
            )
            found.append(out.logits[0, 0].log_softmax(-1).double().numpy())
            state = out.state
    return found


def js(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence by its definition, in nats."""
    total = 0.0
    for a, b in zip(p, q, strict=True):
        m = (a + b) / 2
        total += (a * np.log(a / m) if a > 0 else 0.0) / 2 + (b * np.log(b / m) if b > 0 else 0.0) / 2
    return total


def captioned(kind: str, **settings: object) -> tuple[Captioner, torch.Tensor, Trace]:
    """A model, a picture's annotations, and a caption of at least three words."""
    for seed in range(100):
        captioner, raw = model(kind, seed), raw_of(seed)
        (trace,) = captioner.caption_annotations(raw, GREEDY.model_copy(update={"seed": seed, **settings}))
        if len(set(trace.words)) >= 3 and trace.end_log_prob is not None:
            return captioner, raw, trace
    raise AssertionError("no random model writes three words")
