from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sat.data import features
from sat.data.features import extract, file_hash, open_store
from sat.images import read_picture
from sat.models.encoder import Encoder, pixels


@pytest.fixture
def paths(tmp_path: Path, make_picture) -> list[Path]:
    """Four pictures, two of them the same."""
    made = [make_picture(tmp_path / f"{seed}.png", seed, side=64) for seed in range(3)]
    (tmp_path / "copy.png").write_bytes(made[0].read_bytes())
    return [*made, tmp_path / "copy.png"]


def annotations(encoder: Encoder, path: Path, mirror: bool = False) -> np.ndarray:
    square = read_picture(path).square
    with torch.inference_mode():
        return encoder(pixels([square[:, ::-1].copy() if mirror else square])).half().numpy()[0]


def test_rows_are_found_by_the_pictures_content(encoder: Encoder, paths: list[Path], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    store, problems = extract(encoder, paths, cache=tmp_path / "cache", progress=lambda *step: seen.append(step))
    assert problems == [] and seen[-1] == (4, 4)
    rows = store.find(paths)
    assert rows.tolist() == [0, 1, 2, 0] and len(store.rows) == 3
    array = store.array()
    assert array.shape == (3, 196, 352) and array.dtype == np.float16
    for path, row in zip(paths, rows, strict=True):
        np.testing.assert_allclose(array[row], annotations(encoder, path), atol=0.02, rtol=0.01)
    again = open_store(encoder, cache=tmp_path / "cache")
    assert again.rows == store.rows and again.folder == store.folder
    paths[1].write_bytes(paths[1].read_bytes() + b" ")  # a picture that was changed has no row
    assert again.find(paths).tolist() == [0, -1, 2, 0]


def test_mirrored_pictures_have_a_store_of_their_own(encoder: Encoder, paths: list[Path], tmp_path: Path) -> None:
    store, _ = extract(encoder, paths[:1], cache=tmp_path / "cache", mirror=True)
    assert store.folder.name.endswith("-mirror")
    np.testing.assert_allclose(store.array()[0], annotations(encoder, paths[0], mirror=True), atol=0.02, rtol=0.01)
    assert open_store(encoder, cache=tmp_path / "cache").rows == {}


def test_corrupt_pictures_are_reported_and_the_others_kept(encoder: Encoder, paths: list[Path], tmp_path: Path) -> None:
    paths[1].write_bytes(paths[1].read_bytes()[:2000])
    missing = tmp_path / "missing.png"
    store, problems = extract(encoder, [*paths, missing], cache=tmp_path / "cache")
    assert store.find(paths).tolist() == [0, -1, 1, 0]
    assert sorted(str(p) in problem for p in (paths[1], missing) for problem in problems) == [False, False, True, True]


@pytest.mark.parametrize("damage", ["matrix", "half a row", "index", "half a line", "no matrix"])
def test_goes_on_after_an_interruption(encoder: Encoder, paths: list[Path], tmp_path: Path, damage: str) -> None:
    whole, _ = extract(encoder, paths, cache=tmp_path / "whole")
    store, _ = extract(encoder, paths[:2], cache=tmp_path / "cache")
    matrix, index = store.folder / "annotations.f16", store.folder / "index.jsonl"
    row_bytes = 196 * 352 * 2
    if damage == "matrix":  # the index says more than there is
        matrix.write_bytes(matrix.read_bytes()[:row_bytes])
    elif damage == "half a row":
        matrix.write_bytes(matrix.read_bytes()[: row_bytes + 1001])
    elif damage == "index":
        index.write_text(index.read_text().splitlines(keepends=True)[0])
    elif damage == "half a line":
        index.write_text(index.read_text()[:-20])
    else:
        matrix.unlink()
    kept = [0, -1] if damage != "no matrix" else [-1, -1]
    assert open_store(encoder, cache=tmp_path / "cache").find(paths[:2]).tolist() == kept
    extract(encoder, paths, cache=tmp_path / "cache")
    again = open_store(encoder, cache=tmp_path / "cache")  # as another process would see it
    assert sorted(again.rows) == sorted(file_hash(path) for path in paths[:3])
    assert again.array().shape == (3, 196, 352)
    for path in paths:
        (ours,), (theirs,) = again.find([path]), whole.find([path])
        np.testing.assert_allclose(again.array()[ours], whole.array()[theirs], atol=0.02, rtol=0.01)


def test_what_is_there_is_not_computed_again(
    encoder: Encoder, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(encoder, paths, cache=tmp_path / "cache")
    monkeypatch.setattr(features, "read_picture", None)  # reading any picture would fail
    store, problems = extract(encoder, paths, cache=tmp_path / "cache")
    assert problems == [] and store.find(paths).tolist() == [0, 1, 2, 0]
