"""Does attention lie on what the words name? Attention set against the boxes that people drew round phrases.

The captions are the reference captions, teacher-forced, so that every model answers for the same words. The map of a
word is the distribution alpha, for hard attention too: a glimpse is one draw from it (or its largest place), and what
the distribution puts inside a box is what the glimpse is expected to. The map of a phrase is that of its *last* word;
the best of its words is given as well, chosen with knowledge of the box and so flattering. Two baselines that look at
no picture stand beside every figure: a uniform map, and a Gaussian in the middle of the picture, where photographers
put things. All boxes are in pixels of the original picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

import numpy as np
import torch
from scipy.special import ndtr

from sat.config import Context
from sat.data.entities import AlignedPicture, Box
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.models.decoder import Annotations, Decoder
from sat.training.batches import collate

CENTRE_SIGMA = 0.25  # of the side, of the centre baseline
TOLERANCE = 15.0  # pixels of the original picture, of pointing_15
_MEASURES = (
    "correctness_last",
    "correctness_best",
    "pointing_0",
    "pointing_15",
    "uniform",
    "centre",
    "centre_pointing",
)


@dataclass(frozen=True)
class BoxedPhrase:
    """A phrase of a reference caption and the boxes of what it names.

    Attributes:
        image: name of the picture; caption: which of its captions, from 0.
        words: positions of the phrase's words in the caption as the model knows it, never empty.
        types: ``people``, ``clothing``, ...; a phrase may have several.
        boxes: of all things that it names, in pixels of the original picture.
        width, height: of the original picture.
    """

    image: str
    caption: int
    words: tuple[int, ...]
    types: tuple[str, ...]
    boxes: tuple[Box, ...]
    width: int
    height: int


def caption_words(picture: AlignedPicture) -> list[list[str]]:
    """The words, as a model knows them, of every caption of a picture; uncut."""
    return [[word for token in caption.tokens for word in tokenize(token)] for caption in picture.captions]


def boxed_phrases(pictures: Iterable[AlignedPicture]) -> list[BoxedPhrase]:
    """Every phrase with a box and at least one word that a model knows of.

    A published token becomes no word (punctuation), one, or rarely more; a phrase whose last token is dropped ends
    with its last word that is kept.
    """
    found: list[BoxedPhrase] = []
    for picture in pictures:
        for number, caption in enumerate(picture.captions):
            counts = [len(tokenize(token)) for token in caption.tokens]
            starts = np.concatenate([[0], np.cumsum(counts)]).tolist()  # first word of every token, and the end
            for phrase in caption.phrases:
                boxes = picture.boxes.get(phrase.id, ())
                first, last = starts[phrase.first], starts[phrase.first + len(phrase.words)]
                if boxes and last > first:
                    positions = tuple(range(first, last))
                    size = (picture.width, picture.height)
                    found.append(
                        BoxedPhrase(picture.image, number, positions, tuple(phrase.types), tuple(boxes), *size)
                    )
    return found


def box_coverage(boxes: Sequence[Box], width: float, height: float, rows: int, columns: int) -> np.ndarray:
    """The fraction of every cell of the grid inside the union of the boxes, exact, float64 (rows, columns).

    Args:
        boxes: (x0, y0, x1, y1) from the upper left corner, in the unit of ``width`` and ``height``; what lies outside
            the picture does not count.
    """
    cells_x, cells_y = np.linspace(0, width, columns + 1), np.linspace(0, height, rows + 1)
    cuts_x, cuts_y, inside = _pieces(boxes, cells_x, cells_y)
    area = inside * np.diff(cuts_y)[:, None] * np.diff(cuts_x)
    area = np.add.reduceat(area, np.searchsorted(cuts_y, cells_y[:-1]), axis=0)
    area = np.add.reduceat(area, np.searchsorted(cuts_x, cells_x[:-1]), axis=1)
    return np.clip(area / (width / columns * height / rows), 0.0, 1.0)


def centre_mass(boxes: Sequence[Box], width: float, height: float) -> float:
    """How much of a Gaussian in the middle of the picture lies inside the union of the boxes, exact.

    Its sigma is ``CENTRE_SIGMA`` of each side, and it is cut off and normalised at the picture's edges. It is not
    laid out in cells first, which would lower it a little: a baseline is given its best form.
    """
    cuts_x, cuts_y, inside = _pieces(boxes, np.array([0.0, width]), np.array([0.0, height]))
    across = np.diff(ndtr((cuts_x / width - 0.5) / CENTRE_SIGMA))
    down = np.diff(ndtr((cuts_y / height - 0.5) / CENTRE_SIGMA))
    return float((inside * down[:, None] * across).sum() / (down.sum() * across.sum()))


def _pieces(
    boxes: Sequence[Box], lines_x: np.ndarray, lines_y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the picture along the given lines and every edge of a box, so that each piece is wholly in or out.

    Args:
        lines_x, lines_y: ascending; the first and last are the picture's edges, at which boxes are clipped.

    Returns:
        the cuts across and down, and which pieces the union of the boxes covers, bool (pieces down, pieces across).
    """
    corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    x0, x1 = corners[:, 0].clip(0, lines_x[-1]), corners[:, 2].clip(0, lines_x[-1])
    y0, y1 = corners[:, 1].clip(0, lines_y[-1]), corners[:, 3].clip(0, lines_y[-1])
    cuts_x, cuts_y = np.unique(np.concatenate([lines_x, x0, x1])), np.unique(np.concatenate([lines_y, y0, y1]))
    middle_x, middle_y = (cuts_x[1:] + cuts_x[:-1]) / 2, (cuts_y[1:] + cuts_y[:-1]) / 2
    across = (middle_x > x0[:, None]) & (middle_x < x1[:, None])  # (boxes, pieces across)
    down = (middle_y > y0[:, None]) & (middle_y < y1[:, None])  # (boxes, pieces down)
    return cuts_x, cuts_y, (down[:, :, None] & across[:, None, :]).any(0)


