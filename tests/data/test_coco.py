from __future__ import annotations

import json
from pathlib import Path

import pytest

from sat.data.coco import load, read_captions
from sat.errors import UserError


def write_captions(path: Path, numbers: list[int], name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": i, "file_name": name.format(i)} for i in numbers],
        "annotations": [{"id": 9, "image_id": i, "caption": f"Caption {k}\n of {i} "} for i in numbers for k in (0, 1)],
    }
    path.write_text(json.dumps(content))


@pytest.fixture(params=["2014", "2017"])
def year(request: pytest.FixtureRequest, tmp_path: Path, make_picture) -> str:
    """``coco/`` with three training and five validation pictures."""
    year = request.param
    folder = tmp_path / "coco"
    name = "COCO_{:012d}.jpg" if year == "2014" else "{:012d}.jpg"
    for part, numbers in (("train", [5, 3, 8]), ("val", [40, 10, 30, 20, 50])):
        write_captions(folder / "annotations" / f"captions_{part}{year}.json", numbers, name)
        for i in numbers:
            make_picture(folder / f"{part}{year}" / name.format(i), i)
    return year


def numbers(dataset, split: str) -> list[int]:
    return [int(e.path.stem.removeprefix("COCO_")) for e in dataset.examples if e.split == split]


def test_validation_pictures_are_halved(tmp_path: Path, year: str) -> None:
    dataset = load(tmp_path)
    assert dataset.problems == ()
    assert numbers(dataset, "train") == [3, 5, 8]
    assert numbers(dataset, "dev") == [10, 30, 50]
    assert numbers(dataset, "test") == [20, 40]
    assert dataset.examples[0].captions == ("Caption 0 of 3", "Caption 1 of 3")
    assert all(e.path.is_file() and e.path.parent.name[-4:] == year for e in dataset.examples)


def test_karpathys_split_comes_first(tmp_path: Path, make_picture) -> None:
    folder = tmp_path / "coco"
    make_picture(folder / "val2014" / "v.jpg", 1)
    make_picture(folder / "train2014" / "t.jpg", 2)
    write_captions(folder / "annotations" / "captions_train2014.json", [1], "{}.jpg")
    images = [
        {"filename": "v.jpg", "filepath": "val2014", "split": "restval", "sentences": [{"raw": "A cat."}]},
        {"filename": "t.jpg", "filepath": "train2014", "split": "val", "sentences": [{"raw": "A dog."}]},
        {"filename": "w.jpg", "filepath": "val2014", "split": "test", "sentences": [{"raw": "A cow."}]},
    ]
    (folder / "dataset_coco.json").write_text(json.dumps({"images": images}))
    dataset = load(tmp_path)
    assert [(e.name, e.split, e.captions) for e in dataset.examples] == [
        ("v.jpg", "train", ("A cat.",)),
        ("t.jpg", "dev", ("A dog.",)),
    ]
    assert dataset.problems == (f"{folder / 'dataset_coco.json'}: {folder / 'val2014' / 'w.jpg'} does not exist",)


def test_malformed_records_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    content = {
        "images": [{"id": 2, "file_name": "b.jpg"}, {"id": 1, "file_name": "a.jpg"}, {"file_name": "c.jpg"}, None],
        "annotations": [
            {"image_id": 1, "caption": "Good"},
            {"image_id": 7, "caption": "No such picture"},
            {"image_id": [], "caption": "No number"},
            {"image_id": 1, "caption": " "},
            "text",
        ],
    }
    path.write_text(json.dumps(content))
    captions, problems = read_captions(path)
    assert captions == {1: ("a.jpg", ("Good",))}
    assert [p.removeprefix(f"{path}: ").split(" ")[0].rstrip(":") for p in problems] == [
        "images[2]",
        "images[3]",
        "annotations[1]",
        "annotations[2]",
        "annotations[3]",
        "annotations[4]",
        "b.jpg",
    ]


def test_one_file_is_enough_and_missing_things_are_named(tmp_path: Path, make_picture) -> None:
    with pytest.raises(UserError, match="coco does not exist"):
        load(tmp_path)
    folder = tmp_path / "coco"
    folder.mkdir()
    with pytest.raises(UserError, match="has no captions: put annotations"):
        load(tmp_path)
    write_captions(folder / "annotations" / "captions_val2017.json", [1, 2], "{}.jpg")
    make_picture(folder / "val2017" / "1.jpg")
    dataset = load(tmp_path)
    assert [(e.name, e.split) for e in dataset.examples] == [("1.jpg", "dev")]
    assert len(dataset.problems) == 2  # no training captions, no picture 2
    (folder / "annotations" / "captions_val2017.json").write_text('{"images": []}')
    with pytest.raises(UserError, match="should be a COCO captions file"):
        load(tmp_path)
