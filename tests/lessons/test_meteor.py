"""METEOR worked out from its counts, the same as METEOR's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from sat.errors import UserError
from sat.lessons.chapters import scores
from sat.lessons.meteor import Statistics, work

from .slow import scene_of

PAIRS = [
    ("a dog runs on the grass", ["a dog runs on the grass"]),
    ("a dog runs on the green grass .", ["the brown dog is running on grass", "a puppy jumps"]),
    ("the man is sitting on a bench in the park", ["a gentleman sits on the bench", "in the park a man sat down"]),
    ("two children playing football", ["two kids play soccer in a field"]),
    ("the of the a", ["a the in of"]),
    ("the dog", ["the dog runs"]),
    ("grass green the on dog a", ["a dog on the green grass"]),
    ("red", ["a blue ball"]),
]


@pytest.fixture(scope="module")
def program() -> Iterator[Statistics]:
    with Statistics() as running:
        yield running


def test_the_score_follows_from_the_counts(program):
    for caption, references in PAIRS:
        found = work(program.of(caption, references))
        assert 100 * found.score == pytest.approx(program.score([references], [caption]), abs=1e-6)


def test_counts_by_hand(program):
    same = work(program.of(*PAIRS[0]))
    assert (same.precision, same.recall, same.penalty, same.score) == (1, 1, 0, 1)
    assert same.caption_words == (3, 3) and same.matched == 6  # dog, runs, grass; a, on, the
    nothing = work(program.of(*PAIRS[-1]))
    assert nothing.score == nothing.precision == nothing.chunks == 0


def test_a_line_that_is_no_statistics_is_refused():
    for wrong in ("", "1 2 3", "a b", " ".join(["x"] * 23)):
        with pytest.raises(UserError, match="no line of METEOR"):
            work(wrong)


def test_no_references_are_refused(program):
    for wrong in ([], [""], ["a", " ||| "]):
        with pytest.raises(UserError, match="captions by people"):
            program.of("a dog", wrong)


def test_the_screen_shows_these_numbers(program, monkeypatch):
    monkeypatch.setattr(scores, "Statistics", lambda: nullcontext(program))  # one that is running already
    scene = scene_of(references=("a dog runs", "the cat sits on red"))
    found, want = scores.meteor(scene), work(program.of(scene.trace.caption, list(scene.references)))
    assert found.number("score") == want.score and found.number("chunks") == want.chunks
