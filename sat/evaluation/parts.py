"""An evaluation under way: what a model wrote, kept batch by batch, so that one that was cut off goes on.

``FOLDER/parts/`` holds ``plan.json``, what is evaluated; ``NAME-00000.parquet``, ... the captions of one batch each,
with everything that needs the model, at full precision; and ``NAME.json``, other results. Each file is written whole or
not at all, so at worst the batch is lost that was being computed. The folder goes when the evaluation is finished.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from sat.errors import UserError
from sat.evaluation.measured import Measured, Setting
from sat.files import atomic_file, from_json, write_text
from sat.trace import Step, Trace

_VERSION = 1  # raised when parts of an earlier version cannot be gone on with
_SCHEMA = pa.schema(
    [
        ("words", pa.list_(pa.string())),
        ("log_probs", pa.list_(pa.float64())),
        ("end_log_prob", pa.float64()),
        ("alphas", pa.list_(pa.float32())),  # T x rows x columns, flat; null without attention, like all that follows
        ("places", pa.list_(pa.int32())),  # T x 2, flat; null unless one place was used for the context
        ("betas", pa.list_(pa.float64())),
        ("entropies", pa.list_(pa.float64())),
        ("evidence", pa.list_(pa.float64())),
        ("necessity", pa.list_(pa.float64())),
    ]
)


class EvaluationStopped(UserError):
    """The evaluation was asked to stop; what was computed is kept."""


class Parts:
    """The parts of one evaluation. Use ``open_parts``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str, number: int, setting: Setting) -> list[Measured] | None:
        """The captions of a batch; None if they are not there or cannot be read."""
        try:
            rows = pq.read_table(self._path(name, number), schema=_SCHEMA)
        except (OSError, pa.ArrowException):
            return None
        columns = {field.name: rows[field.name] for field in _SCHEMA}
        return [_unpack({key: column[i] for key, column in columns.items()}, setting) for i in range(rows.num_rows)]

    def save(self, name: str, number: int, captions: Sequence[Measured]) -> None:
        """Keep the captions of a batch.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        packed = [_pack(one) for one in captions]
        columns = [pa.array([row[f.name] for row in packed], f.type) for f in _SCHEMA]
        with atomic_file(self._path(name, number)) as temporary:
            pq.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA), temporary, compression="zstd")

    def load_record(self, name: str) -> dict[str, Any] | None:
        """Another result; None if it is not there or cannot be read."""
        try:
            record = from_json((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def save_record(self, name: str, record: dict[str, Any]) -> None:
        """Keep another result.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        write_text(self.folder / f"{name}.json", json.dumps(record))

    def remove(self) -> None:
        """The evaluation is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number:05d}.parquet"


@contextmanager
def open_parts(folder: Path, plan: dict[str, Any]) -> Iterator[Parts]:
    """The parts in ``folder/parts``, for one evaluation at a time; those of another plan are given up.

    Args:
        plan: JSON-ready; everything that what the model writes depends on.

    Raises:
        UserError: another evaluation is writing there, or the folder cannot be written.
    """
    parts = Parts(folder / "parts")
    try:
        parts.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(parts.folder / "lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"Another evaluation is writing to {folder}: wait for it or name another folder.") from None
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from None
    try:
        plan = {"version": _VERSION, **plan}
        if parts.load_record("plan") != json.loads(json.dumps(plan)):
            for old in parts.folder.iterdir():
                if old.name != "lock":
                    old.unlink(missing_ok=True)
            parts.save_record("plan", plan)
        yield parts
    finally:
        lock.release()


def _pack(measured: Measured) -> dict[str, Any]:
    trace = measured.trace
    steps = trace.steps
    attends = trace.attention != "none"
    placed = trace.context in ("argmax", "sample")
    alphas = trace.alphas
    flat = np.zeros(0, np.float32) if alphas is None else alphas.ravel()
    return {
        "words": trace.words,
        "log_probs": [step.log_prob for step in steps],
        "end_log_prob": trace.end_log_prob,
        "alphas": flat if attends else None,
        "places": [v for step in steps if step.place is not None for v in step.place] if placed else None,
        "betas": [step.beta for step in steps] if attends else None,
        "entropies": [step.entropy for step in steps] if attends else None,
        "evidence": measured.evidence,
        "necessity": measured.necessity,
    }


def _unpack(row: dict[str, Any], setting: Setting) -> Measured:
    words = row["words"].as_py()
    T = len(words)
    log_probs = _array(row["log_probs"])
    maps = _array(row["alphas"])
    if maps is not None and T:
        maps = maps.reshape(T, *setting.grid)
    betas, entropies, places = _array(row["betas"]), _array(row["entropies"]), _array(row["places"])
    assert log_probs is not None
    steps = tuple(
        Step(
            word=words[t],
            log_prob=float(log_probs[t]),
            alpha=None if maps is None else maps[t],
            place=None if places is None else (int(places[2 * t]), int(places[2 * t + 1])),
            beta=None if betas is None else float(betas[t]),
            entropy=None if entropies is None else float(entropies[t]),
            top=(),
        )
        for t in range(T)
    )
    end = row["end_log_prob"].as_py()
    trace = Trace(setting.model, setting.attention, setting.context, setting.decoding, "", steps, end)
    return Measured(trace, _array(row["evidence"]), _array(row["necessity"]))


def _array(scalar: Any) -> np.ndarray | None:
    """A list of numbers as they were kept; None for null."""
    return scalar.values.to_numpy(zero_copy_only=False).copy() if scalar.is_valid else None
