"""The captions of an evaluation that went most wrong, and the word in each that is worth looking at.

A caption is ranked by its CIDEr (times 100, as in ``metrics.json``): how much it has in common with what people wrote
of the same picture, n-grams weighing the more the fewer pictures of the split they occur with. Text is tokenised as
models are trained (``sat.data.tokens``), so no Java is needed; the mean over a split is within a tenth or so of the
standard protocol's. Of captions with the same score the one that was recorded first comes first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from pydantic import BaseModel, Field

from sat.config import Context, Decoding, parse
from sat.data.dataset import Dataset
from sat.data.entities import ALIGNED_FILE, read_aligned
from sat.data.tokens import tokenize
from sat.drawing.words import first_content_word
from sat.errors import UserError
from sat.trace import Trace

if TYPE_CHECKING:
    from sat.captioner import Captioner
    from sat.images import Picture


class Record(BaseModel):
    """What is needed of a line of ``captions.jsonl``."""

    image: str
    caption: str
    references: list[str]


class RecordedDecoding(BaseModel):
    """``decoding`` in ``metrics.json``: beam 1 with length_norm 0 stands for greedy decoding."""

    context: Context | None
    beam: int = Field(ge=1)
    length_norm: float


class Recorded(BaseModel):
    """What is needed of ``metrics.json``."""

    model: str
    decoding: RecordedDecoding


@dataclass(frozen=True)
class Ranked:
    """A recorded caption and its CIDEr, times 100."""

    record: Record
    cider: float


def read_evaluation(folder: Path) -> tuple[Recorded, list[Record]]:
    """What ``evaluate`` wrote: the model with its decoding, and the captions in the order of the split.

    Raises:
        UserError: a file is missing, damaged, or of something else.
    """
    metrics, captions = folder / "metrics.json", folder / "captions.jsonl"
    recorded = parse(Recorded, _json(_text(metrics), str(metrics)), str(metrics))
    records = []
    for number, line in enumerate(_text(captions).splitlines(), start=1):
        source = f"{captions}:{number}"
        records.append(parse(Record, _json(line, source), source))
    if not records:
        raise UserError(f"{captions} holds no caption: evaluate the model again.")
    return recorded, records


def ciders(records: Sequence[Record]) -> np.ndarray:
    """CIDEr of every caption, times 100, (N,); how rare an n-gram is, is counted over the references of all N.

    Raises:
        UserError: a picture has no reference.
    """
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    scorer = CiderScorer(n=4)
    for record in records:
        if not record.references:
            raise UserError(f"{record.image} has no reference to score its caption by: evaluate the model again.")
        references = [" ".join(tokenize(reference)) for reference in record.references]
        scorer += (" ".join(tokenize(record.caption)), references)
    return 100.0 * np.asarray(scorer.compute_score()[1], dtype=np.float64)


def worst(records: Sequence[Record], count: int) -> list[Ranked]:
    """The ``count`` captions of lowest CIDEr, the lowest first; captions without a word are passed over."""
    scores = ciders(records)
    order = [i for i in np.argsort(scores, kind="stable") if records[i].caption.strip()]
    return [Ranked(records[i], float(scores[i])) for i in order[:count]]


def named(records: Sequence[Record], names: Iterable[str]) -> list[Ranked]:
    """The captions of those pictures, in the order named.

    Raises:
        UserError: a picture was not evaluated, or its caption has no word.
    """
    scores = ciders(records)
    places = {record.image: i for i, record in enumerate(records)}
    found = []
    for name in names:
        if name not in places:
            raise UserError(f"No picture called {name!r} was evaluated: name one of captions.jsonl.")
        record = records[places[name]]
        if not record.caption.strip():
            raise UserError(f"The caption of {name} has no word: there is nothing to draw.")
        found.append(Ranked(record, float(scores[places[name]])))
    return found


def caption_again(
    captioner: Captioner, recorded: Recorded, ranked: Sequence[Ranked], pictures: Sequence[Picture]
) -> list[Trace]:
    """The traces of recorded captions, by the model and the decoding that were evaluated.

    Raises:
        UserError: it is another model, its captions cannot be repeated, or it now writes another caption.
    """
    if captioner.name != recorded.model:
        raise UserError(f"The evaluation is of {recorded.model}, not of {captioner.name}: name the evaluated model.")
    if recorded.decoding.context == "sample":
        raise UserError("Captions from sampled glimpses cannot be repeated: evaluate with argmax or expected.")
    raw = captioner.annotate(pictures).half()  # the precision that evaluations read
    traces = captioner.caption_annotations(raw, _decoding(captioner, recorded), pictures=[p.digest for p in pictures])
    for one, trace in zip(ranked, traces, strict=True):
        if trace.caption != one.record.caption:
            raise UserError(
                f"{recorded.model} no longer writes what was recorded for {one.record.image} (now "
                f"{trace.caption!r}, then {one.record.caption!r}): evaluate it again."
            )
    return traces


def as_published(pictures: Sequence[Picture], names: Sequence[str], dataset: Dataset) -> list[Picture]:
    """Pictures whose display has the proportions of the originals, where the data set's boxes tell them: Flickr8k is
    often handed on in squares. What the model sees, and the digest, stay as they are.
    """
    path = dataset.root / ALIGNED_FILE
    aligned = read_aligned(path) if path.is_file() else {}
    return [
        stretched(picture, aligned[name].width / max(aligned[name].height, 1)) if name in aligned else picture
        for picture, name in zip(pictures, names, strict=True)
    ]


def word_to_show(trace: Trace, references: Sequence[str]) -> int:
    """Which word, from 0, most likely went wrong: the first content word that no reference has; where the references
    have them all, the content word (where there is none, the word) of lowest log-probability.
    """
    said = {word for reference in references for word in tokenize(reference)}
    # The first content word behind a word that names nothing: at 1, or there is none.
    content = [t for t, word in enumerate(trace.words) if first_content_word(["a", word]) == 1]
    unsaid = next((t for t in content if trace.words[t] not in said), None)
    if unsaid is not None:
        return unsaid
    return min(content or range(len(trace.words)), key=lambda t: trace.steps[t].log_prob)


def stretched(picture: Picture, aspect: float) -> Picture:
    """The same picture of another shape (width over height), one side as it was and none shorter."""
    height, width = picture.display.shape[:2]
    size = (round(height * aspect), height) if height * aspect >= width else (width, round(width / aspect))
    return replace(picture, display=cv2.resize(picture.display, size, interpolation=cv2.INTER_LINEAR))


def _decoding(captioner: Captioner, recorded: Recorded) -> Decoding:
    """The recorded settings; the rest is the model's own."""
    theirs = recorded.decoding
    greedy = theirs.beam == 1 and theirs.length_norm == 0
    settings: dict[str, object] = {
        "method": "greedy" if greedy else "beam",
        "beam": theirs.beam,
        "context": theirs.context,
    }
    if not greedy:
        settings["length_norm"] = theirs.length_norm
    return parse(Decoding, captioner.config.decoding.model_dump() | settings, "The recorded decoding")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: name a folder that 'python -m sat evaluate --out' wrote.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): evaluate the model again.") from None


def _json(text: str, source: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"{source} is not JSON: evaluate the model again.") from None
