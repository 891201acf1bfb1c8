"""What if: changes that a person makes to one decoding, as records that can be checked, kept and linked to.

An ``Edit`` says what was asked for, in the words of the page and of the address (rows, columns, words). A ``Plan`` is
what a decoding is then made to do: ids, maps and gates by step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from torch import Tensor

from sat.config import ModelConfig
from sat.decoding.forward import Intervention
from sat.errors import UserError
from sat.trace import Trace
from sat.vocabulary import PAD, START, Vocabulary

MAX_EDITS = 32  # of one decoding
LEVELS = 65535  # a painted map is kept in whole numbers up to this, so that a link restores it exactly


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _AtStep(_Edit):
    """Steps count from 0, the caption's length being the step that ends it; None is every step."""

    step: int | None = Field(None, ge=0)


class ForceWord(_Edit):
    """Write this word at this step; ``<end>`` ends the caption there."""

    kind: Literal["word"] = "word"
    step: int = Field(ge=0)
    word: str = Field(min_length=1, max_length=100)


class PaintMap(_AtStep):
    """Attend by a map drawn by hand: whole numbers up to ``LEVELS``, one row a list; only their proportions count."""

    kind: Literal["map"] = "map"
    levels: tuple[tuple[Annotated[int, Field(ge=0, le=LEVELS)], ...], ...] = Field(min_length=1, max_length=128)

    @model_validator(mode="after")
    def _a_map(self) -> PaintMap:
        if len({len(row) for row in self.levels}) != 1 or not 0 < len(self.levels[0]) <= 128:
            raise ValueError("the rows of a map are equally long, and none is empty")
        if not any(map(any, self.levels)):
            raise ValueError("the map is empty: paint at least one cell")
        return self

    @classmethod
    def of(cls, weights: np.ndarray, step: int | None = None) -> PaintMap:
        """From weights (rows, columns), which need not sum to one.

        Raises:
            UserError: they are no map: negative, not finite, or all zero.
        """
        values = np.asarray(weights, dtype=np.float64)
        if values.ndim != 2 or not np.isfinite(values).all() or (values < 0).any() or not values.any():
            raise UserError("A map has rows and columns of numbers from 0 up, not all 0: paint it again.")
        levels = np.rint(values / values.max() * LEVELS).astype(int).tolist()
        found = edit({"kind": "map", "step": step, "levels": levels})
        assert isinstance(found, cls)
        return found


class LookAt(_AtStep):
    """Put the whole attention into one cell."""

    kind: Literal["cell"] = "cell"
    row: int = Field(ge=0)
    column: int = Field(ge=0)


class Flatten(_AtStep):
    """Attend to all places equally."""

    kind: Literal["uniform"] = "uniform"


class Shuffle(_AtStep):
    """Give the model's own weights to other places at random; each step has a permutation of its own."""

    kind: Literal["shuffle"] = "shuffle"
    seed: int = Field(0, ge=0, le=2**32 - 1)


class Move(_AtStep):
    """Move the model's own weights by so many cells; what would leave the grid stays at its edge."""

    kind: Literal["move"] = "move"
    rows: int = Field(0, ge=-128, le=128)
    columns: int = Field(0, ge=-128, le=128)


class Pin(_AtStep):
    """Attend as at another step (``to``) of the caption that is being changed."""

    kind: Literal["pin"] = "pin"
    to: int = Field(ge=0)


class SetGate(_AtStep):
    """Set beta: 0 shuts the picture out, 1 lets all of it in."""

    kind: Literal["gate"] = "gate"
    value: float = Field(ge=0, le=1)


class Erase(_Edit):
    """Take a box out of the picture itself, by blurring it or filling it with the picture's mean colour.

    ``top``, ``left``, ``bottom`` and ``right`` are edges in cells of the grid or in pixels of the square that the
    model sees: the cell in row 2 and column 3 is top 2, left 3, bottom 3, right 4.
    """

    kind: Literal["erase"] = "erase"
    top: float = Field(ge=0, le=10_000)
    left: float = Field(ge=0, le=10_000)
    bottom: float = Field(ge=0, le=10_000)
    right: float = Field(ge=0, le=10_000)
    unit: Literal["cells", "pixels"] = "cells"
    fill: Literal["blur", "mean"] = "blur"

    @model_validator(mode="after")
    def _a_box(self) -> Erase:
        if self.top >= self.bottom or self.left >= self.right:
            raise ValueError("the box is empty: its bottom lies below its top, and its right edge right of its left")
        return self


AttentionEdit = PaintMap | LookAt | Flatten | Shuffle | Move | Pin
Edit = Annotated[ForceWord | AttentionEdit | SetGate | Erase, Field(discriminator="kind")]
_EDIT: TypeAdapter[Edit] = TypeAdapter(Edit)


