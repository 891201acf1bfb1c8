"""The register: an index of the runs in one SQLite file, so that a list is quick. The folders are the truth.

It can be deleted, or damaged, at any time: it is made again from the folders. The one thing that it alone knows is
when a heartbeat was last seen to move, and that is soon known again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sat.errors import UserError
from sat.jobs.head import boot_id
from sat.jobs.runs import Run

T = TypeVar("T")

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS runs (name TEXT PRIMARY KEY, state TEXT NOT NULL, run TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS beats (name TEXT PRIMARY KEY, boot TEXT NOT NULL, sequence INTEGER NOT NULL, seen REAL);
PRAGMA user_version = {_VERSION};
"""


class Register:
    """The index of the runs under ``root``."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.file = root / "register.sqlite"
        self._clock = clock

    def replace(self, runs: Iterable[Run]) -> None:
        """Hold exactly these runs."""
        rows = [(run.name, str(run.state), json.dumps(run.to_dict())) for run in runs]

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM runs")
            db.executemany("INSERT INTO runs VALUES (?, ?, ?)", rows)
            db.execute("DELETE FROM beats WHERE name NOT IN (SELECT name FROM runs)")

        self._do(write)

    def put(self, run: Run) -> None:
        """Hold this run as it now stands."""
        row = (run.name, str(run.state), json.dumps(run.to_dict()))
        self._do(lambda db: db.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", row))

    def remove(self, name: str) -> None:
        """Forget a run."""

        def write(db: sqlite3.Connection) -> None:
            for table in ("runs", "beats"):
                db.execute(f"DELETE FROM {table} WHERE name = ?", (name,))

        self._do(write)

    def runs(self) -> list[Run]:
        """The runs as they were last seen, by name."""

        def read(db: sqlite3.Connection) -> list[Run]:
            rows = db.execute("SELECT run FROM runs ORDER BY name").fetchall()
            return [Run.from_dict(json.loads(row[0])) for row in rows]

        return self._do(read)

    def silence(self, name: str, sequence: int) -> float:
        """Seconds since the heartbeat of a run was last seen to move, 0 when it just did; takes note of it."""
        now, boot = self._clock(), boot_id()

        def look(db: sqlite3.Connection) -> float:
            row = db.execute("SELECT boot, sequence, seen FROM beats WHERE name = ?", (name,)).fetchone()
            if row is not None and row[0] == boot and row[1] == sequence and row[2] <= now:
                return now - float(row[2])
            db.execute("INSERT OR REPLACE INTO beats VALUES (?, ?, ?, ?)", (name, boot, sequence, now))
            return 0.0

        return self._do(look)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction; a file that is damaged, or of another version, is made anew once."""
        try:
            return self._once(work)
        except (sqlite3.Error, ValueError, KeyError, TypeError, OSError) as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise UserError(f"{self.file} is in use by another program: close that one.") from None
        try:
            for path in (self.file, self.file.with_name(f"{self.file.name}-journal")):
                path.unlink(missing_ok=True)
            return self._once(work)
        except (sqlite3.Error, OSError) as error:
            raise UserError(f"{self.file} cannot be written ({error}): free some space or check the folder.") from None

    def _once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.file, timeout=30)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise ValueError(f"version {version}")
            if version == 0:
                db.executescript(_SCHEMA)
            with db:
                return work(db)
