from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat.data.token_file import read_lines, read_token_file
from sat.data.tokens import tokenize
from sat.errors import UserError

NAMES = st.text(st.characters(blacklist_characters="\t\n\r#", blacklist_categories=["Cs"]), min_size=1, max_size=20)
CAPTIONS = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), min_size=1, max_size=40)
FILES = st.dictionaries(
    NAMES.filter(lambda name: not name.startswith("\ufeff")),  # a byte order mark at the start of a file is no text
    st.lists(CAPTIONS.map(str.strip).filter(bool), min_size=1, max_size=6),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(FILES)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, captions: dict[str, list[str]]) -> None:
    path = tmp_path_factory.mktemp("tokens") / "captions.token"
    lines = [f"{name}#{k}\t{text}\n" for name, texts in captions.items() for k, text in enumerate(texts)]
    path.write_text("".join(lines), encoding="utf-8")
    read, problems = read_token_file(path)
    assert problems == []
    assert read == {name: tuple(texts) for name, texts in captions.items()}


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_a_user_error_or_reported(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "captions.token"
    path.write_bytes(content)
    try:
        read, _ = read_token_file(path)
    except UserError as error:
        assert str(path) in str(error)
    else:
        assert all(texts and all(text.strip() for text in texts) for texts in read.values())


def test_malformed_lines_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "captions.token"
    path.write_text(
        "\ufeffa.jpg#1\tSecond .\n"
        "a.jpg#0\tFirst .\r\n"
        "\n"
        "no index\tcaption\n"
        "a.jpg#0\tAgain .\n"
        "b.jpg#0\t   \n"
        f"b.jpg#{'9' * 5000}\tA number that is too long .\n"
        "b.jpg#0\tLast line without an end",
        encoding="utf-8",
    )
    captions, problems = read_token_file(path)
    assert captions == {"a.jpg": ("First .", "Second ."), "b.jpg": ("Last line without an end",)}
    assert [problem.split(": ")[0] for problem in problems] == [f"{path}:{n}" for n in (4, 5, 6, 7)]
    assert "a second caption #0 for a.jpg" in problems[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "holds no captions"), (b"\xff\xfe\x00", "not UTF-8"), (b"only text\n", "holds no captions")],
)
def test_unusable_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "captions.token"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_token_file(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_token_file(tmp_path / "none.token")
    with pytest.raises(UserError, match="cannot be read"):
        read_token_file(tmp_path)


def test_lines_are_cut_at_line_ends_only(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("one\u2028still one\x0cand still\r\ntwo\n", encoding="utf-8", newline="")
    assert read_lines(path) == ["one\u2028still one\x0cand still", "two"]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A child in a pink dress .", ["a", "child", "in", "a", "pink", "dress"]),
        ("The dog 's T-shirt isn't \" red \" !", ["the", "dog", "'s", "t-shirt", "isn't", "red"]),
        ("A U.S. flag , 2 men", ["a", "u.s", "flag", "2", "men"]),
        (" . , ; ", []),
    ],
)
def test_tokenize(caption: str, words: list[str]) -> None:
    assert tokenize(caption) == words
