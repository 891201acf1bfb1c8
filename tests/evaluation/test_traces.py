"""The trace of an evaluated caption, from its rows."""

from __future__ import annotations

import numpy as np
import pytest

from sat.captioner import Captioner
from sat.evaluation.traces import stored_trace
from sat.images import Picture

from .stored import picture as row_and_words

DECODING = {"context": "expected", "beam": 3, "length_norm": 0.7}


def test_what_was_written_comes_back(photo: Picture):
    row, words = row_and_words(3, np.random.default_rng(1))
    for word in words:
        word["alpha"] = word["alpha"].reshape(14, 14).astype(np.float16).astype(np.float32)
    trace = stored_trace({"model": "m", "decoding": DECODING}, row, words, photo)
    assert trace.words == row["words"] and trace.picture == photo.digest
    assert trace.log_prob == pytest.approx(row["log_prob"])
    assert [step.log_prob for step in trace.steps] == [word["log_prob"] for word in words]
    assert (trace.attention, trace.context) == ("hard", "expected") and trace.steps[0].place == (0, 13)
    for step, word in zip(trace.steps, words, strict=True):
        assert step.alpha.sum() == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(step.alpha, word["alpha"], rtol=2e-3, atol=1e-6)


def test_without_attention(photo: Picture):
    row, words = row_and_words(2, np.random.default_rng(4), attends=False)
    words = [{**word, "place": None, "beta": None, "entropy": None} for word in words]
    decoding = {**DECODING, "context": None}
    trace = stored_trace({"model": "m", "decoding": decoding}, row, words, photo)
    assert trace.attention == "none" and trace.alphas is None and trace.words == row["words"]


def test_it_is_what_the_model_writes(tiny_captioners: dict[str, Captioner], photo: Picture):
    written = tiny_captioners["soft-tiny"].caption(photo)
    words = [
        {
            "word": s.word,
            "log_prob": s.log_prob,
            "alpha": s.alpha,
            "place": s.place,
            "beta": s.beta,
            "entropy": s.entropy,
        }
        for s in written.steps
    ]
    about = {"model": "soft-tiny", "decoding": DECODING}
    trace = stored_trace(about, {"log_prob": written.log_prob}, words, photo)
    assert trace.words == written.words and trace.end_log_prob == pytest.approx(written.end_log_prob)
    np.testing.assert_allclose(trace.alphas, written.alphas, atol=1e-6)
