from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat.data.karpathy import load, read_karpathy
from sat.errors import UserError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
IMAGES = st.lists(
    st.fixed_dictionaries({}, optional={key: JSON for key in ("filename", "filepath", "split", "sentences")}),
    max_size=4,
)


def image(filename: str, split: str, *captions: str, **more: str) -> dict:
    return {"filename": filename, "split": split, "sentences": [{"raw": text} for text in captions], **more}


def test_splits_folders_and_white_space(tmp_path: Path) -> None:
    path = tmp_path / "dataset_coco.json"
    images = [
        image("a.jpg", "restval", "One  caption.\n", "Another one", filepath="val2014"),
        image("b.jpg", "train", "Two", filepath="train2014"),
        image("c.jpg", "val", "Three"),
        image("d.jpg", "test", "Four"),
    ]
    path.write_text(json.dumps({"images": images, "dataset": "coco"}))
    records, problems = read_karpathy(path)
    assert problems == []
    assert [(r.path, r.split, r.captions) for r in records] == [
        ("val2014/a.jpg", "train", ("One caption.", "Another one")),
        ("train2014/b.jpg", "train", ("Two",)),
        ("c.jpg", "dev", ("Three",)),
        ("d.jpg", "test", ("Four",)),
    ]


def test_malformed_pictures_are_reported(tmp_path: Path, make_picture) -> None:
    path = tmp_path / "dataset_flickr8k.json"
    make_picture(tmp_path / "images" / "good.png")
    images = [
        7,
        image("x.png", "somewhere", "Text"),
        image("y.png", "train"),
        image("good.png", "train", "Text"),
        image("good.png", "test", "Text"),
        image("gone.png", "val", "Text"),
        image("../dataset_flickr8k.json", "val", "Text"),
    ]
    path.write_text(json.dumps({"images": images}))
    dataset = load("flickr8k", tmp_path, path, tmp_path / "images")
    assert [(e.name, e.split) for e in dataset.examples] == [("good.png", "train")]
    assert [p.removeprefix(f"{path}: ").split(":")[0] for p in dataset.problems[:4]] == [
        f"images[{i}]" for i in (0, 1, 2, 4)
    ]
    assert all("does not exist" in problem for problem in dataset.problems[4:])
    assert len(dataset.problems) == 6


@settings(max_examples=60, deadline=None)
@given(JSON | st.fixed_dictionaries({"images": IMAGES}))
def test_any_json_is_read_or_a_user_error(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = tmp_path_factory.mktemp("karpathy") / "dataset.json"
    path.write_text(json.dumps(content))
    try:
        records, _ = read_karpathy(path)
    except UserError as error:
        assert str(path) in str(error)
    else:
        assert all(record.captions for record in records)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"images": 3}', '{"images": []}', "[" * 100_000])
def test_unusable_files(tmp_path: Path, content: str) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"dataset.json"):
        read_karpathy(path)
