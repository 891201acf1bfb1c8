"""Evidence and necessity of many captions at once against those of one caption at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sat.analysis.evidence import evidence
from sat.analysis.necessity import necessity
from sat.captioner import Captioner
from sat.config import Decoding
from sat.errors import UserError
from sat.evaluation.measured import measure
from sat.evaluation.word_measures import evidence_of_words, necessity_of_words
from sat.images import Picture
from sat.trace import Trace

SETTINGS = [
    ("soft-tiny", Decoding(beam=3, max_words=8)),
    ("hard-tiny", Decoding(beam=3, max_words=8)),
    ("hard-tiny", Decoding(method="greedy", max_words=6, context="expected")),
    ("hard-tiny", Decoding(method="greedy", max_words=6, context="sample", seed=3)),
    ("none-tiny", Decoding(beam=2, max_words=8)),
]


@pytest.fixture(scope="module")
def raw(tiny_captioners: dict[str, Captioner], photos: list[Picture]) -> torch.Tensor:
    """Annotations of six pictures, unlike each other."""
    found = tiny_captioners["soft-tiny"].annotate(photos)
    return torch.cat([found, 1.7 * found.flip(1) - 0.3])


@pytest.mark.parametrize(("name", "decoding"), SETTINGS, ids=lambda v: v if isinstance(v, str) else v.method)
def test_many_are_what_one_is(
    name: str, decoding: Decoding, raw: torch.Tensor, tiny_captioners: dict[str, Captioner]
) -> None:
    captioner = tiny_captioners[name]
    traces = [*captioner.caption_annotations(raw, decoding)]
    traces[1] = captioner.read(raw[1:2], traces[1].words[:2], decoding)  # captions of different lengths
    traces[0] = captioner.read(raw[:1], [], decoding)  # one without words
    assert len({len(trace.steps) for trace in traces}) >= 3
    together = measure(captioner, raw, traces)
    for i, one in enumerate(together):
        assert one.trace is traces[i]
        alone = captioner.analyse(evidence, raw[i : i + 1], traces[i]).evidence[:-1]
        np.testing.assert_allclose(one.evidence, alone, atol=1e-5)
        if name == "none-tiny":
            assert one.necessity is None
            continue
        steps = range(len(traces[i].steps))
        flat = [captioner.analyse(necessity, raw[i : i + 1], traces[i], t, shuffles=1).uniform for t in steps]
        np.testing.assert_allclose(one.necessity, flat, atol=1e-6)
    # A caption's numbers are its own, whatever stands beside it.
    np.testing.assert_allclose(measure(captioner, raw[2:3], traces[2:3])[0].evidence, together[2].evidence, atol=1e-5)


def test_numbers_say_something(raw: torch.Tensor, tiny_captioners: dict[str, Captioner]) -> None:
    captioner = tiny_captioners["soft-tiny"]
    traces = captioner.caption_annotations(raw)
    found = measure(captioner, raw, traces)
    assert max(np.abs(one.evidence).max() for one in found) > 0.01
    assert max(one.necessity.max() for one in found) > 1e-4
    mean = captioner.decoder.mean_grid.unsqueeze(0)
    of_mean = captioner.read(mean, ["a", "dog"])
    np.testing.assert_allclose(evidence_of_words(captioner.decoder, captioner.vocabulary, [of_mean]), 0, atol=1e-5)


def test_nothing_to_measure(tiny_captioners: dict[str, Captioner], raw: torch.Tensor) -> None:
    captioner = tiny_captioners["soft-tiny"]
    decoder, vocabulary = captioner.decoder, captioner.vocabulary
    none: list[Trace] = []
    assert evidence_of_words(decoder, vocabulary, none) == []
    assert necessity_of_words(decoder, vocabulary, decoder.annotate(raw[:0]), none) == []


def test_without_a_mean_image(
    tiny_captioners: dict[str, Captioner], raw: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = tiny_captioners["soft-tiny"]
    traces = captioner.caption_annotations(raw[:1])
    monkeypatch.setitem(captioner.decoder._buffers, "mean_grid", torch.zeros_like(captioner.decoder.mean_grid))
    (found,) = measure(captioner, raw[:1], traces)
    assert found.evidence is None and found.necessity is not None
    with pytest.raises(UserError, match="holds no mean image"):
        evidence_of_words(captioner.decoder, captioner.vocabulary, traces)
