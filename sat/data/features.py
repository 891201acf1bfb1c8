"""Annotations on disk, computed once: half precision, memory-mapped, resumable.

A store is a folder ``<cache>/features/<key>/`` whose key is made from the encoder, its weights, the input size
and whether pictures are mirrored. Rows are found by the hash of the picture *file*, so that two data sets that
share pictures share rows, and a picture that was replaced is never served with its old annotations.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock

from sat.data.dataset import cache_root
from sat.errors import UserError
from sat.files import from_json, write_bytes
from sat.images import MODEL_SIZE, read_picture
from sat.models.encoder import Encoder, pixels

_BATCH = 16
Progress = Callable[[int, int], None]


@dataclass
class FeatureStore:
    """Annotations of many pictures: ``store[rows]`` is float16 (n, L, D)."""

    folder: Path
    grid: tuple[int, int]
    dimension: int
    rows: dict[str, int] = field(default_factory=dict)  # hash of the picture file -> row

    @property
    def places(self) -> int:
        """L, the number of cells of the grid."""
        return self.grid[0] * self.grid[1]

    def array(self, mode: Literal["r", "r+"] = "r") -> np.memmap:
        """The memory-mapped matrix, float16 (N, L, D)."""
        path = self.folder / "annotations.f16"
        row_bytes = self.places * self.dimension * 2
        count = path.stat().st_size // row_bytes
        return np.memmap(path, np.float16, mode, shape=(count, self.places, self.dimension))

    def find(self, paths: Iterable[Path]) -> np.ndarray:
        """Rows (n,) of picture files; -1 where a picture cannot be read or is not in the store."""

        def row(path: Path) -> int:
            try:
                return self.rows.get(file_hash(path), -1)
            except OSError:
                return -1

        return np.array([row(path) for path in paths], dtype=np.int64)


def open_store(
    encoder: Encoder, *, size: int = MODEL_SIZE, mirror: bool = False, cache: Path | None = None
) -> FeatureStore:
    """The store that belongs to an encoder, made if there is none."""
    geometry = encoder.geometry
    with torch.inference_mode():
        device = next(encoder.parameters()).device
        shape = encoder(torch.zeros(1, 3, size, size, dtype=torch.uint8, device=device)).shape
    key = f"{encoder.name.replace('/', '_')}-{encoder.fingerprint}-{size}{'-mirror' if mirror else ''}"
    folder = (cache or cache_root()) / "features" / key
    folder.mkdir(parents=True, exist_ok=True)
    grid = (geometry.rows * size // 224, geometry.columns * size // 224)
    store = FeatureStore(folder, grid, int(shape[2]))
    index, matrix = folder / "index.jsonl", folder / "annotations.f16"
    if index.is_file() and matrix.is_file():
        whole = matrix.stat().st_size // (store.places * store.dimension * 2)  # rows that are all there
        store.rows = {digest: row for digest, row in _read_index(index) if row < whole}
    return store


def extract(
    encoder: Encoder,
    paths: list[Path],
    *,
    size: int = MODEL_SIZE,
    mirror: bool = False,
    cache: Path | None = None,
    autocast: bool = False,
    progress: Progress | None = None,
) -> tuple[FeatureStore, list[str]]:
    """Compute the annotations of those pictures that the store does not hold yet.

    An interrupted extraction goes on where it stopped: a row counts once its line is in the index, and that line
    is written after the row. Pictures that cannot be read are reported and left out.

    Args:
        paths: picture files.
        mirror: flip each picture left to right first.
        autocast: compute in bfloat16 (for training-time augmentation only; published numbers use float32).
        progress: called with (done, total).

    Returns:
        the store, and a line for each picture that could not be read.
    """
    problems: list[str] = []
    hashes = {}
    for path in paths:
        try:
            hashes[path] = file_hash(path)
        except OSError as error:
            problems.append(f"{path}: cannot be read ({error.strerror})")
    store = open_store(encoder, size=size, mirror=mirror, cache=cache)
    if set(hashes.values()) <= set(store.rows):
        return store, problems
    with FileLock(store.folder / "lock"):  # one writer at a time; a second one finds the first one's rows
        store = open_store(encoder, size=size, mirror=mirror, cache=cache)
        todo = list({h: p for p, h in hashes.items() if h not in store.rows}.items())  # (hash, path), each hash once
        problems += _append(store, encoder, todo, len(hashes), size, mirror, autocast, progress)
    return store, problems


def _append(
    store: FeatureStore,
    encoder: Encoder,
    todo: list[tuple[str, Path]],
    total: int,
    size: int,
    mirror: bool,
    autocast: bool,
    progress: Progress | None,
) -> list[str]:
    """Compute and write the annotations of the pictures ``todo``; a line for each that could not be read."""
    problems: list[str] = []
    done = total - len(todo)
    matrix, index = store.folder / "annotations.f16", store.folder / "index.jsonl"
    device = next(encoder.parameters()).device
    next_row = max(store.rows.values(), default=-1) + 1
    row_bytes = store.places * store.dimension * 2
    kept = "".join(_index_line(digest, row) for digest, row in store.rows.items())
    try:
        if not index.is_file() or index.read_bytes() != kept.encode():
            write_bytes(index, kept.encode())  # a line that was cut off would swallow the next one
        with ThreadPoolExecutor(2) as pool, open(matrix, "ab") as data, open(index, "a", encoding="utf-8") as lines:
            data.truncate(next_row * row_bytes)  # a row that was cut off, or not yet in the index
            data.seek(0, os.SEEK_END)
            for batch in _read_ahead(pool, todo, size, mirror):
                good = [(h, square) for h, square, problem in batch if problem is None]
                problems += [problem for _, _, problem in batch if problem is not None]
                if good:
                    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                        annotations = encoder(pixels([s for _, s in good]).to(device))  # (n, L, D)
                    data.write(annotations.half().cpu().numpy().tobytes())
                    data.flush()
                    for digest, _ in good:
                        lines.write(_index_line(digest, next_row))
                        store.rows[digest] = next_row
                        next_row += 1
                    lines.flush()
                done += len(batch)
                if progress is not None:
                    progress(done, total)
    except OSError as error:
        raise UserError(
            f"Writing annotations to {store.folder} failed ({error.strerror}): free some space, or set SAT_CACHE to "
            "another folder, and start again; what was computed is kept."
        ) from None
    return problems


def file_hash(path: Path) -> str:
    """SHA-256 (hex, 24 digits) of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]


