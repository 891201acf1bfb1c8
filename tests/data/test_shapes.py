from __future__ import annotations

import os
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sat.data.dataset import SPLITS
from sat.data.entities import AlignedCaption, AlignedPicture, read_aligned
from sat.data.shapes import (
    COLOURS,
    KINDS,
    RADII,
    SIZE,
    SIZES,
    Shape,
    coverage,
    draw,
    generate,
    load,
    picture,
    random_background,
    random_shapes,
)
from sat.data.shapes_grammar import PLURALS
from sat.errors import UserError

COUNT = {"train": 24, "dev": 3, "test": 2}
SINGULARS = {plural: noun for noun, plural in PLURALS.items()}
PHRASE = re.compile(
    rf"(?P<number>an?|two|three|four) (?:(?P<size>{'|'.join(SIZES)}) )?(?:(?P<colour>{'|'.join(COLOURS)}) )?"
    rf"(?P<noun>{'|'.join([*PLURALS, *SINGULARS])})\b"
)
PLACES = {
    "left": lambda x, y: x < SIZE / 2,
    "right": lambda x, y: x > SIZE / 2,
    "top": lambda x, y: y < SIZE / 2,
    "bottom": lambda x, y: y > SIZE / 2,
    "middle": lambda x, y: max(abs(x - SIZE / 2), abs(y - SIZE / 2)) < 0.1 * SIZE,
    "centre": lambda x, y: max(abs(x - SIZE / 2), abs(y - SIZE / 2)) < 0.1 * SIZE,
}
RELATIONS = {
    "left of": lambda a, b: a[0] < b[0],
    "right of": lambda a, b: a[0] > b[0],
    "above": lambda a, b: a[1] < b[1],
    "below": lambda a, b: a[1] > b[1],
    "under": lambda a, b: a[1] > b[1],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small ``shapes/``."""
    root = tmp_path_factory.mktemp("data")
    generate(root / "shapes", count=COUNT, seed=5)
    return root


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_what_is_written(root: Path) -> None:
    dataset = load(root)
    assert dataset.name == "shapes" and dataset.problems == ()
    assert {split: len(dataset.split(split)) for split in SPLITS} == COUNT
    aligned = read_aligned(root / "shapes" / "entities_aligned.jsonl.gz")
    assert list(aligned) == [example.name for example in dataset.examples]
    for example in dataset.examples:
        record = aligned[example.name]
        assert record.split == example.split and (record.width, record.height) == (SIZE, SIZE)
        assert [" ".join(caption.tokens) for caption in record.captions] == list(example.captions)
        assert len(set(example.captions)) == 5
        with Image.open(example.path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (SIZE, SIZE))


def test_same_seed_same_bytes_and_other_seed_other_pictures(root: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", count=COUNT, seed=5)
    assert tree(tmp_path / "again") == tree(root / "shapes")
    generate(tmp_path / "more", count={"train": 2}, seed=5)
    assert tree(tmp_path / "more")["images/train-00001.png"] == tree(root / "shapes")["images/train-00001.png"]
    other, _, _ = picture(6, "train", 0)
    assert (other != picture(5, "train", 0)[0]).any()
    assert (picture(5, "dev", 0)[0] != picture(5, "train", 0)[0]).any()


def test_boxes_by_the_colours_of_the_pixels() -> None:
    """How far a pixel's colour has gone from the background's to the shape's tells how much of it is covered: a box
    holds every pixel that is covered by half, and each of its sides touches one."""
    for number in range(60):
        rng = np.random.default_rng([1, 0, number])
        shapes, ground = random_shapes(rng), random_background(rng)
        pixels, record, _ = picture(1, "train", number)
        boxes = draw(shapes, ground)[1]
        assert {box for found in record.boxes.values() for box in found} <= set(boxes)
        rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
        for shape, (x0, y0, x1, y1) in zip(shapes, boxes, strict=True):
            way = np.array(shape.rgb) - ground  # (224, 224, 3)
            cover = ((pixels - ground) * way).sum(-1) / np.square(way).sum(-1)  # (224, 224)
            # the other shapes are farther away than this
            cover[np.maximum(abs(columns - shape.x), abs(rows - shape.y)) > shape.radius + 2] = 0.0
            inside = cover[y0:y1, x0:x1]
            for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert side.max() > 0.48  # 0.5 but for rounding the colours
            cover[y0:y1, x0:x1] = 0.0
            assert cover.max() < 0.52


@pytest.mark.parametrize("kind", KINDS)
def test_outlines(kind: str) -> None:
    shape = Shape(kind, "red", "large", 100.0, 120.0, 40.0, 0.0, COLOURS["red"])
    cover = coverage(shape)
    assert cover.min() == 0.0 and cover.max() == 1.0
    turned = coverage(replace(shape, turn=8.0))
    assert ((turned > 0) & (turned < 1)).sum() > 40  # smooth edges
    side = 40 / np.sqrt(2)
    area, (x0, y0, x1, y1) = {
        "circle": (np.pi * 1600, (60, 80, 140, 160)),
        "ring": (np.pi * 1600 * (1 - 0.55**2), (60, 80, 140, 160)),
        "square": (4 * side * side, (100 - side, 120 - side, 100 + side, 120 + side)),
        "triangle": (3 * np.sqrt(3) / 4 * 1600, (100 - 40 * 0.866, 80, 100 + 40 * 0.866, 140)),
        "star": (10 * 0.5 * 1600 * 0.42 * np.sin(np.pi / 5), (62, 80, 138, 152.4)),
        "cross": (1600 * (8 * 0.32 * np.sqrt(1 - 0.32**2) - 4 * 0.32**2), (62.1, 82.1, 137.9, 157.9)),
    }[kind]
    assert cover.sum() == pytest.approx(area, rel=0.03)
    assert draw((shape,), np.zeros((SIZE, SIZE, 3), np.float32))[1][0] == pytest.approx((x0, y0, x1, y1), abs=2.0)


def test_backgrounds_are_soft_and_unlike_the_colours() -> None:
    for seed in range(20):
        ground = random_background(np.random.default_rng(seed))
        assert np.abs(np.diff(ground, axis=0)).max() < 4 and np.abs(np.diff(ground, axis=1)).max() < 4
        assert ground.std() > 0.5
        for rgb in COLOURS.values():
            assert np.linalg.norm(ground - np.array(rgb), axis=-1).min() > 45


def test_groups_differ_in_size_and_are_alike_within() -> None:
    seen = set()
    for seed in range(300):
        shapes = random_shapes(np.random.default_rng([seed, 7]))
        assert [SIZES.index(shape.size) for shape in shapes] == sorted(SIZES.index(shape.size) for shape in shapes)
        groups = {size: {(s.kind, s.colour) for s in shapes if s.size == size} for size in SIZES}
        assert all(len(looks) <= 1 for looks in groups.values())
        assert all(RADII[shape.size][0] <= shape.radius <= RADII[shape.size][1] for shape in shapes)
        for one, other in combinations(shapes, 2):
            assert max(abs(one.x - other.x), abs(one.y - other.y)) > one.radius + other.radius
        seen |= {(len(shapes), sum(map(bool, groups.values())))}
    assert seen == {(1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (4, 2), (3, 3), (4, 3)}


def test_even_the_smallest_box_holds_the_centre_of_a_cell() -> None:
    cell = SIZE / 14
    for kind in KINDS:
        for turn in (-15.0, 0.0, 15.0):
            shape = Shape(kind, "red", "small", 100.0, 100.0, RADII["small"][0], turn, COLOURS["red"])
            x0, y0, x1, y1 = draw((shape,), np.zeros((SIZE, SIZE, 3), np.float32))[1][0]
            assert min(x1 - x0, y1 - y0) >= cell


def test_every_caption_is_true() -> None:
    """Parsed from the words alone: number, size, colour, kind, place and relation hold, and the boxes are right."""
    said = set()
    for number in range(150):
        _, record, shapes = picture(2, "test", number)
        assert 1 <= len(shapes) <= 4
        boxes = draw(shapes, np.zeros((SIZE, SIZE, 3), np.float32))[1]
        for caption in record.captions:
            said |= check_caption(record, caption, shapes, boxes)
    assert said >= {*PLACES, *RELATIONS, *PLURALS.values(), *PLURALS, *COLOURS, "two", "three", *SIZES}


def check_caption(
    record: AlignedPicture, caption: AlignedCaption, shapes: tuple[Shape, ...], boxes: list[tuple[int, ...]]
) -> set[str]:
    """Assert that a caption is true of the shapes; returns the words and relations that it used."""
    text = " ".join(caption.tokens)
    assert text[0].isupper() and text.endswith(" .")
    text = text.lower()
    found = list(PHRASE.finditer(text))
    assert [match[0] for match in found] == [" ".join(p.words).lower() for p in caption.phrases]
    centres = []
    named: set[int] = set()
    for match, phrase in zip(found, caption.phrases, strict=True):
        noun = SINGULARS.get(match["noun"], match["noun"])
        fits = [
            i
            for i, shape in enumerate(shapes)
            if match["size"] in (None, shape.size)
            and match["colour"] in (None, shape.colour)
            and noun in ("shape", shape.kind)
        ]
        assert len(fits) == {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4}[match["number"]], text
        assert (match["noun"] in SINGULARS) == (len(fits) > 1)
        assert match["number"] != "a" or text[match.end("number") + 1] not in "aeiou"
        assert sorted(record.boxes[phrase.id]) == sorted(boxes[i] for i in fits), text
        assert phrase.types == (noun,)
        centres.append([(shapes[i].x, shapes[i].y) for i in fits])
        left = [i for i in range(len(shapes)) if i not in named]
        largest = {i for i in left if shapes[i].radius > RADII[shapes[left[0]].size][0] - 1}
        assert largest <= set(fits) <= set(left), f"{text}: the larger comes first, and nothing is named twice"
        named |= set(fits)
    used = set(re.findall(r"\w+", text))
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        after = text[match.end() : end]
        relation = next((r for r in RELATIONS if after.rstrip().endswith(r) and index + 1 < len(found)), None)
        if relation is not None:
            used.add(relation)
            others = [centre for group in centres[index + 1 :] for centre in group]
            assert all(RELATIONS[relation](a, b) for a in centres[index] for b in others), text
        elif " at the " in after or " in the " in after or " on the " in after:
            for word in set(re.findall(r"\w+", after)) & set(PLACES):
                assert all(PLACES[word](*centre) for centre in centres[index]), text
    return used


def test_generating_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        with pytest.raises(UserError, match=r"cannot be written .No space left on device"):
            generate(tmp_path / "shapes", count={"train": 2})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="stop"):
        generate(tmp_path / "shapes", count={"train": 2}, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_two_at_a_time_make_one_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Another process, with the same settings or with others, puts its folder there first."""
    generate(tmp_path / "faster", count={"train": 2}, seed=seed)
    replace_folder = os.replace

    def late(source: Path, target: Path) -> None:
        if target == tmp_path / "shapes":
            replace_folder(tmp_path / "faster", target)
        replace_folder(source, target)

    monkeypatch.setattr(os, "replace", late)
    if seed == 1:
        assert len(generate(tmp_path / "shapes", count={"train": 2}, seed=1).examples) == 2
    else:
        with pytest.raises(UserError, match="cannot be written"):
            generate(tmp_path / "shapes", count={"train": 2}, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]


def stop(done: int, total: int) -> None:
    raise RuntimeError("stop")


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    generate(tmp_path / "shapes", count={"train": 2}, seed=1, progress=lambda *step: seen.append(step))
    assert seen == [(1, 2), (2, 2)]
    generate(tmp_path / "shapes", count={"train": 2, "dev": 0}, seed=1, progress=stop)  # the same: only read
    with pytest.raises(UserError, match="other content"):
        generate(tmp_path / "shapes", count={"train": 2}, seed=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    with pytest.raises(UserError, match="other content"):
        generate(tmp_path / "mine", count={"train": 2})
    assert (tmp_path / "mine" / "photo.jpg").is_file()


@pytest.mark.parametrize("count", [{}, {"train": 0}, {"train": -1, "dev": 2}, {"validation": 3}])
def test_wrong_counts(tmp_path: Path, count: dict[str, int]) -> None:
    with pytest.raises(UserError, match="number of shape pictures"):
        generate(tmp_path / "shapes", count=count)
    with pytest.raises(UserError, match="seed"):
        generate(tmp_path / "shapes", count={"train": 1}, seed=-1)
    with pytest.raises(UserError, match="does not exist"):
        load(tmp_path)
