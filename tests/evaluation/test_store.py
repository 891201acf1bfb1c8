"""The evaluation store: rows that come back, questions that are answered fast, and damage that is said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sat.errors import UserError
from sat.evaluation.browse import Condition, EvaluationStore
from sat.evaluation.rows import COLUMNS as MEANINGS
from sat.evaluation.rows import PICTURES, repetition, words_schema
from sat.evaluation.store import FOLDER, GROUP, write_store

from .stored import ABOUT, picture

COUNT = 2 * GROUP + 40


@pytest.fixture(scope="module")
def written() -> list[tuple[dict, list[dict]]]:
    rng = np.random.default_rng(0)
    return [picture(i, rng) for i in range(COUNT)]


@pytest.fixture(scope="module")
def store(written: list[tuple[dict, list[dict]]], tmp_path_factory: pytest.TempPathFactory) -> EvaluationStore:
    folder = tmp_path_factory.mktemp("evaluation")
    write_store(folder, ABOUT, iter(written))
    return EvaluationStore.open(folder)


def test_rows_come_back(store: EvaluationStore, written: list[tuple[dict, list[dict]]]) -> None:
    assert store.about["model"] == "soft-tiny" and store.count() == COUNT
    assert store.about["words"] == store.count(kind="words") == sum(len(rows) for _, rows in written)
    assert store.page(count=COUNT).rows == [row for row, _ in written]
    for number in (0, 1, GROUP - 1, GROUP, COUNT - 1):
        rows = written[number][1]
        plain = store.words(number)
        assert plain == [{key: value for key, value in row.items() if key != "alpha"} for row in rows]
        with_maps = store.words(number, alphas=True)
        for row, found in zip(rows, with_maps, strict=True):
            assert found["alpha"].shape == (14, 14) and found["alpha"].dtype == np.float32
            np.testing.assert_array_equal(found["alpha"].ravel(), row["alpha"].astype(np.float16).astype(np.float32))
    assert pq.ParquetFile(store.folder / FOLDER / "words.parquet").num_row_groups == 3
    assert set(store.columns()) | set(store.columns("words")) | {"alpha"} == set(MEANINGS)
    assert store.columns("words") == [name for name in words_schema(196).names if name != "alpha"]


def test_order(store: EvaluationStore, written: list[tuple[dict, list[dict]]]) -> None:
    rows = [row for row, _ in written]
    best = store.page(sort="CIDEr", descending=True, first=10, count=20)
    expected = sorted(rows, key=lambda row: (-row["CIDEr"], row["picture"]))[10:30]  # ties in the order of the split
    assert [row["picture"] for row in best.rows] == [row["picture"] for row in expected] and best.total == COUNT
    worst = store.page(sort="box_mass", count=COUNT).rows  # those without one last, whichever way
    known = [row["box_mass"] for row in worst if row["box_mass"] is not None]
    assert known == sorted(known) and 0 < len(known) < COUNT
    assert all(row["box_mass"] is None for row in worst[len(known) :])
    by_word = store.page(sort="word", kind="words", descending=True, count=3)
    assert [row["word"] for row in by_word.rows] == ["runs"] * 3
    assert store.page(first=COUNT).rows == []


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("length", ">=", 3), lambda row: row["length"] >= 3),
        (Condition("length", "!=", 3), lambda row: row["length"] != 3),
        (Condition("CIDEr", "<", 4.5), lambda row: row["CIDEr"] < 4.5),
        (Condition("box_mass", "<=", 0.5), lambda row: row["box_mass"] is not None and row["box_mass"] <= 0.5),
        (Condition("box_mass", "unknown"), lambda row: row["box_mass"] is None),
        (Condition("box_mass", "known"), lambda row: row["box_mass"] is not None),
        (Condition("length", "in", [1, 4]), lambda row: row["length"] in (1, 4)),
        (Condition("image", "=", "00007.jpg"), lambda row: row["picture"] == 7),
        (Condition("caption", "contains", "DOG r"), lambda row: "dog r" in row["caption"]),
        (Condition("references", "mentions", "rence 7"), lambda row: str(row["picture"]).startswith("7")),
        (Condition("words", "contains", "grass"), lambda row: "grass" in row["words"]),
        (Condition("objects_hallucinated", "contains", "dog"), lambda row: row["objects_hallucinated"] == ["dog"]),
    ],
    ids=lambda v: f"{v.column} {v.operator}" if isinstance(v, Condition) else "",
)
def test_conditions(
    store: EvaluationStore,
    written: list[tuple[dict, list[dict]]],
    condition: Condition,
    holds: Callable[[dict], bool],
) -> None:
    expected = [row["picture"] for row, _ in written if holds(row)]
    found = store.page([condition], count=COUNT, columns=["picture"])
    assert [row["picture"] for row in found.rows] == expected and found.total == len(expected)
    assert store.count([condition]) == len(expected) > 0
    both = [condition, Condition("picture", "<", 100)]
    assert store.count(both) == sum(number < 100 for number in expected)


def test_columns_for_charts(store: EvaluationStore, written: list[tuple[dict, list[dict]]]) -> None:
    dogs = [row for _, rows in written for row in rows if row["word_class"] == "dog"]
    found = store.values(["box_mass", "hallucinated"], [Condition("word_class", "=", "dog")], kind="words")
    np.testing.assert_array_equal(found["box_mass"], [row["box_mass"] for row in dogs])
    assert found["hallucinated"].tolist() == [row["hallucinated"] for row in dogs]
    lists = store.values(["objects_said", "box_mass"])
    assert lists["objects_said"].tolist() == [row["objects_said"] for row, _ in written]
    assert np.isnan(lists["box_mass"]).sum() == store.count([Condition("box_mass", "unknown")])


def test_without_attention(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [picture(i, rng, attends=False) for i in range(5)]
    write_store(tmp_path, ABOUT, rows)
    store = EvaluationStore.open(tmp_path)
    number = next(i for i in range(5) if rows[i][1])
    assert [row["alpha"] for row in store.words(number, alphas=True)] == [None] * len(rows[number][1])
    assert store.count([Condition("entropy", "known")]) == 0
    write_store(tmp_path, ABOUT, [])  # takes the place of the old one
    assert EvaluationStore.open(tmp_path).page(sort="CIDEr").total == 0
    assert store.count() == 5  # what was read stays


def test_forty_thousand_rows_are_answered_at_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    some = [picture(i, rng) for i in range(400)]
    many = (
        ({**row, "picture": n * 400 + row["picture"]}, [{**w, "picture": n * 400 + row["picture"]} for w in words])
        for n in range(100)
        for row, words in some
    )
    write_store(tmp_path, ABOUT, many)
    store = EvaluationStore.open(tmp_path)
    store.page()  # the first reads the columns

    def quickest(ask: Callable[[], object]) -> float:
        times = []
        for _ in range(3):  # a busy machine is no bug
            start = time.perf_counter()
            ask()
            times.append(time.perf_counter() - start)
        return min(times)

    conditions = [
        Condition("hallucinated", ">", 0),
        Condition("caption", "contains", "Dog"),
        Condition("length", "<", 5),
    ]
    assert store.page(conditions, sort="CIDEr", descending=True).total > 5000
    assert quickest(lambda: store.page(conditions, sort="CIDEr", descending=True)) < 0.3
    assert quickest(lambda: store.page([Condition("words", "contains", "grass")], sort="caption", first=5000)) < 0.3
    store.words(0)
    assert quickest(lambda: store.words(39_999)) < 0.3
    assert quickest(lambda: store.words(20_000, alphas=True)) < 0.3


def test_bad_questions(store: EvaluationStore) -> None:
    with pytest.raises(UserError, match="no column 'cider': choose one of picture, image"):
        store.page(sort="cider")
    with pytest.raises(UserError, match="no column 'x'"):
        store.count([Condition("x", "known")])
    with pytest.raises(UserError, match="no column 'alpha'"):
        store.values(["alpha"], kind="words")
    with pytest.raises(UserError, match="cannot be sorted by words"):
        store.page(sort="words")
    with pytest.raises(UserError, match="cannot be chosen by length > 'dog'"):
        store.page([Condition("length", ">", "dog")])
    with pytest.raises(UserError, match="cannot be chosen by words contains 3"):
        store.page([Condition("words", "contains", 3)])
    with pytest.raises(UserError, match="no picture 1000: choose one from 0 to 551"):
        store.words(1000)
    with pytest.raises(UserError, match="begins at row 0"):
        store.page(first=-1)


def test_damage_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no evaluation rows"):
        EvaluationStore.open(tmp_path)
    rng = np.random.default_rng(3)
    write_store(tmp_path, ABOUT, [picture(i, rng) for i in range(20)])
    about = tmp_path / FOLDER / "about.json"
    record = json.loads(about.read_text())
    for other, message in (({**record, "version": 99}, "another version"), ({**record, "words": 1}, "are damaged")):
        about.write_text(json.dumps(other))
        with pytest.raises(UserError, match=message):
            EvaluationStore.open(tmp_path)
    for text in ("{", "[]", "{}"):
        about.write_text(text)
        with pytest.raises(UserError, match="are damaged"):
            EvaluationStore.open(tmp_path)
    about.write_text(json.dumps(record))
    words = tmp_path / FOLDER / "words.parquet"
    whole = words.read_bytes()
    words.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])  # its footer is whole
    store = EvaluationStore.open(tmp_path)
    with pytest.raises(UserError, match="are damaged"):
        store.words(1, alphas=True)
    words.write_bytes(whole[:-10])
    with pytest.raises(UserError, match="are damaged"):
        EvaluationStore.open(tmp_path)


def test_a_full_disk_leaves_the_old_rows(
    tmp_path: Path, full_disk: Callable[..., AbstractContextManager[None]]
) -> None:
    rng = np.random.default_rng(4)
    write_store(tmp_path, ABOUT, [picture(0, rng)])
    with full_disk(), pytest.raises(UserError, match="free some space"):
        write_store(tmp_path, ABOUT, [picture(i, rng) for i in range(50)])
    assert EvaluationStore.open(tmp_path).count() == 1
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


def test_repetition() -> None:
    assert repetition("a dog and a dog".split()) == 0.25  # "a dog" again, of four pairs
    assert repetition("a a a a".split()) == pytest.approx(2 / 3)
    assert repetition("a dog runs".split()) == repetition(["a"]) == repetition([]) == 0
    assert PICTURES.names[0] == "picture"
