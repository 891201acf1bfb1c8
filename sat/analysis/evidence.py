"""How much the picture itself speaks for each word: log p(w given image) - log p(w given mean image)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat.analysis.reading import Reading, follow, mean_image
from sat.vocabulary import START


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of every word of a caption, and of its end as the last entry; all float64 (T + 1,), in nats.

    Attributes:
        words: ``<end>`` included.
        with_image: log p(w given the words before it, the picture).
        with_mean: the same of the mean image, that is the mean annotation grid of the training split, with the
            attention that the model pays to it.
        evidence: the difference; above 0 the picture makes the word more likely than language alone does.
    """

    words: tuple[str, ...]
    with_image: np.ndarray
    with_mean: np.ndarray
    evidence: np.ndarray


def evidence(reading: Reading) -> Evidence:
    """Evidence of a caption's words, each reading the same words before it.

    Raises:
        UserError: the model does not know its mean image.
    """
    decoder = reading.decoder
    mean = mean_image(decoder)
    moments = follow(decoder, mean, decoder.start(mean), START, reading.ids, (), reading.context)
    with_mean = np.array([float(m.log_probs[w]) for m, w in zip(moments, reading.ids, strict=True)])
    with_image = reading.chosen().double().cpu().numpy()
    return Evidence(reading.words, with_image, with_mean, with_image - with_mean)
