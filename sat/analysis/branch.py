"""A what-if: decode on after a change, and say in numbers what it changed.

The words before the first change are kept, with the places that were looked at for them; from there the model goes on
by its own method. What differs from then on is due to the change, with one reservation: a beam search that begins
with given words may find a better ending than the one that had to find those words as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sat.analysis.distributions import divergence, probabilities
from sat.analysis.erase import erase
from sat.analysis.reading import Moment, Reading, follow
from sat.config import Decoding, ModelConfig, parse
from sat.decoding.forward import Begun, Intervention, write
from sat.decoding.interventions import MAX_EDITS, Edit, Erase, ForceWord, Plan, first_step, plan, to_records
from sat.decoding.records import Written, resolve_context, to_trace
from sat.decoding.search import beam_search
from sat.errors import UserError
from sat.images import Picture
from sat.models.decoder import Annotations, Decoder, State
from sat.trace import Step, Trace, entropy
from sat.vocabulary import END, SPECIALS, Vocabulary

if TYPE_CHECKING:
    from sat.captioner import Captioner


@dataclass(frozen=True)
class StepChange:
    """One step before which both captions have the same words.

    Attributes:
        step: from 0; the caption's length is the step that ends it.
        word: what the original has there, maybe ``<end>``.
        divergence: Jensen-Shannon divergence of the two next-word distributions over the whole vocabulary, in nats.
        original_log_prob, log_prob: of that word, in the original and in the branch, in nats.
        original_rank, rank: of that word among all words, 1 for the most probable.
    """

    step: int
    word: str
    divergence: float
    original_log_prob: float
    log_prob: float
    original_rank: int
    rank: int


@dataclass(frozen=True, eq=False)
class Branch:
    """A caption after a change, beside the one before it.

    Attributes:
        original: the caption that was changed; trace: the new one. Where attention was forced, its ``alpha`` is the map
            that was put in, and ``place`` is given only if that was one place.
        edits: the changes.
        first: the first step that they could change; the words before it were kept.
        first_changed: index of the first word that differs (the shorter caption's length if one only goes on where
            the other ends); None if the captions have the same words.
        changes: the steps up to and including ``first_changed``, or up to the end.
        log_prob_difference: log p of the new caption minus that of the original, in nats, each of its own words, ends
            included.
        forced: the steps of the new caption at which attention was forced.
        own_alphas: float32 (T, rows, columns), where the model would have looked by itself; None without attention.
        picture: what the model saw, boxes erased; None if only annotations were given.
        raw: its annotations, (1, L, D), to look into the branch or to branch again.
        standing: everything that is forced on the new caption, what was forced on the original included.
    """

    original: Trace
    trace: Trace
    edits: tuple[Edit, ...]
    first: int
    first_changed: int | None
    changes: tuple[StepChange, ...]
    log_prob_difference: float
    forced: tuple[int, ...]
    own_alphas: np.ndarray | None
    picture: Picture | None
    raw: Tensor
    standing: Plan

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready record."""
        return {
            "edits": to_records(self.edits),
            "first": self.first,
            "first_changed": self.first_changed,
            "log_prob_difference": self.log_prob_difference,
            "changes": [asdict(change) for change in self.changes],
            "forced": list(self.forced),
            "trace": self.trace.to_dict(),
        }


def branch(
    captioner: Captioner,
    picture: Picture | None,
    parent: Trace | Branch,
    edits: Sequence[Edit],
    *,
    raw: Tensor | None = None,
    decoding: Decoding | None = None,
) -> Branch:
    """Change a caption and decode on.

    Args:
        picture: that was captioned; may be left out with ``raw`` unless something is erased from it.
        parent: the caption, or a branch, whose own changes then go on holding.
        edits: the changes, of steps of the parent's caption.
        raw: the picture's annotations (1, L, D), if they are known; those of a branch are.
        decoding: None means as the parent was written.

    Raises:
        UserError: an edit does not fit the model, the caption or the picture.
    """
    edits = tuple(edits)
    if len(edits) > MAX_EDITS:
        raise UserError(f"There are {len(edits)} changes to one caption: make at most {MAX_EDITS}.")
    standing = Plan()
    trace = parent if isinstance(parent, Trace) else parent.trace
    if isinstance(parent, Branch):
        picture, raw, standing = parent.picture, parent.raw, parent.standing
    config = captioner.config
    if trace.model != config.name:
        raise UserError(f"This caption was written by {trace.model}, not by {config.name}: choose its own model.")
    if picture is not None and trace.picture and picture.digest != trace.picture:
        raise UserError("This caption is of another picture: caption this one first.")
    forced = plan(edits, config, captioner.vocabulary, trace, standing)
    decoding = _decoding(decoding or parse(Decoding, trace.decoding, "This caption's decoding"), trace, edits)
    if raw is None:
        raw = captioner.annotate([_needed(picture)])
    changed_picture, changed_raw = picture, raw
    boxes = [e for e in edits if isinstance(e, Erase)]
    if boxes:
        changed_picture = erase(_needed(picture), boxes, (config.rows, config.columns))
        changed_raw = captioner.annotate([changed_picture])
    first = first_step(edits)
    with captioner.turn() as decoder:
        before = captioner.reading(raw, trace)
        now = decoder.annotate(changed_raw.to(decoder.mean_grid.device)) if boxes else before.annotations
        state = decoder.start(now) if boxes else before.at(first).state
        written = _decode(decoder, now, state, trace, before.ids[:first], forced, decoding)
        words = [*before.ids[:first], *written.words, END]
        pairs = zip(before.ids, words, strict=False)
        first_changed = next((t for t, (a, b) in enumerate(pairs) if a != b), None)
        moments = _original(before, trace, standing)[: len(words) if first_changed is None else first_changed + 1]
        changes = _changes(before, moments, written, first)
    digest = trace.picture if changed_picture is None else changed_picture.digest
    changed = _trace(written, trace.steps[:first], forced, decoding, digest, config, captioner.vocabulary)
    own = [m.out.alpha[0, 0].cpu().numpy() for m in before.moments[:first] if m.out.alpha is not None]
    own.extend([] if written.alphas is None else written.alphas)
    return Branch(
        original=trace,
        trace=changed,
        edits=edits,
        first=first,
        first_changed=first_changed,
        changes=changes,
        log_prob_difference=changed.log_prob - trace.log_prob,
        forced=tuple(t for t in range(len(changed.steps)) if forced.attention_at(t) is not None),
        own_alphas=np.array(own, np.float32).reshape(-1, config.rows, config.columns) if decoder.attends else None,
        picture=changed_picture,
        raw=changed_raw,
        standing=forced,
    )


