"""The rows of the evaluation store: one a picture and one a word.

``PICTURES`` and ``WORDS`` are the schemas; ``COLUMNS`` says in a line what each column holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sat.evaluation.attention import divergence
from sat.evaluation.hallucination import OBJECT_KINDS, Judgement
from sat.evaluation.word_classes import WordClasses

if TYPE_CHECKING:  # whoever only reads rows need not load torch
    from sat.data.dataset import Example
    from sat.evaluation.measured import Measured
    from sat.evaluation.word_boxes import BoxedObject, PictureBoxes

_MEASURES = ("entropy", "step_divergence", "beta", "evidence", "necessity")
SCORES = ("BLEU-4", "METEOR", "ROUGE-L", "CIDEr")
_LIST = pa.list_(pa.string())
_BOXED = pa.struct(
    [
        ("name", pa.string()),
        ("step", pa.int16()),
        ("at_word", pa.float64()),
        ("most", pa.float64()),
        ("most_step", pa.int16()),
        ("elsewhere", pa.float64()),
        ("uniform", pa.float64()),
        ("centre", pa.float64()),
    ]
)

PICTURES = pa.schema(
    [
        ("picture", pa.int32()),
        ("image", pa.string()),
        ("caption", pa.string()),
        ("words", _LIST),
        ("references", _LIST),
        ("log_prob", pa.float64()),
        ("length", pa.int16()),
        ("repetition", pa.float64()),
        *((score, pa.float64()) for score in SCORES),
        ("objects_said", _LIST),
        ("objects_in_references", _LIST),
        ("objects_hallucinated", _LIST),
        ("objects_missed", _LIST),
        ("others_hallucinated", _LIST),
        ("hallucinated", pa.int16()),
        ("missed", pa.int16()),
        ("entropy", pa.float64()),
        ("step_divergence", pa.float64()),
        ("beta", pa.float64()),
        ("evidence", pa.float64()),
        ("necessity", pa.float64()),
        ("box_words", pa.int16()),
        ("box_mass", pa.float64()),
        ("box_uniform", pa.float64()),
        ("box_centre", pa.float64()),
        ("boxed", pa.list_(_BOXED)),
    ]
)

COLUMNS = {
    "picture": "number of the picture in its split, from 0",
    "image": "its file name",
    "caption": "what the model wrote",
    "words": "the words of the caption",
    "references": "the captions that people wrote, as published",
    "log_prob": "log p of the caption, its end included; of a word, given those before it; in nats",
    "length": "words of the caption",
    "repetition": "share of the pairs of neighbouring words that stand in the caption before (0: none)",
    "BLEU-4": "of this caption, smoothed, times 100",
    "METEOR": "of this caption, times 100",
    "ROUGE-L": "of this caption, times 100",
    "CIDEr": "of this caption, times 100",
    "objects_said": "object classes that the caption names",
    "objects_in_references": "object classes that the references name, the most specific ones",
    "objects_hallucinated": "object classes said that no reference bears out",
    "objects_missed": "object classes of the references that the caption does not say",
    "others_hallucinated": "places, colours, counts, actions, ... said that no reference bears out",
    "hallucinated": "of a picture: number of object classes hallucinated; of a word: whether its class is",
    "missed": "number of object classes missed",
    "entropy": "of alpha, in nats; of a caption the mean over its words",
    "step_divergence": "Jensen-Shannon divergence from the map of the word before, in nats; of a caption the mean",
    "beta": "the gate; of a caption the mean",
    "evidence": "log p(w given image) - log p(w given mean image), in nats; of a caption the mean",
    "necessity": "divergence of the next word when alpha is made uniform, in nats; of a caption the mean",
    "box_words": "words of the caption whose class has boxes in this picture",
    "box_mass": "attention inside the boxes of the word's class; of a caption the mean over words with boxes",
    "box_uniform": "what uniform attention has inside the same boxes",
    "box_centre": "what a Gaussian in the middle has inside the same boxes",
    "box_hit": "whether the middle of the largest cell lies in such a box",
    "boxed": "object classes with boxes in this picture, named or not, and the attention inside them",
    "step": "position of the word, from 0",
    "word": "as written",
    "word_class": "what it names, at the last word of a name",
    "kind": "what kind of class that is",
    "alpha": "the attention distribution, row by row, half precision",
    "place": "row and column of the glimpse taken",
}


def words_schema(places: int) -> pa.Schema:
    """The columns of a word's row, for maps of L = ``places``."""
    text = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("picture", pa.int32()),
            ("image", text),
            ("step", pa.int16()),
            ("word", text),
            ("word_class", text),
            ("kind", text),
            ("hallucinated", pa.bool_()),
            ("log_prob", pa.float64()),
            ("entropy", pa.float64()),
            ("step_divergence", pa.float64()),
            ("beta", pa.float64()),
            ("place", pa.list_(pa.int16(), 2)),
            ("evidence", pa.float64()),
            ("necessity", pa.float64()),
            ("box_mass", pa.float64()),
            ("box_uniform", pa.float64()),
            ("box_centre", pa.float64()),
            ("box_hit", pa.bool_()),
            ("alpha", pa.list_(pa.float16(), places)),
        ]
    )


