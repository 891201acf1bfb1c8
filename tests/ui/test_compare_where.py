"""Which word a visitor is at when two captions step together and either of them changes."""

from __future__ import annotations

import numpy as np
import pytest

from sat.analysis.compare import compare
from sat.images import from_array
from sat.trace import Step, Trace
from sat.ui.compare import Both
from sat.ui.compare_where import Where, word_at

PICTURE = from_array(np.zeros((8, 8, 3), np.uint8))


def trace_of(words: str, model: str) -> Trace:
    steps = tuple(Step(word, -1.0, None, None, None, None, ()) for word in words.split())
    return Trace(model, "none", None, {}, PICTURE.digest, steps, -1.0)


def both_of(first: str, second: str, *, same_text: bool = False) -> Both:
    traces = (trace_of(first, "one"), trace_of(second, "two"))
    found = compare(*traces, same_text=same_text)
    return Both(PICTURE, ("one", "two"), ("One", "Two"), traces, found, same_text, "")


def at(both: Both, where: Where) -> list[str | None]:
    """The words of the pair that is looked at."""
    return [None if step is None else step.word for step in both.steps(where.at)]


def begun(both: Both, asked: int | None = None) -> Where:
    where = Where()
    where.begin(both, (None, None), asked)
    return where


def test_it_begins_with_the_first_word_that_names_something():
    both = both_of("a dog runs", "a red dog runs")
    where = begun(both)
    assert where.starts == (1, 2) and at(both, where) == ["dog", "dog"]


@pytest.mark.parametrize(("asked", "starts"), [(0, (0, 0)), (2, (2, 3)), (500, (2, 3))])
def test_it_begins_where_a_link_says(asked, starts):
    assert begun(both_of("a dog runs", "a red dog runs"), asked).starts == starts


def test_the_player_that_moved_says_which_pair():
    both = both_of("a dog runs", "a red dog runs")
    where = begun(both)
    where.follow(both, (2, 3))  # both went on
    assert at(both, where) == ["runs", "runs"]
    where.follow(both, (2, 1))  # only the second has this word
    assert at(both, where) == [None, "red"]
    where.follow(both, (2, 1))  # the page ran again for something else
    assert at(both, where) == [None, "red"]
    where.follow(both, (0, 1))  # the first has reported, the second is on its way
    where.follow(both, (0, 0))
    assert at(both, where) == ["a", "a"]


def test_a_caption_that_stays_keeps_its_word():
    before, after = both_of("a dog runs fast", "a dog runs"), both_of("a dog runs fast", "the big dog runs")
    where = begun(before)
    where.begin(after, (2, None))  # the first player has moved to this word, and its caption stays
    assert where.starts == (2, 3) and at(after, where) == ["runs", "runs"]
    turned = both_of("one small dog runs", "the big dog runs")  # now the second stays, where it was put
    where.begin(turned, (None, None))
    assert where.starts == (3, 3) and at(turned, where) == ["runs", "runs"]


def test_what_a_player_last_reported_still_stands():
    """The browser says nothing when a caption is shown again, so its last word about it is believed."""
    both = both_of("a dog runs fast", "a dog runs")
    where = begun(both)
    where.begin(both_of("a cat", "the cat"), (None, None))
    assert where.starts == (1, 1)
    where.begin(both, (3, 2))
    assert where.starts == (3, 2) and at(both, where) == ["fast", None]


@pytest.mark.parametrize(("steps", "words"), [((2, 1), [None, "red"]), ((2, 3), ["runs", "runs"])])
def test_of_two_that_moved_at_once_the_one_that_went_alone_was_the_last(steps, words):
    both = both_of("a dog runs", "a red dog runs")
    where = begun(both)
    where.follow(both, steps)
    assert at(both, where) == words


@pytest.mark.parametrize(("first", "second"), [("", "a dog"), ("a dog", ""), ("", "")])
def test_captions_without_words(first, second):
    both = both_of(first, second)
    where = begun(both, 3)
    for side, words in enumerate((first.split(), second.split())):
        assert 0 <= where.starts[side] <= max(len(words) - 1, 0)
    where.follow(both, where.starts)
    assert where.at < max(len(both.pairs), 1)


def test_one_text_read_twice_is_another_thing_than_two_captions():
    apart, same = both_of("a dog", "dog a"), both_of("a dog", "dog a", same_text=True)
    assert apart.traces[0].identity == same.traces[0].identity
    where = begun(apart)
    where.begin(same, (None, None))
    assert where.same_text and where.at == where.starts[0] == 1


def test_word_at_is_the_word_of_a_pair_or_the_one_before():
    assert [word_at([1, 2, 5], at) for at in range(7)] == [0, 0, 1, 1, 1, 2, 2]
    assert word_at([], 3) == 0
