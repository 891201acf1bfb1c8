from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat.data.dataset import SPLITS
from sat.data.folder import hash_split, load, read_captions_csv
from sat.errors import UserError

CELLS = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), min_size=1, max_size=30)
ROWS = st.lists(st.tuples(CELLS.map(str.strip).filter(bool), CELLS.map(str.strip).filter(bool)), min_size=1, max_size=8)


def written(header: list[str], rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([header, *rows])
    return text.getvalue()


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "captions.csv"
    path.write_text(written(["image", "caption"], rows), encoding="utf-8")
    captions, splits, lines, problems = read_captions_csv(path)
    assert problems == [] and splits == {}
    assert captions == {image: [text for name, text in rows if name == image] for image, _ in rows}
    assert lines == {image: [name for name, _ in rows].index(image) + 2 for image, _ in rows}


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([b"", b"image,caption\n", b"image,caption,split\n"]), st.binary(max_size=200))
def test_garbage_is_a_user_error_or_reported(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    (folder / "captions.csv").write_bytes(header + content)
    try:
        dataset = load(folder)
    except UserError as error:
        assert str(folder) in str(error)
    else:
        assert dataset.examples == ()  # there are no pictures
        assert dataset.problems


def test_quotes_mark_blank_lines_and_splits(tmp_path: Path, make_picture) -> None:
    for seed, name in enumerate(["a.png", "images/b.png", "sub/c.png"]):
        make_picture(tmp_path / name, seed)
    (tmp_path / "captions.csv").write_text(
        "\ufeffImage, Caption, Split\r\n"
        'a.png,"A dog, a ball and a ""friend"".",train\r\n'
        "\r\n"
        "a.png,Another caption,train\r\n"
        "b.png,In the folder images,val\r\n"
        "sub/c.png,In a folder of its own,TEST\r\n",
        encoding="utf-8",
        newline="",
    )
    dataset = load(tmp_path)
    assert dataset.problems == ()
    assert [(e.name, e.split, e.captions) for e in dataset.examples] == [
        ("a.png", "train", ('A dog, a ball and a "friend".', "Another caption")),
        ("b.png", "dev", ("In the folder images",)),
        ("sub/c.png", "test", ("In a folder of its own",)),
    ]
    assert [e.path.is_file() for e in dataset.examples] == [True] * 3


def test_malformed_rows_are_reported_and_the_rest_is_read(tmp_path: Path, make_picture) -> None:
    folder = tmp_path / "mine"
    make_picture(folder / "a.png")
    make_picture(tmp_path / "secret.png")
    path = folder / "captions.csv"
    path.write_text(
        "image,caption,split\n"
        "a.png,Good,train\n"
        "a.png\n"
        'a.png,"never closed,train\n'
        "a.png,No such split,middle\n"
        "a.png,In two splits,test\n"
        ",No picture,train\n"
        "a.png,  ,train\n"
        "gone.png,A picture that is not there,dev\n"
        "../secret.png,Outside the folder,dev\n"
        f"{'x' * 400}.png,A name that no disk can hold,dev\n"
        "a.png,Good too,train\n",
        encoding="utf-8",
    )
    dataset = load(folder)
    assert [(e.name, e.captions) for e in dataset.examples] == [("a.png", ("Good", "Good too"))]
    assert sorted(int(p.split(":")[1]) for p in dataset.problems) == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert all(problem.startswith(f"{path}:") for problem in dataset.problems)


def test_hash_split_is_80_10_10_and_steady() -> None:
    counts = Counter(hash_split(f"picture{i}.jpg") for i in range(5000))
    assert set(counts) == set(SPLITS)
    assert [round(counts[split] / 5000, 1) for split in SPLITS] == [0.8, 0.1, 0.1]
    here = [hash_split(f"{i}.jpg") for i in range(4)]
    assert here == ["train", "train", "test", "train"]  # on every machine, for good


@pytest.mark.parametrize("content", ["", "\n", "picture;text\n", "image,caption,split,more\n", '"image,caption\n'])
def test_wrong_header(tmp_path: Path, content: str) -> None:
    (tmp_path / "captions.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"captions.csv:1: the first line should be 'image,caption'"):
        load(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load(tmp_path / "none")
    with pytest.raises(UserError, match=r"captions.csv does not exist"):
        load(tmp_path)
    (tmp_path / "captions.csv").write_text("image,caption\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds no captions"):
        load(tmp_path)