def edit(record: Any) -> Edit:
    """One edit from a plain record, such as ``{"kind": "cell", "step": 2, "row": 3, "column": 4}``.

    Raises:
        UserError: naming what is wrong with it.
    """
    try:
        return _EDIT.validate_python(record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the edit"
        hint = first["msg"].removeprefix("Value error, ")
        hint = "there is no such setting" if first["type"] == "extra_forbidden" else hint[0].lower() + hint[1:]
        raise UserError(f"This change cannot be made: {where}: {hint}.") from None


def edits_from(records: Any) -> tuple[Edit, ...]:
    """Edits from a list of plain records.

    Raises:
        UserError: it is not a list of edits, or there are more than ``MAX_EDITS``.
    """
    if not isinstance(records, list | tuple):
        raise UserError("Changes are a list of records: make them again in the page.")
    if len(records) > MAX_EDITS:
        raise UserError(f"There are {len(records)} changes to one caption: make at most {MAX_EDITS}.")
    return tuple(edit(record) for record in records)


def to_records(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """Edits as plain records for JSON, without what is as usual."""
    return [{"kind": e.kind, **e.model_dump(mode="json", exclude_defaults=True)} for e in edits]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is forced on a decoding. Of two rules for one step the later wins, and one for a step over one for all.

    Attributes:
        words: ids by step.
        maps: by step or, under None, for every step: weights float32 (rows, columns) that sum to one, or a rule that
            makes them from the model's own.
        gates: beta by step or, under None, for every step.
    """

    words: Mapping[int, int] = field(default_factory=dict)
    maps: Mapping[int | None, np.ndarray | Shuffle | Move] = field(default_factory=dict)
    gates: Mapping[int | None, float] = field(default_factory=dict)

    def attention_at(self, step: int) -> np.ndarray | Shuffle | Move | None:
        """The map or rule of a step; None leaves the model its own."""
        return self.maps.get(step, self.maps.get(None))

    def interventions(
        self, steps: range, shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> dict[int, Intervention]:
        """For ``write`` and ``beam_search``, of the steps at which anything is forced.

        Args:
            shape: rows and columns of the grid.
        """
        found: dict[int, Intervention] = {}
        for t in steps:
            rule = self.attention_at(t)
            weights: Tensor | Callable[[Tensor], Tensor] | None = None
            if isinstance(rule, np.ndarray):
                weights = torch.from_numpy(rule).flatten().to(device)  # (L,)
            elif rule is not None:
                weights = _rearranged(sources(rule, t, shape), device)
            word, beta = self.words.get(t), self.gates.get(t, self.gates.get(None))
            if word is not None or weights is not None or beta is not None:
                found[t] = Intervention(word, weights, beta)
        return found


def sources(rule: Shuffle | Move, step: int, shape: tuple[int, int]) -> np.ndarray:
    """Where the weight of every place goes: flat targets (L,), for places in the order of the rows."""
    rows, columns = shape
    if isinstance(rule, Shuffle):
        return np.random.default_rng([rule.seed, step]).permutation(rows * columns)
    row, column = np.divmod(np.arange(rows * columns), columns)
    return (row + rule.rows).clip(0, rows - 1) * columns + (column + rule.columns).clip(0, columns - 1)


def _rearranged(targets: np.ndarray, device: torch.device | str) -> Callable[[Tensor], Tensor]:
    """The function that takes weights (..., L) to their targets (L,), adding up those that meet."""
    index = torch.from_numpy(targets).to(device)
    return lambda own: torch.zeros_like(own).index_add_(-1, index, own)


def first_step(edits: Iterable[Edit]) -> int:
    """The first step that edits can change: words before it stay as they are."""
    return min((0 if isinstance(e, Erase) or e.step is None else e.step for e in edits), default=0)


def plan(
    edits: Sequence[Edit], config: ModelConfig, vocabulary: Vocabulary, trace: Trace, standing: Plan | None = None
) -> Plan:
    """What edits of a caption make a decoding do. Erasures are not in it: they change the picture.

    Args:
        trace: of the caption that is changed.
        standing: what was forced on that caption already; it goes on holding where the edits say nothing else.

    Raises:
        UserError: an edit does not fit the model or the caption.
    """
    standing = standing or Plan()
    words, maps, gates = dict(standing.words), dict(standing.maps), dict(standing.gates)
    for e in edits:
        if isinstance(e, Erase):
            continue
        if e.step is not None and e.step > len(trace.steps):
            raise UserError(f"The caption has {len(trace.steps)} words: change one of them, or what comes after them.")
        if isinstance(e, ForceWord):
            words[e.step] = _word_id(e.word, vocabulary)
            continue
        if config.attention == "none":
            raise UserError(f"The model {config.name} has no attention: change a word or the picture instead.")
        if isinstance(e, SetGate):
            _set(gates, e.step, e.value)
        else:
            _set(maps, e.step, _resolved(e, config, trace))
    return Plan(words, maps, gates)


def _set(rules: dict[int | None, Any], step: int | None, rule: Any) -> None:
    if step is None:  # for every step: also for those that had a rule of their own
        rules.clear()
    rules[step] = rule


def _word_id(word: str, vocabulary: Vocabulary) -> int:
    (found,) = vocabulary.encode([word])
    if word not in vocabulary or found in (PAD, START):
        raise UserError(f"The model does not know the word {word[:40]!r}: choose one of its {len(vocabulary)} words.")
    return found


def _resolved(e: AttentionEdit, config: ModelConfig, trace: Trace) -> np.ndarray | Shuffle | Move:
    rows, columns = config.rows, config.columns
    if isinstance(e, Shuffle | Move):
        return e
    if isinstance(e, Flatten):
        return np.full((rows, columns), 1 / (rows * columns), np.float32)
    if isinstance(e, LookAt):
        if e.row >= rows or e.column >= columns:
            raise UserError(f"The grid has {rows} x {columns} cells: there is none in row {e.row}, column {e.column}.")
        weights = np.zeros((rows, columns), np.float32)
        weights[e.row, e.column] = 1.0
        return weights
    if isinstance(e, PaintMap):
        levels = np.array(e.levels, dtype=np.float64)
        if levels.shape != (rows, columns):
            raise UserError(
                f"The map has {levels.shape[0]} x {levels.shape[1]} cells and the model's grid {rows} x {columns}: "
                "paint it for this model."
            )
        return (levels / levels.sum()).astype(np.float32)
    glimpse = trace.steps[e.to].glimpse if e.to < len(trace.steps) else None
    if glimpse is None or glimpse.shape != (rows, columns):
        raise UserError(f"The caption has {len(trace.steps)} words: pin the attention to the map of one of them.")
    return np.asarray(glimpse, dtype=np.float32)
