"""Whatever a message repeats, it is one line that can be shown."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from sat.errors import LONGEST, UserError


def test_an_ordinary_message_stays_as_it_is():
    assert str(UserError("a.jpg is empty: choose a picture file (JPEG).")) == (
        "a.jpg is empty: choose a picture file (JPEG)."
    )


def test_what_cannot_be_shown_is_replaced():
    assert str(UserError("a\nb\x1b[31m\u202e\ud800: é語🐕.")) == "a�b�[31m��: é語🐕."


def test_of_a_long_message_the_middle_is_left_out():
    said = str(UserError("x" * 10_000 + ": use another."))
    assert len(said) == LONGEST and said.startswith("xxx") and " … xxx" in said and said.endswith(": use another.")


@given(st.text(max_size=2000))
def test_every_message_is_one_short_line(text):
    said = str(UserError(text))
    assert said.isprintable() and len(said) <= LONGEST
    assert str(pickle.loads(pickle.dumps(UserError(text)))) == said
