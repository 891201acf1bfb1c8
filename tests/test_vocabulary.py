"""Words to ids and back, and vocabulary files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat.errors import UserError
from sat.vocabulary import END, PAD, SPECIALS, START, UNKNOWN, Vocabulary


def test_words_are_ordered_by_count_then_alphabet():
    captions = [["a", "dog", "runs"], ["a", "cat", "runs"], ["a", "bird"]]
    assert Vocabulary.build(captions, 1).words == (*SPECIALS, "a", "runs", "bird", "cat", "dog")
    assert Vocabulary.build(captions, 2).words == (*SPECIALS, "a", "runs")


def test_unknown_words_and_special_tokens():
    vocabulary = Vocabulary([*SPECIALS, "a", "dog"])
    assert vocabulary.encode(["a", "zebra", "dog"]) == [4, UNKNOWN, 5]
    assert vocabulary.decode([START, 4, UNKNOWN, 5, END, PAD]) == ["a", "<unk>", "dog"]
    assert len(vocabulary) == 6 and "dog" in vocabulary and "zebra" not in vocabulary


@given(st.lists(st.text(min_size=1, max_size=6).filter(lambda w: w not in SPECIALS), unique=True, max_size=8))
def test_files_keep_every_word(tmp_path_factory, words):
    path = tmp_path_factory.getbasetemp() / "vocabulary.json"
    vocabulary = Vocabulary([*SPECIALS, *words])
    vocabulary.save(path)
    loaded = Vocabulary.load(path)
    assert loaded.words == vocabulary.words and loaded.digest == vocabulary.digest
    assert loaded.decode(loaded.encode(words)) == words


def test_the_digest_tells_orders_apart():
    digests = {Vocabulary([*SPECIALS, *words]).digest for words in (["a", "b"], ["b", "a"], ["ab"], ["a"])}
    assert len(digests) == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"{}",
        b'["a", "b"]',
        b'["<pad>", "<start>", "<end>", "<unk>", 3]',
        b"[" * 100_000,
        b"null",
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "vocabulary.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        Vocabulary.load(tmp_path / "vocabulary.json")
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(UserError, match="does not exist"):
        Vocabulary.load(tmp_path / "vocabulary.json")


def test_a_word_twice():
    with pytest.raises(UserError, match="holds a word twice"):
        Vocabulary([*SPECIALS, "a", "a"])
