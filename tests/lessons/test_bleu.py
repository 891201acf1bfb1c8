"""BLEU by hand, and the same as the library's."""

from __future__ import annotations

import dataclasses
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat.errors import UserError
from sat.lessons.bleu import bleu
from sat.lessons.chapters.scores import EXAMPLE, EXAMPLE_REFERENCES, brevity, ngrams, protocols

from .slow import scene_of

sentences = st.lists(st.sampled_from("a dog the runs on grass".split()), min_size=1, max_size=9)


def test_bleu_by_hand():
    found = bleu("a dog runs on the the grass".split(), [r.split() for r in EXAMPLE_REFERENCES])
    one, two, three, four = found.orders
    # "grass" is in the second only, "the" once in the first, all else in the first: 6 of 7.
    assert (one.right, one.total) == (6, 7)
    assert {r.ngram: (r.count, r.most, r.clipped) for r in one.rows}["the"] == (2, 1, 1)
    assert [r.ngram for r in two.rows if r.clipped] == ["a dog", "dog runs", "runs on", "on the"]
    assert (two.right, two.total, three.right, three.total, four.right, four.total) == (4, 6, 2, 5, 1, 4)
    assert (found.length, found.closest, found.brevity_penalty) == (7, 7, 1.0)
    assert found.scores == pytest.approx(
        [product ** (1 / n) for n, product in enumerate((6 / 7, 4 / 7, 8 / 35, 2 / 35), start=1)]
    )


def test_short_captions_are_punished():
    found = bleu(["a", "dog"], [["a", "dog", "runs"], ["a", "dog", "runs", "on", "grass"]])
    assert found.closest == 3 and found.brevity_penalty == pytest.approx(exp(-0.5))
    assert found.scores[0] == pytest.approx(exp(-0.5)) and found.orders[2].precision == 0
    # Of two references as near in length the shorter counts.
    assert bleu(["a"] * 4, [["a"] * 5, ["a"] * 3]).closest == 3
    empty = bleu([], [["a"]])
    assert empty.scores == (0, 0, 0, 0) and empty.brevity_penalty == 0


@given(sentences, st.lists(sentences, min_size=1, max_size=3))
def test_bleu_equals_the_librarys(caption, references):
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=4)
    scorer += (" ".join(caption), [" ".join(r) for r in references])
    library, _ = scorer.compute_score(option="closest")
    found = bleu(caption, references)
    for n, (mine, theirs) in enumerate(zip(found.scores, library, strict=True), start=1):
        if all(o.right for o in found.orders[:n]):
            assert mine == pytest.approx(theirs, rel=1e-6)
        else:  # where nothing is right the library has a tiny number in place of zero
            assert mine == 0 and theirs < 0.04


def test_no_references_are_refused():
    for wrong in ([], [[]], [["a"], []]):
        with pytest.raises(UserError, match="captions by people"):
            bleu(["a"], wrong)


def test_the_screens_work_on_the_references_or_on_an_example():
    example = ngrams(scene_of())
    assert example.facts["caption"] == EXAMPLE and example.number("right1") == 6
    scene = scene_of(references=("A Dog runs.", "...", "the cat sits"))
    own = ngrams(scene)
    want = bleu(scene.trace.words, [["a", "dog", "runs"], ["the", "cat", "sits"]])
    assert own.number("references") == 2 and own.facts["caption"] == scene.trace.caption
    assert [own.number(f"right{n}") for n in (1, 2, 3, 4)] == [o.right for o in want.orders]
    assert brevity(scene).number("penalty") == want.brevity_penalty
    assert brevity(scene).number("bleu2") == want.scores[1]


def test_two_protocols_by_hand():
    """A caption of 4 words against one of 6: today exp(-1/2) of what it has right, then nothing is taken off."""
    scene = scene_of(references=("a dog runs on the grass",))
    written = [
        dataclasses.replace(step, word=word)
        for step, word in zip(scene.trace.steps * 4, "a dog runs on".split(), strict=False)
    ]
    scene = dataclasses.replace(scene, trace=dataclasses.replace(scene.trace, steps=tuple(written)))
    found = protocols(scene)
    assert found.number("one_today") == pytest.approx(exp(1 - 6 / 4)) and found.number("one_paper") == 1
    assert found.number("today") == pytest.approx(exp(1 - 6 / 4))
    four = (1 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25  # "on ." is in no reference, nor what it ends
    assert found.number("paper") == pytest.approx(four) and found.facts["more"]
    assert protocols(scene_of()).facts["caption"] == EXAMPLE