def _read_ahead(
    pool: ThreadPoolExecutor, todo: list[tuple[str, Path]], size: int, mirror: bool
) -> Iterator[list[tuple[str, np.ndarray | None, str | None]]]:
    """Batches of decoded pictures; the next batch is decoded while the encoder works on this one."""

    def read(item: tuple[str, Path]) -> tuple[str, np.ndarray | None, str | None]:
        digest, path = item
        try:
            square = read_picture(path, size=size).square
        except UserError as error:
            return digest, None, str(error)
        return digest, np.ascontiguousarray(square[:, ::-1]) if mirror else square, None

    items = iter(todo)
    ahead = [pool.submit(read, item) for item in islice(items, _BATCH)]
    while ahead:
        upcoming = [pool.submit(read, item) for item in islice(items, _BATCH)]
        yield [future.result() for future in ahead]
        ahead = upcoming


def _index_line(digest: str, row: int) -> str:
    return json.dumps({"hash": digest, "row": row}) + "\n"


def _read_index(path: Path) -> Iterator[tuple[str, int]]:
    """(hash, row) of every line up to the first damaged one, which an extraction was killed while writing."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = from_json(line)
            yield str(entry["hash"]), int(entry["row"])
        except (ValueError, KeyError, TypeError, OverflowError):
            return