def points_at(boxes: Sequence[Box], x: float, y: float, tolerance: float = 0.0) -> bool:
    """Whether a point lies in a box, or within ``tolerance`` pixels of one (edges count as inside)."""
    return any(hypot(max(x0 - x, 0.0, x - x1), max(y0 - y, 0.0, y - y1)) <= tolerance for x0, y0, x1, y1 in boxes)


def peak(alpha: np.ndarray, width: float, height: float) -> tuple[float, float]:
    """x, y of the centre of the largest cell of a map (rows, columns), in pixels of the picture."""
    row, column = np.unravel_index(int(alpha.argmax()), alpha.shape)
    return (int(column) + 0.5) * width / alpha.shape[1], (int(row) + 0.5) * height / alpha.shape[0]


def ground(phrases: Sequence[BoxedPhrase], alphas: Mapping[str, Sequence[np.ndarray]]) -> dict[str, Any]:
    """The ``grounding`` of ``metrics.json``.

    Args:
        phrases: those to judge by.
        alphas: by picture, the maps of all words of each caption, (T, rows, columns).

    Returns:
        ``phrases``, their number; ``correctness_last`` and ``correctness_best``, the attention inside the boxes;
        ``pointing_0`` and ``pointing_15``, how often the largest cell's centre hits a box (by so many pixels);
        ``uniform`` and ``centre``, the correctness of the two baselines; ``centre_pointing``, how often the middle of
        the picture hits; ``by_type``, the same for the phrases of each type. All are fractions, not percent.

    Raises:
        UserError: there are no phrases, or the maps of a phrase's words are missing.
    """
    if not phrases:
        raise UserError("There are no phrases with boxes: choose a split that the aligned boxes cover.")
    judged: dict[tuple[Any, ...], tuple[np.ndarray, float, float]] = {}  # coverage, and the baselines' mass in it
    scores = np.zeros((len(phrases), len(_MEASURES)))
    for row, phrase in enumerate(phrases):
        maps = _maps(phrase, alphas)  # (words of the phrase, rows, columns)
        grid = maps.shape[1:]
        key = (phrase.boxes, phrase.width, phrase.height, *grid)
        if key not in judged:
            coverage = box_coverage(phrase.boxes, phrase.width, phrase.height, *grid)
            judged[key] = coverage, coverage.mean(), centre_mass(phrase.boxes, phrase.width, phrase.height)
        coverage, uniform, centre = judged[key]
        inside = (maps * coverage).sum((1, 2))  # (words of the phrase,)
        x, y = peak(maps[-1], phrase.width, phrase.height)
        scores[row] = (
            inside[-1],
            inside.max(),
            points_at(phrase.boxes, x, y),
            points_at(phrase.boxes, x, y, TOLERANCE),
            uniform,
            centre,
            points_at(phrase.boxes, phrase.width / 2, phrase.height / 2),
        )
    kinds = sorted({kind for phrase in phrases for kind in phrase.types})
    members = {kind: np.array([kind in phrase.types for phrase in phrases]) for kind in kinds}
    return {**_summary(scores), "by_type": {kind: _summary(scores[members[kind]]) for kind in kinds}}


def _summary(scores: np.ndarray) -> dict[str, Any]:
    means = scores.mean(0)
    return {"phrases": len(scores), **{name: float(value) for name, value in zip(_MEASURES, means, strict=True)}}


def _maps(phrase: BoxedPhrase, alphas: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
    try:
        return np.asarray(alphas[phrase.image][phrase.caption], dtype=np.float64)[list(phrase.words)]
    except (KeyError, IndexError):
        raise UserError(
            f"{phrase.image} has no maps for all words of its caption {phrase.caption}: the aligned boxes and the "
            "captions are not of one edition."
        ) from None


@torch.inference_mode()
def teacher_forced_alphas(
    decoder: Decoder,
    annotations: Annotations,
    captions: Sequence[Sequence[Sequence[int]]],
    *,
    context: Context | None = None,
) -> list[list[np.ndarray]]:
    """The attention of every word of given captions, none of them cut.

    The map of word t is alpha at the step whose input is word t - 1. It is the distribution alpha for hard attention
    too; ``context`` then says what was attended to on the way (it feeds back through the hidden state).

    Args:
        decoder: in evaluation mode, with attention.
        annotations: of B pictures.
        captions: ids of the words of their captions, without start and end.
        context: None means the model's own.

    Returns:
        for each picture and caption, float32 (T, rows, columns).
    """
    config = decoder.config
    inputs, _, lengths = collate(captions)
    words = inputs[:, :, :-1].to(annotations.values.device)  # (B, K, T): the step that predicts <end> is not needed
    if words.shape[2] == 0:
        return [[np.zeros((0, config.rows, config.columns), np.float32) for _ in picture] for picture in captions]
    _, alphas = decoder(annotations, words, context=context or config.default_context or "expected")  # (B, K, T, L)
    if alphas is None:
        raise UserError(f"The model {config.name} has no attention: there are no maps to set against boxes.")
    maps = alphas.float().unflatten(-1, (config.rows, config.columns)).cpu().numpy()  # (B, K, T, rows, columns)
    return [
        [maps[b, k, : int(lengths[b, k]) - 1].copy() for k in range(len(picture))] for b, picture in enumerate(captions)
    ]
