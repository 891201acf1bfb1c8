"""Teaching attention where to look, by the boxes that people drew round the phrases of the training captions.

This is no part of the paper, whose attention is learnt from the captions alone: it is the supervised attention of Liu
et al., "Attention Correctness in Neural Image Captioning" (AAAI 2017), with another loss. alpha_t is computed from
h_{t-1}, which has read the words up to y_{t-2}: the term teaches the model to look at what it is *about* to name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

import numpy as np
import torch
from torch import Tensor

from sat.data.dataset import Dataset, Example
from sat.data.entities import ALIGNED_FILE, AlignedPicture, Box, read_aligned
from sat.errors import UserError
from sat.evaluation.grounding import box_coverage, boxed_phrases, caption_words, ground, teacher_forced_alphas
from sat.models.decoder import Decoder
from sat.training.regions import Region
from sat.vocabulary import Vocabulary


def training_regions(
    dataset: Dataset, examples: Sequence[Example], words: Sequence[Sequence[Sequence[str]]], rows: int, columns: int
) -> list[list[list[Region]]]:
    """The regions of every caption of the training pictures; none for a picture that has no boxes.

    Args:
        words: of every caption of every example, as the model is trained on them.
        rows, columns: of the annotation grid.

    Raises:
        UserError: the data set has no aligned boxes, or none for these pictures.
    """
    path = dataset.root / ALIGNED_FILE
    if not path.is_file():
        raise UserError(
            f"Grounded training needs {path}, which is not there: make it with 'data prepare', or set "
            "grounding.weight to 0."
        )
    aligned = read_aligned(path)
    found: list[list[list[Region]]] = []
    for example, captions in zip(examples, words, strict=True):
        picture = aligned.get(example.name)
        found.append(caption_regions(picture, captions, rows, columns) if picture else [[] for _ in captions])
    if not any(regions for picture in found for regions in picture):
        raise UserError(f"{path} has no boxes for the training pictures: make it again with 'data prepare'.")
    return found


def caption_regions(
    picture: AlignedPicture, captions: Sequence[Sequence[str]], rows: int, columns: int
) -> list[list[Region]]:
    """The regions of each caption of a picture.

    The boxes belong to one edition of the captions and training may use another: a phrase keeps those of its words
    that the training caption has too, in the same order.

    Args:
        captions: words of every caption, in the data set's own order.
    """
    theirs = {c.k: words for c, words in zip(picture.captions, caption_words(picture), strict=True)}
    matches = [matching_words(theirs.get(k, ()), ours) for k, ours in enumerate(captions)]
    found: list[list[Region]] = [[] for _ in captions]
    drawn: dict[tuple[Box, ...], np.ndarray] = {}  # captions of a picture share its boxes
    for phrase in boxed_phrases([picture]):
        k = picture.captions[phrase.caption].k
        positions = tuple(matches[k][i] for i in phrase.words if i in matches[k]) if k < len(captions) else ()
        if phrase.boxes not in drawn:
            coverage = box_coverage(phrase.boxes, phrase.width, phrase.height, rows, columns)
            drawn[phrase.boxes] = coverage.astype(np.float32)
        if positions and drawn[phrase.boxes].any():
            found[k].append(Region(positions, drawn[phrase.boxes]))
    return found


def matching_words(theirs: Sequence[str], ours: Sequence[str]) -> Mapping[int, int]:
    """Where the words of one edition of a caption stand in another edition; words that differ are left out."""
    blocks = SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks()
    return {block.a + i: block.b + i for block in blocks for i in range(block.size)}


@torch.inference_mode()
def dev_grounding(
    decoder: Decoder, vocabulary: Vocabulary, dataset: Dataset, shown: Iterable[tuple[Sequence[Example], Tensor]]
) -> dict[str, float]:
    """``correctness_last`` and ``pointing_0`` of the model as it is, as an evaluation measures them.

    Args:
        shown: pictures and their annotations (B, L, D), batch by batch.

    Returns:
        nothing where none of these pictures has a boxed phrase.
    """
    aligned = read_aligned(dataset.root / ALIGNED_FILE)
    was_training, device = decoder.training, next(decoder.parameters()).device
    decoder.eval()
    alphas: dict[str, list[np.ndarray]] = {}
    for examples, raw in shown:
        pictures = [aligned.get(example.name) for example in examples]
        words = [[] if p is None else [vocabulary.encode(c) for c in caption_words(p)] for p in pictures]
        maps = teacher_forced_alphas(decoder, decoder.annotate(raw.to(device)), words)
        alphas.update((example.name, of_picture) for example, of_picture in zip(examples, maps, strict=True))
    decoder.train(was_training)
    phrases = boxed_phrases(aligned[name] for name in alphas if name in aligned)
    if not phrases:
        return {}
    found = ground(phrases, alphas)
    return {name: found[name] for name in ("correctness_last", "pointing_0")}
