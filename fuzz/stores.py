"""Bad evaluations: metrics.json, captions.jsonl, and the store with its columns."""

from __future__ import annotations

import json
import random
import shutil
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fuzz import change
from fuzz.case import Target, Use, Wrong
from sat.evaluation.browse import Condition, EvaluationStore
from sat.evaluation.rows import PICTURES, words_schema
from sat.evaluation.store import ABOUT_FILE, FOLDER, PICTURES_FILE, WORDS_FILE, write_store
from sat.evaluation.worst import ciders, read_evaluation, worst

_METRICS: dict[str, Any] = {
    "model": "soft",
    "split": "test",
    "seed": 1,
    "decoding": {"context": "expected", "beam": 5, "length_norm": 0.5},
    "standard": {"BLEU-1": 60.0, "BLEU-4": 20.0, "METEOR": 20.0, "ROUGE-L": 40.0, "CIDEr": 50.0, "length_ratio": 1.0},
    "paper_like": None,
    "attention": {"entropy": 2.0, "uniform_entropy": 5.3, "effective_places": 7.7, "step_divergence": 0.1},
    "grounding": {"phrases": 10, "correctness_last": 0.8, "pointing_0": 50.0, "uniform": 0.3, "centre": 0.4},
}
_CAPTION = {"image": "1.jpg", "caption": "a dog runs", "references": ["A dog runs .", "The dog ."]}
_PLACES = 4


def _value(kind: pa.DataType, rng: np.random.Generator) -> Any:
    """Some value of a column's type."""
    if pa.types.is_list(kind):
        return [_value(kind.value_type, rng) for _ in range(rng.integers(0, 3))]
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type, rng) for field in kind}
    if pa.types.is_fixed_size_list(kind):
        return [int(n) for n in rng.integers(0, 2, kind.list_size)]
    if pa.types.is_floating(kind):
        return float(rng.random())
    if pa.types.is_integer(kind):
        return int(rng.integers(0, 3))
    return bool(rng.integers(0, 2)) if pa.types.is_boolean(kind) else "dog"


