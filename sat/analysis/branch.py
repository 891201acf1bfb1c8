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
from torch import Tensor

from sat.analysis.distributions import divergence, probabilities
from sat.analysis.erase import erase
from sat.analysis.reading import Moment, follow, quiet
from sat.config import Decoding, ModelConfig, parse
from sat.decoding.forward import Begun, write
from sat.decoding.interventions import MAX_EDITS, Edit, Erase, ForceWord, Plan, first_step, plan, to_records
from sat.decoding.records import Written, resolve_context, to_trace
from sat.decoding.search import beam_search
from sat.errors import UserError
from sat.images import Picture
from sat.models.decoder import Annotations, Decoder, State
from sat.trace import Step, Trace, entropy
from sat.vocabulary import END, SPECIALS, START, Vocabulary

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
    with captioner.turn() as decoder:
        now = decoder.annotate(changed_raw.to(decoder.mean_grid.device))
        then = decoder.annotate(raw.to(decoder.mean_grid.device)) if boxes else now
        what_if = _WhatIf(decoder, captioner.vocabulary, trace, first_step(edits), then, standing)
        written = what_if.decode(now, forced, decoding)
        digest = trace.picture if changed_picture is None else changed_picture.digest
        changed = _trace(written, what_if, forced, decoding, digest, config, captioner.vocabulary)
        first_changed, changes = what_if.compare(changed, written, now, forced)
    return Branch(
        original=trace,
        trace=changed,
        edits=edits,
        first=what_if.first,
        first_changed=first_changed,
        changes=tuple(changes),
        log_prob_difference=changed.log_prob - trace.log_prob,
        forced=tuple(t for t in range(len(changed.steps)) if forced.attention_at(t) is not None),
        own_alphas=what_if.own_alphas(written),
        picture=changed_picture,
        raw=changed_raw,
        standing=forced,
    )


class _WhatIf:
    """The original up to its first change, and the two ways on from there."""

    def __init__(
        self,
        decoder: Decoder,
        vocabulary: Vocabulary,
        trace: Trace,
        first: int,
        annotations: Annotations,
        standing: Plan,
    ) -> None:
        self.decoder, self.vocabulary, self.trace, self.first = decoder, vocabulary, trace, first
        self.annotations, self.standing = annotations, standing
        self.context = quiet(trace.context)
        self.ids = [*vocabulary.encode(trace.words), END]
        self.kept = follow(
            decoder, annotations, decoder.start(annotations), START, self.ids[:first], trace.steps, self.context
        )

    def _begin(self, annotations: Annotations) -> State:
        """The state before the first change; an erased picture changes the start itself."""
        return self.kept[-1].out.state if self.kept else self.decoder.start(annotations)

    def decode(self, annotations: Annotations, forced: Plan, decoding: Decoding) -> Written:
        """What the model writes from the first change on."""
        log_prob = sum(step.log_prob for step in self.trace.steps[: self.first])
        begun = Begun(tuple(self.ids[: self.first]), self._begin(annotations), log_prob)
        interventions = self._interventions(forced, range(self.first, decoding.max_words + 1))
        if decoding.method == "beam":
            return beam_search(self.decoder, annotations, decoding, interventions=interventions, begun=begun)[0]
        return write(self.decoder, annotations, decoding, interventions=interventions, begun=begun)[0][0]

    def _interventions(self, rules: Plan, steps: range) -> dict:
        config = self.decoder.config
        return rules.interventions(steps, (config.rows, config.columns), self.annotations.values.device)

    def compare(
        self, changed: Trace, written: Written, annotations: Annotations, forced: Plan
    ) -> tuple[int | None, list[StepChange]]:
        """The first word that differs, and the steps up to it."""
        after = [*self.ids[: self.first], *written.words, END]
        pairs = zip(self.ids, after, strict=False)
        first_changed = next((t for t, (a, b) in enumerate(pairs) if a != b), None)
        shared = slice(self.first, (len(after) if first_changed is None else first_changed + 1))
        original = self._follow(self.annotations, self.ids[shared], self.trace, self.standing)
        branched = self._follow(annotations, after[shared], changed, forced)
        moments = [*((m, m) for m in self.kept), *zip(original, branched, strict=True)]
        return first_changed, [self._change(t, a, b) for t, (a, b) in enumerate(moments)]

    def _follow(self, annotations: Annotations, ids: Sequence[int], trace: Trace, rules: Plan) -> list[Moment]:
        last = [START, *self.ids][self.first]
        ending = self._interventions(rules, range(len(trace.steps), len(trace.steps) + 1)).get(len(trace.steps))
        steps = trace.steps[self.first :]
        return follow(self.decoder, annotations, self._begin(annotations), last, ids, steps, self.context, ending)

    def _change(self, step: int, original: Moment, branched: Moment) -> StepChange:
        word = self.ids[step]
        before, after = original.log_probs, branched.log_probs
        return StepChange(
            step=step,
            word=self.vocabulary.words[word],
            divergence=float(divergence(probabilities(before), probabilities(after))),
            original_log_prob=float(before[word]),
            log_prob=float(after[word]),
            original_rank=1 + int((before > before[word]).sum()),
            rank=1 + int((after > after[word]).sum()),
        )

    def own_alphas(self, written: Written) -> np.ndarray | None:
        """The model's own maps of the new caption."""
        if not self.decoder.attends:
            return None
        config = self.decoder.config
        kept = [m.out.alpha[0, 0].cpu().numpy() for m in self.kept if m.out.alpha is not None]
        new = [] if written.alphas is None else list(written.alphas)
        return np.array([*kept, *new], dtype=np.float32).reshape(-1, config.rows, config.columns)


def _trace(
    written: Written,
    what_if: _WhatIf,
    forced: Plan,
    decoding: Decoding,
    picture: str,
    config: ModelConfig,
    vocabulary: Vocabulary,
) -> Trace:
    """The words kept and the words that follow."""
    context = resolve_context(config, decoding)
    new = to_trace(written, config=config, vocabulary=vocabulary, decoding=decoding, context=context, picture=picture)
    steps = list(what_if.trace.steps[: what_if.first])
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
