from __future__ import annotations

import json
from pathlib import Path

import pytest

from sat.data.flickr30k import load, read_results_csv
from sat.errors import UserError


@pytest.fixture
def root(tmp_path: Path, make_picture) -> Path:
    """``flickr30k/`` with five pictures and the split lists of Entities, and no captions yet."""
    folder = tmp_path / "flickr30k"
    for i in range(5):
        make_picture(folder / "flickr30k-images" / f"{i}.jpg", i)
    (folder / "train.txt").write_text("3\n0\n9\n")
    (folder / "val.txt").write_text("1\n1\n")
    (folder / "test.txt").write_text("2")
    return tmp_path


def add_tokens(root: Path) -> None:
    lines = [f"{i}.jpg#{k}\tCaption {k} of {i} .\n" for i in range(5) for k in range(5)]
    (root / "flickr30k" / "results_20130124.token").write_text("".join(lines))


def add_csv(root: Path) -> None:
    lines = [f'{i}.jpg| {k}| Caption "{k}" | of {i} .\n' for i in range(5) for k in range(5)]
    (root / "flickr30k" / "results.csv").write_text(
        "image_name| comment_number| comment\n" + "".join(lines) + "4.jpg| 5   A row without its second bar .\n"
    )


def add_karpathy(root: Path) -> None:
    images = [
        {"filename": f"{i}.jpg", "split": split, "sentences": [{"raw": f"Karpathy's {i}"}]}
        for i, split in [(4, "test"), (2, "train"), (0, "val")]
    ]
    (root / "flickr30k" / "dataset_flickr30k.json").write_text(json.dumps({"images": images}))


def test_token_file_with_lists(root: Path) -> None:
    add_tokens(root)
    dataset = load(root)
    assert [(e.name, e.split) for e in dataset.examples] == [
        ("3.jpg", "train"),
        ("0.jpg", "train"),
        ("1.jpg", "dev"),
        ("2.jpg", "test"),
    ]
    assert dataset.examples[0].captions == tuple(f"Caption {k} of 3 ." for k in range(5))
    folder = root / "flickr30k"
    assert dataset.problems == (
        f"{folder / 'val.txt'}:2: 1.jpg is listed a second time",
        f"{folder / 'train.txt'}:3: 9.jpg has no captions",
    )


def test_csv_with_karpathys_split(root: Path) -> None:
    add_csv(root)
    add_karpathy(root)
    dataset = load(root)
    assert [(e.name, e.split) for e in dataset.examples] == [("4.jpg", "test"), ("2.jpg", "train"), ("0.jpg", "dev")]
    assert dataset.examples[0].captions == tuple(f'Caption "{k}" | of 4 .' for k in range(5))
    assert len(dataset.problems) == 1
    assert dataset.problems[0].startswith(f"{root / 'flickr30k' / 'results.csv'}:27: expected")


def test_karpathy_alone(root: Path) -> None:
    add_karpathy(root)
    dataset = load(root)
    assert [(e.name, e.captions) for e in dataset.examples] == [
        ("4.jpg", ("Karpathy's 4",)),
        ("2.jpg", ("Karpathy's 2",)),
        ("0.jpg", ("Karpathy's 0",)),
    ]


def test_missing_picture_is_reported(root: Path) -> None:
    add_tokens(root)
    (root / "flickr30k" / "flickr30k-images" / "2.jpg").unlink()
    dataset = load(root)
    assert "2.jpg" not in [e.name for e in dataset.examples]
    assert any("test.txt:1:" in p and "2.jpg does not exist" in p for p in dataset.problems)


def test_what_is_missing_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no captions: put results_20130124.token"):
        load(root)
    add_tokens(root)
    (root / "flickr30k" / "val.txt").unlink()
    with pytest.raises(UserError, match="which pictures are for training"):
        load(root)
    with pytest.raises(UserError, match="flickr30k does not exist"):
        load(tmp_path / "elsewhere")


def test_csv_problems(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("a.jpg| 0| Good\n\na.jpg| 0| Twice\na.jpg| ²| No number\na.jpg| 1|\n| 1| No name\n")
    captions, problems = read_results_csv(path)
    assert captions == {"a.jpg": ("Good",)}
    assert [int(p.split(":")[1]) for p in problems] == [3, 4, 5, 6]
    path.write_text("image_name| comment_number| comment\n")
    with pytest.raises(UserError, match="holds no captions"):
        read_results_csv(path)
