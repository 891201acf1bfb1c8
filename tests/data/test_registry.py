from __future__ import annotations

import json
from pathlib import Path

import pytest

from sat.data.entities import ALIGNED_FILE, read_aligned
from sat.data.registry import NAMES, check, load_dataset, prepare
from sat.errors import UserError


@pytest.fixture
def mine(tmp_path: Path, make_picture) -> Path:
    """A folder of one's own with two good pictures, a broken one and a malformed row."""
    folder = tmp_path / "mine"
    for seed, name in enumerate(("a.png", "b.png", "c.png")):
        make_picture(folder / name, seed)
    (folder / "c.png").write_bytes((folder / "c.png").read_bytes()[:100])
    (folder / "captions.csv").write_text(
        "image,caption,split\na.png,One,train\na.png,Two,train\nb.png,Three,test\nc.png,Four,dev\nbroken\n"
    )
    return folder


def test_unknown_names(tmp_path: Path) -> None:
    for call in (load_dataset, prepare):
        with pytest.raises(UserError, match="no data set 'flickr9k': use flickr8k, flickr30k, coco, shapes, folder"):
            call("flickr9k", tmp_path)
    with pytest.raises(UserError, match="needs --data"):
        load_dataset("folder")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "folder"])
def test_missing_data_sets_say_where_they_should_be(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    with pytest.raises(UserError, match=f"{tmp_path / name} does not exist"):
        load_dataset(name)


def test_check(mine: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = check(load_dataset("folder", mine), progress=lambda *step: seen.append(step), workers=2)
    assert report.pictures == {"train": 1, "dev": 1, "test": 1}
    assert report.captions == {"train": 2, "dev": 1, "test": 1}
    assert len(report.problems) == 1 and "captions.csv:6" in report.problems[0]
    assert len(report.unreadable) == 1 and str(mine / "c.png") in report.unreadable[0]
    assert not report.ok and seen == [(1, 3), (2, 3), (3, 3)]
    assert prepare("folder", mine) == report


def test_prepare_shapes(tmp_path: Path) -> None:
    report = prepare("shapes", tmp_path, count={"train": 3, "test": 1}, seed=4)
    assert report.ok and report.pictures == {"train": 3, "dev": 0, "test": 1} and report.captions["train"] == 15
    assert list(read_aligned(tmp_path / "shapes" / ALIGNED_FILE)) == [
        example.name for example in load_dataset("shapes", tmp_path).examples
    ]


def test_prepare_flickr8k(tmp_path: Path, make_picture) -> None:
    folder = tmp_path / "flickr8k"
    make_picture(folder / "images" / "12_ab.jpg")
    (folder / "captions.token").write_text("12_ab.jpg#0\ta man runs\n13_cd.jpg#0\ta dog\n")
    for part, text in (("train", "12_ab.jpg\n"), ("dev", ""), ("test", "")):
        (folder / f"Flickr_8k.{part}Images.txt").write_text(text)
    with pytest.raises(UserError, match="no Flickr30k Entities release"):
        prepare("flickr8k", tmp_path)
    release = tmp_path / "flickr30k_entities"
    (release / "Annotations").mkdir(parents=True)
    (release / "Sentences").mkdir()
    (release / "Annotations" / "12.xml").write_text(
        "<annotation><size><width>9</width><height>9</height></size></annotation>"
    )
    (release / "Sentences" / "12.txt").write_text("[/EN#1/people A man] runs .\n")
    report = prepare("flickr8k", tmp_path)
    assert report.pictures["train"] == 1
    assert report.problems == (f"{release}: has no picture 13 (13_cd.jpg)",)
    assert load_dataset("flickr8k", tmp_path).paper_captions == {"12_ab.jpg": ("A man runs .",)}
    (release / "Sentences" / "12.txt").unlink()
    assert prepare("flickr8k", tmp_path).ok  # both files are there: the release is not read again
    with pytest.raises(UserError, match="does not exist"):
        prepare("flickr8k", tmp_path, entities=tmp_path / "none.tar.gz")


def test_flickr8k_from_karpathys_file(tmp_path: Path, make_picture) -> None:
    folder = tmp_path / "flickr8k"
    make_picture(folder / "images" / "a.jpg")
    images = [{"filename": "a.jpg", "split": "val", "sentences": [{"raw": "A dog."}]}]
    (folder / "dataset_flickr8k.json").write_text(json.dumps({"images": images}))
    dataset = load_dataset("flickr8k", tmp_path)
    assert dataset.name == "flickr8k"
    assert [(e.name, e.split, e.captions) for e in dataset.examples] == [("a.jpg", "dev", ("A dog.",))]
