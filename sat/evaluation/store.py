"""The evaluation store: what a model did on every picture and at every word, on disk by columns.

``FOLDER/store/`` holds ``pictures.parquet`` and ``words.parquet`` (their columns: ``rows.py``) and ``about.json``. The
rows of a picture's words lie together, in row groups of ``GROUP`` pictures, so that a picture's maps are read without
those of all others. The folder appears, or takes an older one's place, when it is complete. ``browse.py`` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sat.evaluation.rows import PICTURES, pictures_table, words_schema, words_table
from sat.files import atomic_folder

FOLDER = "store"
PICTURES_FILE, WORDS_FILE, ABOUT_FILE = "pictures.parquet", "words.parquet", "about.json"
VERSION = 3  # raised when a reader of this version cannot read what another one wrote
GROUP = 256  # pictures in a row group

PictureRows = tuple[Mapping[str, Any], list[dict[str, Any]]]  # the row of a picture and those of its words


def write_store(folder: Path, about: Mapping[str, Any], rows: Iterable[PictureRows]) -> None:
    """Write ``folder/store``.

    Args:
        about: JSON-ready; at least ``rows`` and ``columns`` of the grid.
        rows: of every picture, in the order of the split; taken one after another.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    places = int(about["rows"]) * int(about["columns"])
    maps = ["alpha.list.element"]  # half floats pack better byte by byte
    counts = {"pictures": 0, "words": 0}
    with atomic_folder(folder / FOLDER) as temporary:
        with (
            _writer(temporary / PICTURES_FILE, PICTURES, []) as pictures,
            _writer(temporary / WORDS_FILE, words_schema(places), maps) as words,
        ):
            for group in _grouped(rows):
                of_words = [row for _, rows_of_picture in group for row in rows_of_picture]
                pictures.write_table(pictures_table([row for row, _ in group]), row_group_size=len(group))
                if of_words:
                    words.write_table(words_table(of_words, places), row_group_size=len(of_words))
                counts["pictures"] += len(group)
                counts["words"] += len(of_words)
        record = {"version": VERSION, **about, **counts}
        (temporary / ABOUT_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _writer(path: Path, schema: pa.Schema, maps: list[str]) -> pq.ParquetWriter:
    repeated = [f.name for f in schema if f.name not in ("alpha",)]
    return pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=repeated, use_byte_stream_split=maps or False
    )


def _grouped(rows: Iterable[PictureRows]) -> Iterable[list[PictureRows]]:
    group: list[PictureRows] = []
    for row in rows:
        group.append(row)
        if len(group) == GROUP:
            yield group
            group = []
    if group:
        yield group
