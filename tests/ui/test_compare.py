"""What two models read, and what is said where they cannot."""

from __future__ import annotations

import pytest

from sat.analysis.compare import align, compare
from sat.captioner import load
from sat.errors import UserError
from sat.ui.compare import MAX_WORDS, default_models, read_both, typed_words, unknown_words
from sat.ui.samples import read_sample

NAMES, LABELS = ("soft-tiny", "hard-tiny"), ("Soft attention", "Hard attention")


@pytest.fixture
def picture(tiny):
    return read_sample("cat")


def test_each_its_own_caption_is_aligned(picture):
    both = read_both(picture, NAMES, LABELS)
    own = [load(name).caption(picture) for name in NAMES]
    assert [t.words for t in both.traces] == [t.words for t in own] and not both.same_text
    pairs = align(own[0].words, own[1].words)
    assert [(p.first, p.second) for p in both.pairs] == pairs
    assert both.positions == (
        [at for at, (i, _) in enumerate(pairs) if i is not None],
        [at for at, (_, j) in enumerate(pairs) if j is not None],
    )
    for at, (i, j) in enumerate(pairs):
        first, second = both.steps(at)
        assert (first is None) == (i is None) and (second is None) == (j is None)
        if first is not None:
            assert first.word == own[0].words[i]


@pytest.mark.parametrize("text", ["first", "second", "typed"])
def test_both_read_the_same_words(picture, text):
    both = read_both(picture, NAMES, LABELS, text, "A dog, in the GRASS!")
    expected = {
        "first": lambda: load(NAMES[0]).caption(picture).words,
        "second": lambda: load(NAMES[1]).caption(picture).words,
        "typed": lambda: "a dog in the grass".split(),
    }[text]()
    assert [t.words for t in both.traces] == [expected, expected] and both.same_text
    assert both.positions == (list(range(len(expected))),) * 2
    read = [load(name).read(load(name).annotate([picture]), expected, picture=picture.digest) for name in NAMES]
    assert [t.log_prob for t in both.traces] == pytest.approx([t.log_prob for t in read])
    assert both.comparison.divergence == pytest.approx(compare(*read, same_text=True).divergence)


def test_the_same_model_twice_is_said(picture):
    both = read_both(picture, (NAMES[0], NAMES[0]), (LABELS[0], LABELS[0]))
    assert "same model" in both.note and both.comparison.divergence == pytest.approx(0, abs=1e-9)
    assert not read_both(picture, NAMES, LABELS).note


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Type a sentence"),
        (" ?! ", "Type a sentence"),
        ("a dog " * MAX_WORDS, f"{2 * MAX_WORDS} words: use at most {MAX_WORDS}"),
        ("a zebra", "Neither model knows “zebra”: use other words."),
        ("a zebra and a gnu", "Neither model knows “zebra”, “and” and “gnu”: use other words."),
        ("b c d e f g", "“b”, “c”, “d”, “e” and 2 more"),
        ("x" * 200, "“" + "x" * 24 + "…”"),
    ],
)
def test_a_typed_text_that_cannot_be_read_is_one_sentence(tiny, text, said):
    with pytest.raises(UserError) as error:
        typed_words(text, NAMES, LABELS)
    assert said in str(error.value) and len(str(error.value)) < 200


def test_a_word_that_one_model_does_not_know(tiny, monkeypatch):
    """The tiny models share their words, so one of them is made to forget some."""
    from sat.ui import compare as page

    monkeypatch.setattr(page, "unknown_words", lambda words, name: ["dog"] * (name == "hard-tiny"))
    with pytest.raises(UserError, match="^Hard attention does not know “dog”: use other words.$"):
        typed_words("a dog", NAMES, LABELS)
    both = read_both(read_sample("cat"), NAMES, LABELS, "first")
    assert both.note == "Hard attention does not know “dog” and reads an unknown word there."
    assert not read_both(read_sample("cat"), NAMES, LABELS, "second").note  # it wrote these itself


def test_words_are_looked_up_once_each(tiny):
    assert unknown_words("a zebra sees a zebra".split(), "soft-tiny") == ["zebra", "sees"]


def test_soft_over_hard_unless_there_is_no_such_pair(tiny):
    assert default_models(["soft-tiny", "hard-tiny", "none-tiny"]) == ("soft-tiny", "hard-tiny")
    assert default_models(["none-tiny", "hard-tiny", "soft-tiny"]) == ("soft-tiny", "hard-tiny")
    assert default_models(["hard-tiny", "none-tiny"]) == ("hard-tiny", "none-tiny")
    assert default_models(["none-tiny", "soft-tiny"]) == ("soft-tiny", "none-tiny")
