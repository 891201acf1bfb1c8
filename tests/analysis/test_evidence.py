"""Evidence against reading the same words on the mean image."""

from __future__ import annotations

import numpy as np
import pytest

from sat.analysis.evidence import evidence
from sat.errors import UserError

from .small import VOCABULARY, captioned, plain_steps


@pytest.mark.parametrize("attention", ["soft", "hard", "none"])
def test_evidence_is_what_the_picture_adds(attention):
    captioner, raw, trace = captioned(attention)
    found = captioner.analyse(evidence, raw, trace)
    mean = captioner.read(captioner.decoder.mean_grid.unsqueeze(0), trace.words)
    assert found.words == (*trace.words, "<end>")
    for t, step in enumerate(trace.steps):
        assert found.evidence[t] == pytest.approx(step.log_prob - mean.steps[t].log_prob, abs=1e-5)
    assert found.evidence[-1] == pytest.approx(trace.end_log_prob - mean.end_log_prob, abs=1e-5)
    ids = [*VOCABULARY.encode(trace.words), 2]
    slow = [p[i] for p, i in zip(plain_steps(captioner, raw, trace), ids, strict=True)]
    np.testing.assert_allclose(found.with_image, slow, atol=1e-5)


def test_the_mean_image_itself_gives_no_evidence():
    captioner, _, _ = captioned("soft")
    mean = captioner.decoder.mean_grid.unsqueeze(0)
    trace = captioner.read(mean, ["a", "dog"])
    np.testing.assert_allclose(captioner.analyse(evidence, mean, trace).evidence, 0, atol=1e-5)


def test_a_model_without_a_mean_image_says_so():
    captioner, raw, trace = captioned("soft")
    captioner.decoder.mean_grid.zero_()
    with pytest.raises(UserError, match="holds no mean image"):
        captioner.analyse(evidence, raw, trace)