@lru_cache(maxsize=1)
def _whole() -> dict[str, bytes]:
    """The files of a small whole store."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(6):
        picture = {f.name: _value(f.type, rng) for f in PICTURES} | {"picture": number}
        words = [
            {f.name: _value(f.type, rng) for f in words_schema(_PLACES)}
            | {"picture": number, "step": step, "alpha": np.full(_PLACES, 0.25, np.float32)}
            for step in range(3)
        ]
        rows.append((picture, words))
    folder = Path(mkdtemp(prefix="fuzz-"))
    try:
        write_store(folder, {"model": "soft", "split": "test", "rows": 2, "columns": 2}, rows)
        return {file: (folder / FOLDER / file).read_bytes() for file in (PICTURES_FILE, WORDS_FILE, ABOUT_FILE)}
    finally:
        shutil.rmtree(folder)


def _read(folder: Path) -> None:
    """Look at everything in a store, as a page does."""
    store = EvaluationStore.open(folder)
    total = store.count()
    page = store.page(sort="CIDEr", descending=True, count=10)
    if page.total != total or len(page.rows) > total:
        raise Wrong("a page that does not fit the count")
    store.page([Condition("caption", "contains", "dog"), Condition("CIDEr", ">", 0.1)], sort="length")
    store.values(["entropy", "words"])
    store.page([Condition("word", "=", "dog")], kind="words")
    for number in range(min(total, 10)):
        for row in store.words(number, alphas=True):
            if row["alpha"] is not None and row["alpha"].shape != (store.about["rows"], store.about["columns"]):
                raise Wrong(f"a map of {row['alpha'].shape}")


def _store(rng: random.Random, folder: Path) -> Use:
    files = dict(_whole())
    what = rng.randrange(4)
    if what == 0:
        files[ABOUT_FILE] = change.as_json(change.values(json.loads(files[ABOUT_FILE]), rng), rng)
    elif what == 1:
        name = rng.choice((PICTURES_FILE, WORDS_FILE))
        files[name] = change.damage(files[name], rng)
    elif what == 2:
        name = rng.choice((PICTURES_FILE, WORDS_FILE))
        start = max(0, len(files[name]) - 3000)  # the footer, where the schema and the places of the columns are
        files[name] = files[name][:start] + change.damage(files[name][start:-8], rng) + files[name][-8:]
    else:
        files.pop(rng.choice(list(files)))
    return _placed(folder, files)


def _columns(rng: random.Random, folder: Path) -> Use:
    """Whole Parquet files whose columns are missing, of other types, or of other lengths."""
    files = dict(_whole())
    name = rng.choice((PICTURES_FILE, WORDS_FILE))
    table = pq.read_table(pa.BufferReader(files[name]))
    for _ in range(rng.randint(1, 3)):
        column = rng.choice(table.column_names) if table.column_names else ""
        at = table.column_names.index(column) if column else 0
        what = rng.randrange(5)
        rows = table.num_rows
        if what == 0 and column:
            table = table.drop_columns([column])
        elif what == 1 and column:
            other = rng.choice(
                (
                    pa.array(["x"] * rows),
                    pa.array([None] * rows, pa.null()),
                    pa.array([2**62] * rows),
                    pa.array([[1.5]] * rows),
                    pa.array([b"\xff"] * rows),
                    pa.array([{"a": 1}] * rows),
                    pa.array([float("nan")] * rows),
                )
            )
            table = table.set_column(at, column, other)
        elif what == 2:
            table = table.slice(0, rng.randrange(rows + 1))
        elif what == 3 and rows:
            table = table.take([rng.randrange(rows) for _ in range(rows)])
        elif column:
            table = table.rename_columns(
                [rng.choice(change.WORDS[:6]) if c == column else c for c in table.column_names]
            )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    files[name] = sink.getvalue().to_pybytes()
    return _placed(folder, files)


def _placed(folder: Path, files: dict[str, bytes]) -> Use:
    (folder / FOLDER).mkdir()
    for name, content in files.items():
        (folder / FOLDER / name).write_bytes(content)
    return lambda: _read(folder)


def _conditions(rng: random.Random, folder: Path) -> Use:
    """Questions that a store cannot answer."""
    _placed(folder, dict(_whole()))
    columns = (*(f.name for f in PICTURES), *(f.name for f in words_schema(_PLACES)), *change.WORDS[:8])
    operators: tuple[Any, ...] = ("=", "!=", "<", "<=", ">", ">=", "in", "contains", "known", "unknown", "like", "")
    asked = [
        Condition(rng.choice(columns), rng.choice(operators), rng.choice((*change.VALUES, "dog", ["dog"])))
        for _ in range(2)
    ]
    if rng.random() < 0.5:
        asked = [Condition("caption", rng.choice(operators), rng.choice(("dog", None, 5, "", "\x00")))]
    sort = rng.choice((None, None, None, "caption", *columns))
    first, count = rng.choice((0, 3, -1, 10**9)), rng.choice((0, 5, -1, 10**12))
    kind: Any = rng.choice(("pictures", "words"))

    def ask() -> None:
        store = EvaluationStore.open(folder)
        store.page(asked, sort=sort, first=first, count=count, kind=kind)
        store.words(rng.choice((0, 5, 6, -1, 10**9)))

    return ask


def _evaluation(rng: random.Random, folder: Path) -> Use:
    lines = [json.dumps({**_CAPTION, "image": f"{i}.jpg"}).encode() for i in range(3)]
    metrics = json.dumps(_METRICS).encode()
    if rng.random() < 0.5:
        lines[rng.randrange(3)] = change.as_json(change.values(_CAPTION, rng), rng)
    else:
        metrics = change.as_json(change.values(_METRICS, rng), rng)
    (folder / "metrics.json").write_bytes(metrics)
    (folder / "captions.jsonl").write_bytes(rng.choice((b"\n", b"\n", b"\n", b"\r\n", b"\x0c")).join(lines) + b"\n")

    def read() -> None:
        _, records = read_evaluation(folder)
        if not np.isfinite(ciders(records)).all():
            raise Wrong("a CIDEr that is no number")
        worst(records, 2)

    return read


def _warm() -> None:
    _whole()


TARGET = Target(
    name="stores",
    kinds={"store": _store, "columns": _columns, "conditions": _conditions, "evaluation": _evaluation},
    cases=500,
    seconds=4.0,
    megabytes=250.0,
    warm=_warm,
)