def _decode(
    decoder: Decoder,
    annotations: Annotations,
    state: State,
    trace: Trace,
    kept: tuple[int, ...],
    forced: Plan,
    decoding: Decoding,
) -> Written:
    """What the model writes after the words that are kept."""
    first = len(kept)
    begun = Begun(kept, state, sum(step.log_prob for step in trace.steps[:first]))
    interventions = _interventions(decoder, forced, range(first, decoding.max_words + 1))
    if decoding.method == "beam":
        search = beam_search(decoder, annotations, decoding, interventions=interventions, begun=begun, keep_logits=True)
        return search[0]
    return write(decoder, annotations, decoding, interventions=interventions, begun=begun, keep_logits=True)[0][0]


def _interventions(decoder: Decoder, rules: Plan, steps: range) -> dict[int, Intervention]:
    shape = decoder.config.rows, decoder.config.columns
    return rules.interventions(steps, shape, decoder.mean_grid.device)


def _original(reading: Reading, trace: Trace, standing: Plan) -> list[Moment]:
    """The steps of the original; its trace does not hold what was forced where it ends."""
    end = len(trace.steps)
    ending = _interventions(reading.decoder, standing, range(end, end + 1)).get(end)
    if ending is None:
        return list(reading.moments)
    last = reading.moments[end]
    annotations, word = reading.annotations, int(last.word)
    return [
        *reading.moments[:end],
        *follow(reading.decoder, annotations, last.state, word, [END], (), reading.context, ending),
    ]


def _changes(reading: Reading, moments: Sequence[Moment], written: Written, first: int) -> tuple[StepChange, ...]:
    """The steps that both captions share; before the first change they are one."""
    assert written.logits is not None
    after = torch.from_numpy(written.logits).log_softmax(-1)
    changes = []
    for t, moment in enumerate(moments):
        word, old = reading.ids[t], moment.log_probs.cpu()
        new = old if t < first else after[t - first]
        changes.append(
            StepChange(
                step=t,
                word=reading.vocabulary.words[word],
                divergence=float(divergence(probabilities(old), probabilities(new))),
                original_log_prob=float(old[word]),
                log_prob=float(new[word]),
                original_rank=1 + int((old > old[word]).sum()),
                rank=1 + int((new > new[word]).sum()),
            )
        )
    return tuple(changes)


def _trace(
    written: Written,
    kept: Sequence[Step],
    forced: Plan,
    decoding: Decoding,
    picture: str,
    config: ModelConfig,
    vocabulary: Vocabulary,
) -> Trace:
    """The words kept and the words that follow."""
    context = resolve_context(config, decoding)
    new = to_trace(written, config=config, vocabulary=vocabulary, decoding=decoding, context=context, picture=picture)
    steps = list(kept)
    for i, step in enumerate(new.steps):
        t = len(steps)
        if forced.attention_at(t) is not None and written.used is not None:
            step = _looking(step, written.used[i].reshape(config.rows, config.columns), one_place=context != "expected")
        if t in forced.words:  # its distribution is the whole one, with words that are never offered
            hidden = SPECIALS[:2] if not decoding.block_unknown else (*SPECIALS[:2], SPECIALS[3])
            step = replace(step, top=tuple(pair for pair in step.top if pair[0] not in hidden))
        steps.append(step)
    return replace(new, steps=tuple(steps))


def _looking(step: Step, used: np.ndarray, *, one_place: bool) -> Step:
    """A step whose attention was forced."""
    used = used.astype(np.float32)
    place = None
    if one_place and used.max() == 1.0 and np.count_nonzero(used) == 1:
        row, column = np.unravel_index(int(used.argmax()), used.shape)
        place = int(row), int(column)
    return replace(step, alpha=used, place=place, entropy=float(entropy(used)))


def _decoding(decoding: Decoding, trace: Trace, edits: Sequence[Edit]) -> Decoding:
    """Settings with room for the words that are there already."""
    room = max(decoding.max_words, len(trace.steps))
    if any(isinstance(e, ForceWord) and e.step >= room and e.word != SPECIALS[END] for e in edits):
        raise UserError(f"The caption may have at most {room} words: allow more, or change an earlier one.")
    return decoding.model_copy(update={"max_words": room})


def _needed(picture: Picture | None) -> Picture:
    if picture is None:
        raise UserError("Nothing can be erased from a picture that is not here: open the picture itself.")
    return picture
