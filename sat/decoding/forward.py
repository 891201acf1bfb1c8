"""Word after word without looking back: greedy, sampling, and the same with forced words, maps or gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sat.config import Context, Decoding
from sat.decoding.records import StepRecord, Written, mask_specials, resolve_context, stack
from sat.models.attention import weights as context_weights
from sat.models.decoder import Annotations, Decoder, State
from sat.vocabulary import END, START


@dataclass(frozen=True)
class Intervention:
    """What is forced at one step; None leaves the model its own.

    Attributes:
        word: id to write, whatever the model prefers.
        weights: attention to use, (L,) or (K, L), or a function of the weights that the model itself would use,
            (B, K, L) to (B, K, L).
        beta: gate to use.
    """

    word: int | None = None
    weights: Tensor | Callable[[Tensor], Tensor] | None = None
    beta: float | None = None

    def weights_at(
        self,
        decoder: Decoder,
        state: State,
        annotations: Annotations,
        context: Context,
        generator: torch.Generator | None = None,
    ) -> Tensor | None:
        """The weights to force at a step whose state before is h_{t-1}, c_{t-1}; None leaves the model its own."""
        if self.weights is None or isinstance(self.weights, Tensor):
            return self.weights
        alpha = decoder.score(annotations.keys, state.h).float().softmax(-1)  # (B, K, L)
        return self.weights(context_weights(alpha, context, generator))


@dataclass(frozen=True)
class Begun:
    """The beginning of a caption, the same words for every picture, that has been read already.

    Attributes:
        words: ids, without the start.
        state: h and c after reading all of them but the last, which is the next step's input; (B, 1, n).
        log_prob: of the words, in nats.
    """

    words: tuple[int, ...]
    state: State
    log_prob: float


@torch.inference_mode()
def write(
    decoder: Decoder,
    annotations: Annotations,
    decoding: Decoding,
    *,
    copies: int = 1,
    interventions: Mapping[int, Intervention] | None = None,
    begun: Begun | None = None,
    keep_logits: bool = False,
) -> list[list[Written]]:
    """Captions written forwards, ``copies`` a picture (sampling gives different ones), B x copies records.

    Args:
        decoding: ``greedy`` takes the best word, ``sample`` draws one; any beam setting is ignored.
        interventions: by step, the same for every picture and copy.
        begun: words to go on from; the records hold what comes after them, and steps still count from the
            caption's first word.
        keep_logits: record the logits of every step.
    """
    context = resolve_context(decoder.config, decoding)
    generator = torch.Generator(annotations.values.device).manual_seed(decoding.seed)
    B = annotations.values.shape[0]
    state = decoder.start(annotations, copies) if begun is None else _copies(begun.state, copies)
    written = () if begun is None else begun.words
    last = torch.full((B, copies), [START, *written][-1], device=annotations.values.device)
    finished = torch.zeros_like(last, dtype=torch.bool)  # (B, K)
    cut = torch.zeros_like(finished)
    records: list[StepRecord] = []
    words: list[Tensor] = []
    log_probs: list[Tensor] = []
    for t in range(len(written), decoding.max_words + 1):
        forced = (interventions or {}).get(t, Intervention())
        out = decoder.step(
            state,
            last,
            annotations,
            context=context,
            forced_weights=forced.weights_at(decoder, state, annotations, context, generator),
            forced_beta=forced.beta,
            generator=generator,
        )
        assert out.logits is not None
        state = out.state
        log_prob = mask_specials(out.logits, decoding)  # (B, K, V)
        if forced.word is not None:
            word = torch.full_like(last, forced.word)
            log_prob = out.logits.float().log_softmax(-1)  # a forced word may be one that is never written
        elif decoding.method == "sample":
            word = draw(log_prob, decoding, generator)
        else:
            word = log_prob.argmax(-1)
        if t == decoding.max_words:  # no word more: a caption either ends here by itself or is cut
            cut, word = word != END, torch.full_like(word, END)
        records.append(StepRecord.of(out, log_prob, decoding.alternatives, keep_logits=keep_logits))
        words.append(word.cpu())
        log_probs.append(log_prob.gather(-1, word.unsqueeze(-1)).squeeze(-1).cpu())
        finished = finished | (word == END)
        last = word
        if bool(finished.all()):
            break
    return [[_collect(b, k, records, words, log_probs, bool(cut[b, k])) for k in range(copies)] for b in range(B)]


def _copies(state: State, copies: int) -> State:
    """One hypothesis a picture, (B, 1, n), so many times."""
    return State(state.h.expand(-1, copies, -1), state.c.expand(-1, copies, -1))


def forced_words(ids: Sequence[int]) -> dict[int, Intervention]:
    """Interventions that make a model read a given caption (teacher forcing), its end included."""
    return {t: Intervention(word=word) for t, word in enumerate([*ids, END])}


def draw(log_prob: Tensor, decoding: Decoding, generator: torch.Generator) -> Tensor:
    """A word (B, K) drawn from (B, K, V) after temperature, top-k and nucleus cuts."""
    scaled = log_prob / decoding.temperature
    if 0 < decoding.top_k < scaled.shape[-1]:
        least = scaled.topk(decoding.top_k, dim=-1).values[..., -1:]
        scaled = scaled.masked_fill(scaled < least, -torch.inf)
    if decoding.top_p < 1.0:
        ordered, ids = scaled.softmax(-1).sort(dim=-1, descending=True)
        outside = ordered.cumsum(-1) - ordered >= decoding.top_p  # the word that crosses top_p stays in
        scaled = scaled.masked_fill(torch.zeros_like(outside).scatter(-1, ids, outside), -torch.inf)
    flat = scaled.softmax(-1).flatten(0, -2)
    return torch.multinomial(flat, 1, generator=generator).view(scaled.shape[:-1])


def _collect(
    b: int, k: int, records: list[StepRecord], words: list[Tensor], log_probs: list[Tensor], cut: bool
) -> Written:
    ids = [int(w[b, k]) for w in words]
    length = ids.index(END) if END in ids else len(ids)
    by_itself = length < len(words) - 1 or not cut  # whatever a finished row did at the last step does not count
    rows = records[:length]
    none = records[0].top_ids[b, :0]  # (0, A): an empty caption has no steps
    return Written(
        words=ids[:length],
        log_probs=[float(p[b, k]) for p in log_probs[:length]],
        end_log_prob=float(log_probs[length][b, k]) if by_itself else None,
        alphas=stack([r.alpha[b, k] if r.alpha is not None else None for r in rows]),
        used=stack([r.used[b, k] if r.used is not None else None for r in rows]),
        betas=stack([r.beta[b, k] if r.beta is not None else None for r in rows]),
        top_ids=np.stack([r.top_ids[b, k] for r in rows]) if rows else none,
        top_probabilities=np.stack([r.top_probabilities[b, k] for r in rows]) if rows else none.astype(np.float32),
        logits=stack([r.logits[b, k] if r.logits is not None else None for r in records[: length + 1]]),
    )