def picture_row(
    number: int,
    example: Example,
    measured: Measured,
    judgement: Judgement,
    scores: Mapping[str, float],
    words: Sequence[Mapping[str, Any]],
    classes: WordClasses,
    boxed: Sequence[BoxedObject],
) -> dict[str, Any]:
    """The row of a picture.

    Args:
        number: of the picture in its split; scores: by name; words: the rows of its words.
        boxed: its objects that have boxes.
    """
    others = [kind for kind in dict.fromkeys(classes.kinds.values()) if kind not in OBJECT_KINDS]
    made_up = judgement.made_up(OBJECT_KINDS)
    missed = [name for name in judgement.missed if classes.kinds[name] in OBJECT_KINDS]
    trace = measured.trace
    return {
        "picture": number,
        "image": example.name,
        "caption": trace.caption,
        "words": trace.words,
        "references": list(example.captions),
        "log_prob": trace.log_prob,
        "length": len(trace.words),
        "repetition": repetition(trace.words),
        **scores,
        "objects_said": judgement.said(OBJECT_KINDS),
        "objects_in_references": [name for name in judgement.referred if classes.kinds[name] in OBJECT_KINDS],
        "objects_hallucinated": made_up,
        "objects_missed": missed,
        "others_hallucinated": judgement.made_up(others),
        "hallucinated": len(made_up),
        "missed": len(missed),
        "box_words": sum(row["box_mass"] is not None for row in words),
        **{name: _mean(row[name] for row in words) for name in (*_MEASURES, "box_mass", "box_uniform", "box_centre")},
        "boxed": [asdict(one) for one in boxed],
    }


def word_rows(
    number: int, example: Example, measured: Measured, judgement: Judgement, boxes: PictureBoxes | None
) -> list[dict[str, Any]]:
    """The rows of the words of a caption; ``alpha`` is float32 (L,) or None.

    Args:
        boxes: of the picture; None where the data set has none.
    """
    trace = measured.trace
    alphas = trace.alphas
    moved = [] if alphas is None else divergence(alphas[1:], alphas[:-1]).tolist()
    pairs = zip(judgement.mentions, judgement.hallucinated, strict=True)
    named = {mention.last: (mention, bad) for mention, bad in pairs}
    rows = []
    for t, step in enumerate(trace.steps):
        mention, bad = named.get(t, (None, None))
        looked = None
        if mention is not None and boxes is not None and step.alpha is not None:
            looked = boxes.look(mention.name, step.alpha)
        rows.append(
            {
                "picture": number,
                "image": example.name,
                "step": t,
                "word": step.word,
                "word_class": None if mention is None else mention.name,
                "kind": None if mention is None else mention.kind,
                "hallucinated": bad,
                "log_prob": step.log_prob,
                "entropy": step.entropy,
                "step_divergence": moved[t - 1] if t and moved else None,
                "beta": step.beta,
                "place": None if step.place is None else list(step.place),
                "evidence": None if measured.evidence is None else float(measured.evidence[t]),
                "necessity": None if measured.necessity is None else float(measured.necessity[t]),
                "box_mass": None if looked is None else looked.mass,
                "box_uniform": None if looked is None else looked.uniform,
                "box_centre": None if looked is None else looked.centre,
                "box_hit": None if looked is None else looked.hit,
                "alpha": None if step.alpha is None else step.alpha.ravel(),
            }
        )
    return rows


def words_table(rows: Sequence[Mapping[str, Any]], places: int) -> pa.Table:
    """A table of word rows, with maps of L = ``places``, at half precision."""
    schema = words_schema(places)
    columns = [pa.array([row[f.name] for row in rows], f.type) for f in schema if f.name != "alpha"]
    maps = [row["alpha"] for row in rows]
    if maps and all(alpha is not None for alpha in maps):
        flat = np.concatenate(maps).astype(np.float16)  # (T L,)
        columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), places))
    else:
        columns.append(pa.nulls(len(rows), schema.field("alpha").type))
    return pa.Table.from_arrays(columns, schema=schema)


def pictures_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """A table of picture rows."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=PICTURES)


def repetition(words: Sequence[str]) -> float:
    """The share of the pairs of neighbouring words that stand in the caption before, 0 to 1 (rep-2)."""
    pairs = list(pairwise(words))
    return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
