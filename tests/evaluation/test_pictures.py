"""The pictures of an evaluation, found where they lay, in the data root, or drawn again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sat.data import shapes
from sat.data.entities import AlignedPicture, write_aligned
from sat.errors import UserError
from sat.evaluation.pictures import EvaluatedPictures

DRAWN = {"dataset": "shapes", "root": None}


def captions(number: int) -> list[str]:
    return [" ".join(caption.tokens) for caption in shapes.picture(0, "test", number)[1].captions]


def test_shapes_are_drawn_again(monkeypatch, tmp_path):
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    pixels, aligned, _ = shapes.picture(0, "test", 7)
    found = EvaluatedPictures(DRAWN)
    np.testing.assert_array_equal(found.read("test-00007.png", captions(7)).square, pixels)
    assert found.boxes("test-00007.png", captions(7)) == aligned


@pytest.mark.parametrize(
    ("image", "references"),
    [("test-00007.png", ["a dog"]), ("test-00007.png", captions(8)), ("../../etc/passwd", []), ("test-7.png", [])],
)
def test_a_picture_with_other_captions_is_another_picture(monkeypatch, tmp_path, image, references):
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    found = EvaluatedPictures(DRAWN)
    with pytest.raises(UserError, match="is not here any more: put it back"):
        found.read(image, references)
    assert found.boxes(image, references) is None


def folder(root: Path, colour: int, caption: str = "a dog") -> Path:
    """A data set of one picture."""
    root.mkdir(parents=True)
    Image.new("RGB", (40, 40), (colour, 0, 0)).save(root / "a.png")
    (root / "captions.csv").write_text(f"image,caption,split\na.png,{caption},test\n")
    return root


def test_a_folder_is_read_where_it_was_evaluated(tmp_path):
    root = folder(tmp_path / "mine", 200)
    found = EvaluatedPictures({"dataset": "folder", "root": str(root)})
    picture = found.read("a.png", ["a dog"])
    assert picture.display.shape == (40, 40, 3) and picture.square[0, 0].tolist() == [200, 0, 0]
    assert found.boxes("a.png", ["a dog"]) is None
    with pytest.raises(UserError, match="not here any more"):
        found.read("a.png", ["a cat"])


def test_boxes_give_the_picture_its_own_proportions(tmp_path):
    root = folder(tmp_path / "mine", 200)
    marked = AlignedPicture("a.png", "test", 500, 250, {"1": ((0.0, 0.0, 250.0, 250.0),)}, ())
    write_aligned(root / "entities_aligned.jsonl.gz", [marked])
    found = EvaluatedPictures({"dataset": "folder", "root": str(root)})
    assert found.read("a.png", ["a dog"]).display.shape == (40, 80, 3)
    assert found.boxes("a.png", ["a dog"]) == marked


def test_a_data_set_that_moved_is_found_in_the_data_root(monkeypatch, tmp_path):
    shapes.generate(tmp_path / "shapes", count={"test": 2}, seed=5)  # not those that are drawn again
    monkeypatch.setenv("SAT_DATA", str(tmp_path))
    pixels, aligned, _ = shapes.picture(5, "test", 1)
    references = [" ".join(caption.tokens) for caption in aligned.captions]
    found = EvaluatedPictures({"dataset": "shapes", "root": str(tmp_path / "gone" / "shapes")})
    np.testing.assert_array_equal(found.read("test-00001.png", references).square, pixels)
    assert found.boxes("test-00001.png", references) == aligned
