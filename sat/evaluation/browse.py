"""Reading the evaluation store: pages of rows by filter and order, and one picture's words with their maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sat.errors import UserError
from sat.evaluation.rows import PICTURES, words_schema
from sat.evaluation.store import ABOUT_FILE, FOLDER, PICTURES_FILE, VERSION, WORDS_FILE
from sat.files import from_json

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains", "mentions", "known", "unknown"]
Kind = Literal["pictures", "words"]
_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


@dataclass(frozen=True)
class Condition:
    """What a row must fulfil; a row without the value (null) fulfils only ``unknown``.

    Attributes:
        column: its name.
        operator: a comparison with ``value``; ``in``, one of the values; ``contains``: a list has the value, a text has
            it somewhere, large or small letters alike; ``mentions``: one of a list's texts has it somewhere, likewise;
            ``known``, ``unknown``: whether there is a value at all.
        value: what to compare with.
    """

    column: str
    operator: Operator
    value: Any = None


@dataclass(frozen=True)
class Page:
    """Some of the rows that fulfil the conditions.

    Attributes:
        rows: by column name, plain Python values.
        total: how many rows fulfil the conditions.
    """

    rows: list[dict[str, Any]]
    total: int


class EvaluationStore:
    """The store of one evaluation, opened for reading. Safe to share between threads; open it again after a change.

    Scalars and texts are read on first use and kept; maps are read a picture at a time, when they are asked for.

    Attributes:
        folder: of the evaluation.
        about: model, weights, dataset, split, decoding, rows, columns, classes, root, pictures, words.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder, self.about = folder, about

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the store of the evaluation in ``folder``.

        Raises:
            UserError: there is none, it is damaged, or another version wrote it.
        """
        path = folder / FOLDER
        try:
            about = from_json((path / ABOUT_FILE).read_text(encoding="utf-8"))
            version = about["version"]
            counts = {name: int(about[name]) for name in ("pictures", "words", "rows", "columns")}
            read = {name: pq.read_metadata(path / file) for name, file in _FILES.items()}
            there = {name: metadata.num_rows for name, metadata in read.items()}
            as_written = version != VERSION or (
                read["pictures"].schema.to_arrow_schema().equals(PICTURES)
                and read["words"].schema.to_arrow_schema().equals(words_schema(counts["rows"] * counts["columns"]))
            )
        except FileNotFoundError:
            raise UserError(f"{folder} holds no evaluation rows: make them with 'evaluate --out {folder}'.") from None
        except (OSError, ValueError, KeyError, TypeError, OverflowError, pa.ArrowException):
            raise UserError(f"The rows in {path} are damaged: evaluate the model again.") from None
        if version != VERSION:
            raise UserError(f"The rows in {path} are of another version ({version}): evaluate the model again.")
        if not as_written or any(there[name] != counts[name] for name in there):
            raise UserError(f"The rows in {path} are damaged: evaluate the model again.")
        return cls(folder, about)

    def columns(self, kind: Kind = "pictures") -> list[str]:
        """The names of the columns, maps left out."""
        return self._table(kind).column_names

    def count(self, conditions: Sequence[Condition] = (), kind: Kind = "pictures") -> int:
        """How many rows fulfil all conditions.

        Raises:
            UserError: see ``page``.
        """
        return self._table(kind).num_rows if not conditions else int(pc.sum(self._mask(conditions, kind)).as_py() or 0)

    def page(
        self,
        conditions: Sequence[Condition] = (),
        *,
        sort: str | None = None,
        descending: bool = False,
        first: int = 0,
        count: int = 50,
        kind: Kind = "pictures",
        columns: Sequence[str] | None = None,
    ) -> Page:
        """Some of the rows that fulfil all conditions.

        Args:
            sort: a column to sort by, rows without a value last; ties, and None, keep the order of the split.
            first, count: which of them, from 0.
            columns: None means all.

        Raises:
            UserError: there is no such column, or it cannot be compared or sorted so.
        """
        if first < 0 or count < 0:
            raise UserError("A page begins at row 0 or later and has 0 rows or more.")
        rows, total = self._order(conditions, sort, descending, kind)
        wanted = self._select(columns, kind).take(rows[first : first + count])
        return Page(wanted.to_pylist(), total)

    def values(
        self, columns: Sequence[str], conditions: Sequence[Condition] = (), kind: Kind = "pictures"
    ) -> dict[str, np.ndarray]:
        """Whole columns of the rows that fulfil all conditions, in the order of the split, for charts and counts.

        Returns:
            for each column an array (N,): float64 with NaN for no value, or objects for texts, lists and yes or no.

        Raises:
            UserError: see ``page``.
        """
        rows, _ = self._order(conditions, None, False, kind)
        table = self._select(columns, kind).take(rows)
        return {name: _as_array(table[name].combine_chunks()) for name in table.column_names}

    def words(self, picture: int, *, alphas: bool = False) -> list[dict[str, Any]]:
        """The rows of the words of a picture's caption, in their order.

        Args:
            picture: its number.
            alphas: read the maps too: ``alpha``, float32 (rows, columns), or None without attention.

        Raises:
            UserError: there is no such picture, or the file is damaged.
        """
        if not 0 <= picture < self.about["pictures"]:
            raise UserError(f"There is no picture {picture}: choose one from 0 to {self.about['pictures'] - 1}.")
        first, last = np.searchsorted(self._picture_of_word, [picture, picture + 1])
        rows = self._table("words").slice(first, last - first).to_pylist()
        if alphas:
            for row, alpha in zip(rows, self._alphas(int(first), int(last)), strict=True):
                row["alpha"] = alpha
        return rows

    def _alphas(self, first: int, last: int) -> list[np.ndarray | None]:
        """The maps of some neighbouring words, from the row groups that hold them."""
        try:
            with pq.ParquetFile(self.folder / FOLDER / WORDS_FILE) as file:
                sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
                starts = np.concatenate([[0], np.cumsum(sizes)])
                groups = [i for i in range(len(sizes)) if starts[i] < last and starts[i + 1] > first]
                if not groups:
                    return []
                table = file.read_row_groups(groups, columns=["alpha"])
        except (OSError, pa.ArrowException):
            raise UserError(f"The rows in {self.folder / FOLDER} are damaged: evaluate the model again.") from None
        column = table["alpha"].slice(first - int(starts[groups[0]]), last - first).combine_chunks()
        if column.null_count:
            return [None] * len(column)
        maps = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)  # (T L,)
        return list(maps.reshape(len(column), self.about["rows"], self.about["columns"]))

    def _table(self, kind: Kind) -> pa.Table:
        return self._pictures if kind == "pictures" else self._words

    @cached_property
    def _pictures(self) -> pa.Table:
        return self._read("pictures")

    @cached_property
    def _words(self) -> pa.Table:
        return self._read("words")

    @cached_property
    def _picture_of_word(self) -> np.ndarray:
        return self._words["picture"].to_numpy()

    def _read(self, kind: Kind) -> pa.Table:
        path = self.folder / FOLDER / _FILES[kind]
        try:
            names = [name for name in pq.read_schema(path).names if name != "alpha"]
            return pq.read_table(path, columns=names).combine_chunks()
        except (OSError, pa.ArrowException):
            raise UserError(f"The rows in {path.parent} are damaged: evaluate the model again.") from None

    def _select(self, columns: Sequence[str] | None, kind: Kind) -> pa.Table:
        table = self._table(kind)
        for name in columns or ():
            self._column(name, kind)
        return table if columns is None else table.select(list(columns))

    def _column(self, name: str, kind: Kind) -> pa.ChunkedArray:
        table = self._table(kind)
        if name not in table.column_names:
            raise UserError(f"The rows have no column {name!r}: choose one of {', '.join(table.column_names)}.")
        return table[name]

    def _order(
        self, conditions: Sequence[Condition], sort: str | None, descending: bool, kind: Kind
    ) -> tuple[np.ndarray, int]:
        """Numbers of the rows that fulfil the conditions, sorted, and how many there are."""
        rows = np.arange(self._table(kind).num_rows)
        if conditions:
            rows = rows[self._mask(conditions, kind).to_numpy(zero_copy_only=False)]
        if sort is not None:
            column = self._column(sort, kind).take(rows).combine_chunks()
            if pa.types.is_nested(column.type):
                raise UserError(f"Rows cannot be sorted by {sort}: choose a column of numbers or texts.")
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            known = column.is_valid().to_numpy(zero_copy_only=False)
            keys: list[tuple[str, Any]] = [("value", "descending" if descending else "ascending"), ("row", "ascending")]
            table = pa.table({"value": column.drop_null(), "row": rows[known]})
            rows = np.concatenate([rows[known][pc.sort_indices(table, sort_keys=keys).to_numpy()], rows[~known]])
        return rows, len(rows)

    def _mask(self, conditions: Sequence[Condition], kind: Kind) -> pa.BooleanArray:
        """Which rows fulfil all conditions, without nulls."""
        found: Any = None
        for condition in conditions:
            column = self._column(condition.column, kind).combine_chunks()
            try:
                mask = _fulfils(column, condition)
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                raise UserError(
                    f"Rows cannot be chosen by {condition.column} {condition.operator} {condition.value!r}: the column "
                    f"holds {column.type}."
                ) from None
            mask = pc.fill_null(mask, False)
            found = mask if found is None else pc.and_(found, mask)
        return found


_FILES: dict[Kind, str] = {"pictures": PICTURES_FILE, "words": WORDS_FILE}


def _fulfils(column: Any, condition: Condition) -> Any:
    """Which values fulfil a condition; null where there is none."""
    operator, value = condition.operator, condition.value
    if operator == "known":
        return pc.is_valid(column)
    if operator == "unknown":
        return pc.is_null(column)
    if pa.types.is_list(column.type) and operator in ("contains", "mentions"):
        texts = pc.list_flatten(column)
        if operator == "contains":
            hits = pc.equal(texts, pa.scalar(value, column.type.value_type))
        else:
            hits = pc.match_substring(texts, str(value), ignore_case=True)
        owners = pc.list_parent_indices(column).filter(hits).to_numpy()
        mask = np.zeros(len(column), bool)
        mask[owners] = True
        return pa.array(mask)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if operator == "contains":
        return pc.match_substring(column, str(value), ignore_case=True)
    if operator == "in":
        return pc.is_in(column, value_set=pa.array(list(value), column.type))
    if operator not in _COMPARE:
        raise TypeError(operator)
    return _COMPARE[operator](column, pa.scalar(value))


def _as_array(column: Any) -> np.ndarray:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    found = np.empty(len(column), object)
    for i, value in enumerate(column.to_pylist()):  # a list of lists at once would be taken for a matrix
        found[i] = value
    return found
