"""Answers of a class."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sat.errors import UserError
from sat.lessons.tally import MAX_QUESTIONS, MAX_VOTERS, Tally


def test_answers_are_counted_once_a_voter():
    tally = Tally()
    assert tally.counts("q", 3) == (0, 0, 0)
    assert tally.vote("q", "ann", 0, 3) == (1, 0, 0)
    assert tally.vote("q", "bob", 2, 3) == (1, 0, 1)
    assert tally.vote("q", "ann", 2, 3) == (0, 0, 2)  # she changed her mind
    assert tally.vote("other", "ann", 1, 2) == (0, 1)
    assert tally.answer("q", "ann") == 2 and tally.answer("q", "eve") is None and tally.answer("?", "ann") is None
    assert tally.counts("q", 2) == (0, 0)  # of a question that has fewer answers now


def test_one_question_or_all_are_reset():
    tally = Tally()
    for question in ("one", "two", "three"):
        tally.vote(question, "ann", 0, 2)
    tally.reset("two")
    tally.reset("never asked")
    assert [tally.counts(q, 2) for q in ("one", "two", "three")] == [(1, 0), (0, 0), (1, 0)]
    tally.reset()
    assert tally.counts("one", 2) == tally.counts("three", 2) == (0, 0)


def test_what_is_no_answer_is_refused():
    for option in (-1, 2):
        with pytest.raises(UserError, match="choose one"):
            Tally().vote("q", "ann", option, 2)


def test_a_class_is_forgotten_and_no_other():
    tally = Tally()
    for question in ("blue/hard/bound", "blue/lstm/keep", "bluegreen/lstm/keep"):
        tally.vote(question, "ann", 0, 2)
    tally.forget("blue/")
    assert tally.counts("blue/hard/bound", 2) == tally.counts("blue/lstm/keep", 2) == (0, 0)
    assert tally.counts("bluegreen/lstm/keep", 2) == (1, 0)


def test_memory_is_bounded():
    tally = Tally()
    for i in range(MAX_QUESTIONS + 5):
        tally.vote(f"q{i}", "ann", 0, 2)
        tally.vote("kept", "ann", 1, 2)
    assert tally.counts("q0", 2) == (0, 0) and tally.counts("kept", 2) == (0, 1)
    assert sum(tally.counts(f"q{i}", 2) == (1, 0) for i in range(MAX_QUESTIONS + 5)) == MAX_QUESTIONS - 1
    for i in range(MAX_VOTERS):
        tally.vote("many", str(i), i % 2, 2)
    with pytest.raises(UserError, match="as many as are counted"):
        tally.vote("many", "one more", 0, 2)
    assert tally.vote("many", "7", 0, 2) == (MAX_VOTERS // 2 + 1, MAX_VOTERS // 2 - 1)  # who voted may still change


def test_a_class_votes_at_the_same_moment():
    tally = Tally()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: tally.vote("q", str(i % 500), i % 4, 4), range(4000)))
    assert tally.counts("q", 4) == (125, 125, 125, 125)
