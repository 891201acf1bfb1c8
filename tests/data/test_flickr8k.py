from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sat.data.dataset import SPLITS
from sat.data.flickr8k import load
from sat.data.tokens import tokenize
from sat.errors import UserError
from sat.vocabulary import Vocabulary


@pytest.fixture
def root(tmp_path: Path, make_picture) -> Path:
    """``flickr8k/`` with the publisher's file names and four pictures."""
    folder = tmp_path / "flickr8k"
    for i in range(4):
        make_picture(folder / "Flicker8k_Dataset" / f"{i}_a.jpg", i)
    lines = [f"{i}_a.jpg#{k}\tCaption {k} of {i} .\n" for i in range(4) for k in range(5)]
    (folder / "Flickr8k.token.txt").write_text("".join(lines))
    (folder / "Flickr_8k.trainImages.txt").write_text("2_a.jpg\n0_a.jpg\n\n7_a.jpg\n")
    (folder / "Flickr_8k.devImages.txt").write_text("1_a.jpg")
    (folder / "Flickr_8k.testImages.txt").write_text("3_a.jpg\n")
    return tmp_path


def test_publishers_files(root: Path) -> None:
    dataset = load(root)
    assert [(e.name, e.split) for e in dataset.examples] == [
        ("2_a.jpg", "train"),
        ("0_a.jpg", "train"),
        ("1_a.jpg", "dev"),
        ("3_a.jpg", "test"),
    ]
    assert dataset.examples[0].captions == tuple(f"Caption {k} of 2 ." for k in range(5))
    assert dataset.problems == (f"{root / 'flickr8k' / 'Flickr_8k.trainImages.txt'}:4: 7_a.jpg has no captions",)
    assert dataset.paper_captions == {}


def test_missing_pictures_and_the_papers_edition(root: Path) -> None:
    folder = root / "flickr8k"
    (folder / "Flicker8k_Dataset" / "1_a.jpg").unlink()
    (folder / "captions_f30k_edition.token").write_text("3_a.jpg#0\tEdited .\nbroken\n")
    dataset = load(root)
    assert len(dataset.examples) == 3
    assert dataset.paper_captions == {"3_a.jpg": ("Edited .",)}
    assert [p.split(":")[0].rsplit("/", 1)[-1] for p in dataset.problems] == [
        "Flickr_8k.trainImages.txt",
        "Flickr_8k.devImages.txt",
        "captions_f30k_edition.token",
    ]
    with pytest.raises(UserError, match="has no dev pictures"):
        dataset.split("dev")
    with pytest.raises(UserError, match="no split 'middle'"):
        dataset.split("middle")


@pytest.mark.parametrize(
    "gone", ["Flickr8k.token.txt", "Flickr_8k.devImages.txt", "Flicker8k_Dataset"], ids=["captions", "list", "pictures"]
)
def test_what_is_missing_is_named(root: Path, gone: str) -> None:
    (root / "flickr8k" / gone).rename(root / "elsewhere")
    with pytest.raises(UserError, match=gone):
        load(root)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="SAT_DATA"):
        load(tmp_path)


def test_the_real_data_set(data_folder: Path) -> None:
    dataset = load(data_folder)
    assert dataset.problems == ()
    counts = Counter(example.split for example in dataset.examples)
    assert [counts[split] for split in SPLITS] == [6000, 1000, 1000]
    assert len({example.name for example in dataset.examples}) == 8000
    assert all(len(example.captions) == 5 for example in dataset.examples)
    words = [tokenize(caption) for example in dataset.split("train") for caption in example.captions]
    assert abs(len(Vocabulary.build(words, 5)) - 4 - 2540) <= 10
    if dataset.paper_captions:
        assert all(len(dataset.paper_captions[example.name]) == 5 for example in dataset.examples)
