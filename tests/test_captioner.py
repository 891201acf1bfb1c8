"""Picture in, trace out: the same whichever way it is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import sat
from sat.captioner import Captioner, load, shared_encoder
from sat.config import Decoding
from sat.errors import UserError
from sat.images import from_array
from sat.trace import Trace

NAMES = ["soft-tiny", "hard-tiny", "none-tiny", "rnn-tiny", "log-bilinear-tiny"]
GREEDY = Decoding(method="greedy", max_words=8)
WAYS = [
    GREEDY,
    Decoding(beam=3, max_words=8),
    Decoding(method="greedy", context="argmax", max_words=8),
    Decoding(beam=2, context="expected", max_words=5),
]


def assert_close(one: Trace, other: Trace, tolerance: float = 2e-4) -> None:
    """The same words, glimpses and settings; numbers but for what float32 sums in another order may differ by."""
    assert one.words == other.words
    assert (one.model, one.context, one.decoding, one.picture) == (
        other.model,
        other.context,
        other.decoding,
        other.picture,
    )
    assert one.log_prob == pytest.approx(other.log_prob, abs=tolerance)
    assert one.end_log_prob == (
        None if other.end_log_prob is None else pytest.approx(other.end_log_prob, abs=tolerance)
    )
    for a, b in zip(one.steps, other.steps, strict=True):
        assert a.place == b.place and [w for w, _ in a.top] == [w for w, _ in b.top]
        assert a.log_prob == pytest.approx(b.log_prob, abs=tolerance)
        np.testing.assert_allclose([p for _, p in a.top], [p for _, p in b.top], atol=tolerance)
        if a.alpha is not None and b.alpha is not None:
            np.testing.assert_allclose(a.alpha, b.alpha, atol=tolerance)
            assert a.beta == pytest.approx(b.beta, abs=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_holds_together(tiny_captioners, photos, name):
    captioner = tiny_captioners[name]
    for trace, picture in zip(captioner.caption_many(photos), photos, strict=True):
        assert (trace.model, trace.attention, trace.picture) == (name, captioner.attention, picture.digest)
        assert trace.context == {"soft-tiny": "expected", "hard-tiny": "argmax"}.get(name)
        assert 0 < len(trace.words) <= 8 and set(trace.words) <= set(captioner.vocabulary.words[4:])
        for step in trace.steps:
            assert step.log_prob <= 0
            assert dict(step.top)[step.word] == pytest.approx(np.exp(step.log_prob), rel=1e-4)
            assert [p for _, p in step.top] == sorted((p for _, p in step.top), reverse=True)
            if captioner.attention == "none":
                assert (step.alpha, step.place, step.beta, step.entropy) == (None, None, None, None)
                continue
            assert step.alpha.shape == (14, 14) and step.alpha.sum() == pytest.approx(1, abs=1e-5)
            assert 0 < step.beta < 1 and 0 < step.entropy <= np.log(196) + 1e-6
            if name == "hard-tiny":
                assert step.alpha[step.place] == step.alpha.max()
                assert step.glimpse.sum() == step.glimpse[step.place] == 1
            else:
                assert step.place is None and step.glimpse is step.alpha


@pytest.fixture(scope="module")
def raw(tiny_captioners, photos) -> list[torch.Tensor]:
    """The annotations of the photographs, each (1, L, D): the three models share their encoder."""
    return [tiny_captioners["soft-tiny"].annotate([photo]) for photo in photos]


def test_a_batch_of_annotations_is_its_pictures_one_by_one(tiny_captioners, photos, raw):
    torch.testing.assert_close(tiny_captioners["hard-tiny"].annotate(photos), torch.cat(raw), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("decoding", WAYS, ids=lambda d: f"{d.method}-{d.context}")
def test_a_batch_of_captions_is_its_pictures_one_by_one(tiny_captioners, raw, name, decoding):
    captioner = tiny_captioners[name]
    together = captioner.caption_annotations(torch.cat(raw), decoding)
    for trace, one in zip(together, raw, strict=True):
        assert_close(trace, captioner.caption_annotations(one, decoding)[0])


@pytest.mark.parametrize("name", NAMES)
def test_pictures_in_a_batch_are_captioned_as_they_are_alone(tiny_captioners, photos, name):
    captioner = tiny_captioners[name]
    for trace, photo in zip(captioner.caption_many(photos), photos, strict=True):
        assert_close(trace, captioner.caption(photo))


def test_no_pictures(tiny_captioners):
    assert tiny_captioners["soft-tiny"].caption_many([]) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_makes_sampling_repeatable(tiny_captioners, raw, name):
    captioner, raw = tiny_captioners[name], raw[0]
    decoding = Decoding(method="sample", context="sample", max_words=8, seed=4)
    (first,), (again,) = (captioner.caption_annotations(raw, decoding) for _ in range(2))
    assert_close(again, first, tolerance=0)
    seeds = [decoding.model_copy(update={"seed": seed}) for seed in range(5, 10)]
    others = [captioner.caption_annotations(raw, way)[0] for way in seeds]
    assert any(other.words != first.words for other in others)
    if name == "hard-tiny":
        assert all(step.place is not None for other in others for step in other.steps)


def test_eight_threads_get_what_one_gets(tiny_captioners, photos):
    jobs = [(name, photo) for name in ("soft-tiny", "hard-tiny") for photo in photos[:2]]
    alone = [tiny_captioners[name].caption(photo) for name, photo in jobs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: tiny_captioners[job[0]].caption(job[1]), jobs * 2))
    for trace, expected in zip(together, alone * 2, strict=True):
        assert_close(trace, expected, tolerance=0)


@pytest.mark.parametrize("name", NAMES)
def test_reading_a_caption_gives_the_numbers_of_writing_it(tiny_captioners, raw, name):
    captioner = tiny_captioners[name]
    decoding = GREEDY.model_copy(update={"max_words": 30})
    for one in raw:
        (written,) = captioner.caption_annotations(one, decoding)
        read = captioner.read(one, written.words)
        assert read.words == written.words and read.context == written.context
        for a, b in zip(read.steps, written.steps, strict=True):
            assert a.log_prob == pytest.approx(b.log_prob, abs=1e-5) and a.place == b.place
            if a.alpha is not None:
                np.testing.assert_allclose(a.alpha, b.alpha, atol=1e-6)
        if written.end_log_prob is not None:
            assert read.log_prob == pytest.approx(written.log_prob, abs=1e-4)
        else:
            assert read.end_log_prob is not None  # it is asked what ending would have cost


@pytest.mark.parametrize("name", NAMES)
def test_a_beam_of_captions_that_ended_is_read_with_the_same_total(tiny_captioners, raw, name):
    captioner, raw = tiny_captioners[name], raw[0]
    (written,) = captioner.caption_annotations(raw, WAYS[1])
    assert written.end_log_prob is not None
    assert captioner.read(raw, written.words).log_prob == pytest.approx(written.log_prob, abs=1e-4)


def test_any_caption_can_be_read_even_with_words_that_are_never_written(tiny_captioners, raw):
    captioner, raw = tiny_captioners["soft-tiny"], raw[0]
    trace = captioner.read(raw, ["a", "zebra", "runs"])
    assert trace.words == ["a", "<unk>", "runs"]
    assert np.isfinite([step.log_prob for step in trace.steps]).all() and trace.end_log_prob is not None
    nothing = captioner.read(raw, [])
    assert nothing.words == [] and nothing.end_log_prob is not None and nothing.alphas is None


def test_the_tree_of_a_search_holds_the_winner(tiny_captioners, photo):
    trace = tiny_captioners["soft-tiny"].caption(photo, WAYS[1], tree=True)
    ends = [node for node in trace.tree if node.score is not None]
    best = max(ends, key=lambda node: node.score)
    assert best.total == pytest.approx(trace.log_prob, abs=1e-4)
    words, node = [], best
    while node.parent >= 0:
        node = trace.tree[node.parent]
        words.insert(0, node.word)
    assert words == trace.words


def test_other_weights_of_the_encoder_are_refused(tiny_captioners, encoder):
    captioner = tiny_captioners["soft-tiny"]
    changed = captioner.config.model_copy(update={"encoder_fingerprint": "0123456789abcdef"})
    decoder = type(captioner.decoder)(changed)
    with pytest.raises(UserError, match="trained on other weights of tf_efficientnet_lite2 than are installed"):
        Captioner(decoder, captioner.vocabulary, encoder)


def test_a_model_without_an_encoder_loads_it_when_it_is_needed(tiny_captioners, photo, encoder):
    known = tiny_captioners["soft-tiny"]
    captioner = Captioner(known.decoder, known.vocabulary, None)
    assert_close(captioner.caption(photo), known.caption(photo), tolerance=0)
    assert captioner.encoder is encoder


def test_squares_of_another_size_are_refused(tiny_captioners, photo):
    with pytest.raises(UserError, match="reads pictures of 224 pixels"):
        tiny_captioners["soft-tiny"].caption(from_array(photo.display, size=192))


def test_loading_by_name_and_by_path(tiny, tiny_captioners, photo):
    for captioner in (sat.load("soft-tiny"), load(tiny / "soft-tiny"), load(str(tiny / "soft-tiny"))):
        assert captioner.encoder is shared_encoder("tf_efficientnet_lite2")
        assert_close(captioner.caption(photo), tiny_captioners["soft-tiny"].caption(photo), tolerance=0)
    with pytest.raises(UserError, match="There is no model 'soft-tinny'"):
        load("soft-tinny")


def test_captioning_leaves_torchs_own_dice_alone(tiny_captioners, photo):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    tiny_captioners["hard-tiny"].caption(photo, Decoding(method="sample", context="sample", seed=9))
    assert torch.equal(torch.rand(3), expected)
