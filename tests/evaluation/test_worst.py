"""The worst captions of an evaluation: how they are ranked, written again, and which word is shown."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sat.captioner import Captioner
from sat.data.dataset import Dataset
from sat.data.entities import ALIGNED_FILE, AlignedPicture, write_aligned
from sat.errors import UserError
from sat.evaluation.captions import quick_scores
from sat.evaluation.worst import (
    Ranked,
    Record,
    Recorded,
    RecordedDecoding,
    as_published,
    caption_again,
    ciders,
    named,
    read_evaluation,
    word_to_show,
    worst,
)
from sat.images import Picture
from sat.trace import Step, Trace

RECORDS = [
    Record(image="0.jpg", caption="a dog runs", references=["a dog runs", "a dog runs"]),
    Record(image="1.jpg", caption="two men sit", references=["a boat sails", "a ship at sea"]),
    Record(image="2.jpg", caption="", references=["some birds fly"]),
    Record(image="3.jpg", caption="a boat", references=["the cat sleeps"]),
    Record(image="4.jpg", caption="a boat sleeps", references=["Cats, asleep."]),
]


def trace_of(words: str, log_probs: list[float]) -> Trace:
    steps = (Step(w, p, None, None, None, None, ()) for w, p in zip(words.split(), log_probs, strict=True))
    return Trace("m", "none", None, {}, "", tuple(steps), 0.0)


def test_cider_is_that_of_the_scorer_picture_by_picture():
    found = ciders(RECORDS)
    assert found[0] > 500 and (found[1:] == 0).all()  # of 1000 at most; nothing else shares a rare n-gram
    references = {r.image: r.references for r in RECORDS}
    whole = quick_scores(references, {r.image: r.caption for r in RECORDS})["CIDEr"]
    assert found.mean() == pytest.approx(whole)


def test_cider_worked_by_hand():
    """One-word captions: only single words count, a match is the square of the word's share of the reference's norm."""
    records = [
        Record(image="a", caption="dog", references=["dog"]),
        Record(image="b", caption="dog", references=["cat cat"]),
        Record(image="c", caption="fish", references=["fish cat"]),
    ]
    # CIDEr-D: 10 / 4 for one of four orders; both words of "fish cat" weigh log 3 / (pictures that have them).
    fish, cat = math.log(3 / 1), math.log(3 / 2)
    cosine = fish**2 / (fish * math.hypot(fish, cat))
    length = math.exp(-((1 - 2) ** 2) / (2 * 6.0**2))  # of the difference in length, in bigrams
    expected = [100 * 2.5, 0.0, 100 * 2.5 * cosine * length]
    np.testing.assert_allclose(ciders(records), expected, rtol=1e-6)


def test_the_worst_come_first_in_the_order_of_the_split_and_with_words():
    assert [one.record.image for one in worst(RECORDS, 3)] == ["1.jpg", "3.jpg", "4.jpg"]
    assert [one.record.image for one in worst(RECORDS, 99)] == ["1.jpg", "3.jpg", "4.jpg", "0.jpg"]
    assert worst(RECORDS, 99)[-1].cider == ciders(RECORDS)[0]


def test_pictures_by_name():
    assert [(one.record.image, one.cider) for one in named(RECORDS, ["4.jpg", "0.jpg"])] == [
        ("4.jpg", 0.0),
        ("0.jpg", ciders(RECORDS)[0]),
    ]
    with pytest.raises(UserError, match="No picture called '5.jpg' was evaluated"):
        named(RECORDS, ["5.jpg"])
    with pytest.raises(UserError, match=r"caption of 2.jpg has no word"):
        named(RECORDS, ["2.jpg"])


@pytest.mark.parametrize(
    ("caption", "references", "shown"),
    [
        ("a dog chases two cats", ["A dog chases a bird."], "cats"),
        ("a dog chases two cats", ["Cats flee."], "dog"),  # the first of those that nobody said
        ("a dog chases two cats", ["A DOG, chases; cats!"], "chases"),  # all said: the least likely
        ("two of a", ["a dog"], "of"),  # nothing but words that name nothing
    ],
)
def test_the_word_to_show(caption, references, shown):
    trace = trace_of(caption, [-0.1, -0.5, -3.0, -9.0, -0.2][: len(caption.split())])
    if shown == "of":
        trace = trace_of(caption, [-0.1, -3.0, -0.2])
    assert trace.words[word_to_show(trace, references)] == shown


def recorded(captioner: Captioner, **decoding: object) -> Recorded:
    settings = {"context": captioner.config.default_context, "beam": 3, "length_norm": 0.7} | decoding
    return Recorded(model=captioner.name, decoding=RecordedDecoding.model_validate(settings))


@pytest.mark.parametrize("name", ["soft-tiny", "hard-tiny", "none-tiny"])
def test_captions_are_written_again_as_they_were(tiny_captioners, photos: list[Picture], name):
    captioner = tiny_captioners[name]
    for decoding, how in (
        (captioner.config.decoding, {}),
        (captioner.config.decoding.model_copy(update={"method": "greedy"}), {"beam": 1, "length_norm": 0.0}),
        (captioner.config.decoding.model_copy(update={"beam": 2, "length_norm": 0.0}), {"beam": 2, "length_norm": 0.0}),
    ):
        before = captioner.caption_annotations(captioner.annotate(photos).half(), decoding)
        ranked = [Ranked(Record(image=str(i), caption=t.caption, references=[]), 0.0) for i, t in enumerate(before)]
        again = caption_again(captioner, recorded(captioner, **how), ranked, photos)
        assert [t.caption for t in again] == [t.caption for t in before]
        assert [t.picture for t in again] == [p.digest for p in photos]
        assert again[0].decoding["method"] == decoding.method and again[0].decoding["beam"] == how.get("beam", 3)


def test_what_cannot_be_written_again_is_refused(tiny_captioners, photo: Picture):
    soft, hard = tiny_captioners["soft-tiny"], tiny_captioners["hard-tiny"]
    wrong = [Ranked(Record(image="a.jpg", caption="two zebras", references=[]), 0.0)]
    with pytest.raises(UserError, match=r"soft-tiny no longer writes .* for a.jpg .* then 'two zebras'.*evaluate it"):
        caption_again(soft, recorded(soft), wrong, [photo])
    with pytest.raises(UserError, match="is of soft-tiny, not of hard-tiny"):
        caption_again(hard, recorded(soft), wrong, [photo])
    with pytest.raises(UserError, match="sampled glimpses cannot be repeated"):
        caption_again(hard, recorded(hard, context="sample"), wrong, [photo])
    with pytest.raises(UserError, match="The recorded decoding: beam"):
        caption_again(soft, recorded(soft, beam=999), wrong, [photo])


def test_pictures_are_shown_in_their_published_shape(tmp_path: Path, photo: Picture):
    """Two pictures with boxes, one wider and one higher than the square, and one without."""
    sizes = {"wide.jpg": (500, 333), "high.jpg": (300, 500)}
    aligned = [
        AlignedPicture(image=name, split="test", width=w, height=h, boxes={}, captions=(), scene=(), nobox=())
        for name, (w, h) in sizes.items()
    ]
    write_aligned(tmp_path / ALIGNED_FILE, aligned)
    dataset = Dataset("flickr8k", tmp_path, ())
    names = [*sizes, "other.jpg"]
    wide, high, other = as_published([photo] * 3, names, dataset)
    assert wide.aspect == pytest.approx(500 / 333, abs=0.01) and wide.display.shape[0] == photo.display.shape[0]
    assert high.aspect == pytest.approx(300 / 500, abs=0.01) and high.display.shape[1] == photo.display.shape[1]
    assert other is photo and wide.digest == high.digest == photo.digest and wide.square is photo.square
    assert as_published([photo], ["wide.jpg"], Dataset("shapes", tmp_path / "nowhere", ())) == [photo]


def test_an_evaluation_is_read_with_all_that_it_holds_besides(tmp_path: Path):
    decoding = {"context": None, "beam": 5, "length_norm": 0.8}
    (tmp_path / "metrics.json").write_text(json.dumps({"model": "m", "decoding": decoding, "standard": {"BLEU-4": 1}}))
    line = {"image": "a.jpg", "caption": "é", "references": ["b"], "log_prob": -1.0}
    (tmp_path / "captions.jsonl").write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")
    found, records = read_evaluation(tmp_path)
    assert (found.model, found.decoding.beam, found.decoding.context) == ("m", 5, None)
    assert records == [Record(image="a.jpg", caption="é", references=["b"])]
    (tmp_path / "captions.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(UserError, match=r"captions.jsonl cannot be read"):
        read_evaluation(tmp_path)
    (tmp_path / "captions.jsonl").unlink()
    with pytest.raises(UserError, match=r"captions.jsonl does not exist: name a folder that"):
        read_evaluation(tmp_path)
