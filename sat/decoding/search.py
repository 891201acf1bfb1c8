"""Beam search over a batch of pictures that keeps the maps of the winners."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from sat.config import Decoding
from sat.decoding.forward import Begun, Intervention
from sat.decoding.records import StepRecord, Written, mask_specials, resolve_context, stack
from sat.models.decoder import Annotations, Decoder, State
from sat.trace import BeamNode
from sat.vocabulary import END, START, Vocabulary


@torch.inference_mode()
def beam_search(
    decoder: Decoder,
    annotations: Annotations,
    decoding: Decoding,
    *,
    vocabulary: Vocabulary | None = None,
    tree: bool = False,
    interventions: Mapping[int, Intervention] | None = None,
    begun: Begun | None = None,
    keep_logits: bool = False,
) -> list[Written]:
    """The best caption of every picture.

    The K best unfinished hypotheses of a picture live on at every step, ranked by log-probability; each of them
    may also end there. Of all endings the one with the best log p / (words + 1) ** length_norm wins. A picture is
    done when no living hypothesis can beat its best ending any more: log-probabilities only fall, so a hypothesis
    with total s scores at most s / (max_words + 1) ** length_norm.

    Args:
        annotations: of B pictures.
        vocabulary: to name the words of the tree.
        tree: keep every hypothesis (for drawing the search); off, only the winners' records are built.
        interventions: by step, the same for every picture and hypothesis. Where a word is forced, no hypothesis ends
            with another; a caption may still end before a step at which something is forced.
        begun: words to go on from; the records and the tree hold what comes after them, steps still count from the
            caption's first word, and the words begun with count in the ranking.
        keep_logits: record the logits of every step.

    Returns:
        B records, in the order of the pictures.
    """
    search = _Search(decoder, annotations, decoding, interventions or {}, begun, keep_logits)
    for _ in range(search.first, decoding.max_words):
        search.advance()
        if search.done:
            break
    else:
        search.end()
    return [search.winner(i, vocabulary if tree else None) for i in range(search.pictures)]


class _Search:
    """The state of a search. History is kept by step on the CPU; the network runs on pictures not yet done."""

    def __init__(
        self,
        decoder: Decoder,
        annotations: Annotations,
        decoding: Decoding,
        interventions: Mapping[int, Intervention],
        begun: Begun | None,
        keep_logits: bool,
    ) -> None:
        self.decoder, self.decoding, self.interventions = decoder, decoding, interventions
        self.keep_logits = keep_logits
        self.context = resolve_context(decoder.config, decoding)
        self.device = annotations.values.device
        self.generator = torch.Generator(self.device).manual_seed(decoding.seed)
        self.pictures = annotations.values.shape[0]
        # A first word has at most V - 3 candidates, and so has the beam of a tiny vocabulary.
        self.width = min(decoding.beam, decoder.config.vocabulary_size - 3)
        self.annotations = annotations
        self.active = torch.arange(self.pictures, device=self.device)  # pictures still searched, (P,)
        begun = begun or Begun((), decoder.start(annotations, 1), 0.0)
        self.first = len(begun.words)  # the step that the search begins with
        self.begun = begun.log_prob
        self.state: State = begun.state
        self.last = torch.full((self.pictures, 1), [START, *begun.words][-1], device=self.device)  # y_{t-1}, (P, K)
        self.total = torch.full((self.pictures, 1), begun.log_prob, device=self.device)  # log p so far, (P, K)
        self.best = torch.full((self.pictures,), -torch.inf, device=self.device)  # best ending's score
        # History, one entry a step: what was active, the records, and the survivors' parents, words, log-probs.
        self.slots: list[dict[int, int]] = []
        self.records: list[StepRecord] = []
        self.parents: list[np.ndarray] = []
        self.words: list[np.ndarray] = []
        self.log_probs: list[np.ndarray] = []
        self.endings: list[np.ndarray] = []  # log p of ending at this step, (P, K)
        self.end_scores: list[np.ndarray] = []  # score of that ending, (P, K)
        self.end_totals: list[np.ndarray] = []

    @property
    def now(self) -> int:
        """The step to come, counted from the caption's first word."""
        return self.first + len(self.records)

    @property
    def done(self) -> bool:
        return len(self.active) == 0

    def _score(self, total: Tensor, length: int) -> Tensor:
        return total / length**self.decoding.length_norm

    def _step(self) -> Tensor:
        """Next-word log-probabilities (P, K, V), recording the step and every hypothesis' ending."""
        t = self.now
        forced = self.interventions.get(t, Intervention())
        out = self.decoder.step(
            self.state,
            self.last,
            self.annotations,
            context=self.context,
            forced_weights=forced.weights_at(self.decoder, self.state, self.annotations, self.context, self.generator),
            forced_beta=forced.beta,
            generator=self.generator,
        )
        assert out.logits is not None
        self.state = out.state
        log_prob = mask_specials(out.logits, self.decoding)  # (P, K, V)
        ending = log_prob[..., END].clone()  # (P, K); advance() closes this entry in place
        ended = self.total + ending
        score = self._score(ended, t + 1)
        if forced.word != END and (t == 0 or forced.word is not None):
            score = torch.full_like(score, -torch.inf)  # an empty caption is no caption; a forced word is not <end>
        self.best[self.active] = torch.maximum(self.best[self.active], score.amax(1))
        self.slots.append({int(p): i for i, p in enumerate(self.active)})
        self.records.append(StepRecord.of(out, log_prob, self.decoding.alternatives, keep_logits=self.keep_logits))
        self.endings.append(ending.cpu().numpy())
        self.end_totals.append(ended.cpu().numpy())
        self.end_scores.append(score.cpu().numpy())
        if forced.word is not None and forced.word != END:  # it may be one that is never written
            own = out.logits.float().log_softmax(-1)[..., forced.word]
            log_prob = torch.full_like(log_prob, -torch.inf)
            log_prob[..., forced.word] = own
        return log_prob

    def advance(self) -> None:
        """One word more for every living hypothesis."""
        forced = self.interventions.get(self.now, Intervention()).word
        log_prob = self._step()
        if forced == END:
            self.active = self.active[:0]
            return
        _, K, V = log_prob.shape
        log_prob[..., END] = -torch.inf
        candidates = (self.total.unsqueeze(-1) + log_prob).flatten(1)  # (P, K * V)
        width = min(self.width, K * V) if forced is None else K  # a forced word adds no hypothesis
        total, flat = candidates.topk(width, dim=1)  # (P, K')
        parent, word = flat // V, flat % V
        self.parents.append(parent.cpu().numpy())
        self.words.append(word.cpu().numpy())
        self.log_probs.append(log_prob.flatten(1).gather(1, flat).cpu().numpy())
        self.state = self.state.select(slice(None), parent)
        self.last, self.total = word, total
        self._drop_done()

    def _drop_done(self) -> None:
        bound = self._score(self.total[:, 0], self.decoding.max_words + 1)  # the best any hypothesis can reach
        alive = bound > self.best[self.active]
        if bool(alive.all()):
            return
        keep = alive.nonzero().squeeze(1)
        self.active, self.annotations = self.active[keep], self.annotations.select(keep)
        self.state, self.last, self.total = self.state.select(keep), self.last[keep], self.total[keep]

    def end(self) -> None:
        """After the last word allowed: hypotheses may end here, and nothing else."""
        if not self.done:
            self._step()

    def winner(self, picture: int, vocabulary: Vocabulary | None) -> Written:
        """Walk back from the best ending of a picture (from the best living hypothesis if none ended)."""
        best: tuple[float, int, int] | None = None
        for t, (slots, scores) in enumerate(zip(self.slots, self.end_scores, strict=True)):
            if picture in slots:
                row = scores[slots[picture]]
                k = int(row.argmax())
                if np.isfinite(row[k]) and (best is None or row[k] > best[0]):
                    best = (float(row[k]), t, k)
        if best is None:
            raise RuntimeError("a search without endings")  # <end> always has a probability
        _, t, k = best
        end_log_prob = float(self.endings[t][self.slots[t][picture], k])
        rows = [(self.records[t], self.slots[t][picture], k)]  # what chose every word, and the end: record and slot
        chain: list[tuple[int, int, int]] = []  # (step, slot of the picture, slot of the hypothesis after the step)
        for s in range(t - 1, -1, -1):
            i = self.slots[s][picture]
            chain.append((s, i, k))
            k = int(self.parents[s][i, k])
            rows.append((self.records[s], i, k))
        chain.reverse()
        rows.reverse()
        ending, words = rows[-1][0], rows[:-1]
        none = ending.top_ids[0, :0]  # (0, A): no word follows those begun with
        return Written(
            words=[int(self.words[s][i, k]) for s, i, k in chain],
            log_probs=[float(self.log_probs[s][i, k]) for s, i, k in chain],
            end_log_prob=end_log_prob,
            alphas=stack([r.alpha[i, k] if r.alpha is not None else None for r, i, k in words]),
            used=stack([r.used[i, k] if r.used is not None else None for r, i, k in words]),
            betas=stack([r.beta[i, k] if r.beta is not None else None for r, i, k in words]),
            top_ids=np.stack([r.top_ids[i, k] for r, i, k in words]) if words else none,
            top_probabilities=(
                np.stack([r.top_probabilities[i, k] for r, i, k in words]) if words else none.astype(np.float32)
            ),
            tree=() if vocabulary is None else self._tree(picture, vocabulary),
            logits=stack([r.logits[i, k] if r.logits is not None else None for r, i, k in rows]),
        )

    def _tree(self, picture: int, vocabulary: Vocabulary) -> tuple[BeamNode, ...]:
        """Every hypothesis of a picture, parents before children."""
        nodes: list[BeamNode] = []
        above: list[int] = [-1]  # node of every living hypothesis
        totals: list[float] = [self.begun]
        for t, slots in enumerate(self.slots):
            if picture not in slots:
                break
            i = slots[picture]
            for k, node in enumerate(above):
                score = float(self.end_scores[t][i, k])
                if np.isfinite(score):
                    ending, ended = float(self.endings[t][i, k]), float(self.end_totals[t][i, k])
                    nodes.append(BeamNode(node, self.first + t, vocabulary.words[END], ending, ended, score))
            if t >= len(self.words):
                break
            next_above, next_totals = [], []
            for k in range(self.words[t].shape[1]):
                parent = int(self.parents[t][i, k])
                log_prob = float(self.log_probs[t][i, k])
                total = totals[parent] + log_prob
                word = vocabulary.words[int(self.words[t][i, k])]
                nodes.append(BeamNode(above[parent], self.first + t, word, log_prob, total))
                next_above.append(len(nodes) - 1)
                next_totals.append(total)
            above, totals = next_above, next_totals
        return tuple(nodes)
