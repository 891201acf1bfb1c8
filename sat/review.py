"""What people say of evaluated captions: tags, notes and how far the review is, in one SQLite file.

An evaluation is meant by its key (``evaluation_key``), a picture by its file name, a word by its position from 0. Each
tag, note and state belongs to a person. Every change is on disk when its method returns. Any number of processes and
sessions may use the file at once: SQLite's write-ahead log keeps readers and writers apart, and writers wait.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from filelock import FileLock, Timeout

from sat.errors import UserError
from sat.evaluation.agreement import Agreement, agreement
from sat.public import KEEPS_NOTHING
from sat.review_export import Exported, export
from sat.training.run import runs_root

T = TypeVar("T")
State = Literal["new", "reviewed", "later"]

TAXONOMY = ("object", "attribute", "count", "action", "relation", "repetition", "grammar")
STATES: tuple[State, ...] = get_args(State)
TAG_LENGTH, PERSON_LENGTH, NOTE_LENGTH = 40, 60, 10_000  # characters

_VERSION = 1
_PATIENCE = 30.0  # seconds to wait for other writers
_CAPTION = -1  # stands for the whole caption where a word would stand: SQLite takes no two nulls for the same
_SCHEMA = f"""
BEGIN;
CREATE TABLE tags (evaluation TEXT, image TEXT, word INTEGER, tag TEXT, person TEXT, at REAL NOT NULL,
    PRIMARY KEY (evaluation, image, person, word, tag)) WITHOUT ROWID;
CREATE TABLE notes (evaluation TEXT, image TEXT, person TEXT, text TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (evaluation, image, person)) WITHOUT ROWID;
CREATE TABLE states (evaluation TEXT, image TEXT, person TEXT, state TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (evaluation, image, person)) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
COMMIT;
"""


@dataclass(frozen=True)
class Tag:
    """A tag that a person gave.

    Attributes:
        evaluation, image: what it was given to; word: which word of the caption, from 0; None means all of it.
        at: when, in UTC.
    """

    evaluation: str
    image: str
    word: int | None
    tag: str
    person: str
    at: datetime


@dataclass(frozen=True)
class Note:
    """What a person wrote about a picture; ``at``: when it was last changed, in UTC."""

    evaluation: str
    image: str
    text: str
    person: str
    at: datetime


class ReviewBook:
    """The tags, notes and states in the file ``path``, which is made when it is first written to.

    Every method raises UserError where the file is damaged, of another program, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add_tag(self, evaluation: str, image: str, tag: str, *, person: str, word: int | None = None) -> None:
        """Give a tag; one that is there already stays as it is.

        Args:
            tag: of ``TAXONOMY``, or one's own; see ``clean_tag``.
            word: which word of the caption, from 0; None means all of it.

        Raises:
            UserError: the tag, the name or the word is none.
        """
        row = (evaluation, image, _word(word), clean_tag(tag), clean_person(person), time.time())
        self._write(lambda db: db.execute("INSERT OR IGNORE INTO tags VALUES (?, ?, ?, ?, ?, ?)", row))

    def remove_tag(self, evaluation: str, image: str, tag: str, *, person: str, word: int | None = None) -> None:
        """Take back one's tag; one that is not there needs no taking."""
        row = (evaluation, image, _word(word), clean_tag(tag), clean_person(person))
        where = "evaluation = ? AND image = ? AND word = ? AND tag = ? AND person = ?"
        self._write(lambda db: db.execute(f"DELETE FROM tags WHERE {where}", row))

    def tags(self, evaluation: str, *, image: str | None = None, person: str | None = None) -> list[Tag]:
        """The tags of an evaluation, of one of its pictures, or of one person; by picture, word and time."""
        rows = self._select("image, word, tag, person, at", "tags", evaluation, image, person, "image, word, at, tag")
        return [Tag(evaluation, i, None if w == _CAPTION else w, tag, who, _time(at)) for i, w, tag, who, at in rows]

    def known_tags(self, evaluation: str) -> list[str]:
        """The tags to choose from: the taxonomy, then the others that somebody gave in this evaluation, by name."""
        rows = self._select("DISTINCT tag", "tags", evaluation, None, None, "tag")
        return [*TAXONOMY, *(tag for (tag,) in rows if tag not in TAXONOMY)]

    def set_note(self, evaluation: str, image: str, text: str, *, person: str) -> None:
        """Write one's note on a picture, in place of an earlier one; an empty text removes it.

        Raises:
            UserError: it is too long, or the name is none.
        """
        text, person = text.strip().encode(errors="replace").decode(), clean_person(person)
        if len(text) > NOTE_LENGTH:
            raise UserError(f"The note has {len(text)} characters: write at most {NOTE_LENGTH}.")
        self._replace("notes", (evaluation, image, person), text)

    def note(self, evaluation: str, image: str, *, person: str) -> str:
        """One's note on a picture; empty if there is none."""
        rows = self._select("text", "notes", evaluation, image, clean_person(person), "image")
        return rows[0][0] if rows else ""

    def notes(self, evaluation: str) -> list[Note]:
        """All notes, by picture and person."""
        rows = self._select("image, text, person, at", "notes", evaluation, None, None, "image, person")
        return [Note(evaluation, image, text, who, _time(at)) for image, text, who, at in rows]

    def set_state(self, evaluation: str, image: str, state: State, *, person: str) -> None:
        """Say how far one's review of a picture is; ``new`` is what all are that nothing was said of.

        Raises:
            UserError: there is no such state, or the name is none.
        """
        if state not in STATES:
            raise UserError(f"There is no state {state!r}: choose one of {', '.join(STATES)}.")
        self._replace("states", (evaluation, image, clean_person(person)), "" if state == "new" else state)

    def states(self, evaluation: str, *, person: str) -> dict[str, State]:
        """How far a person's review is, by picture; those that are ``new`` are left out."""
        rows = self._select("image, state", "states", evaluation, None, clean_person(person), "image")
        return dict(rows)

    def people(self, evaluation: str) -> list[str]:
        """Who has given a tag, a note or a state in this evaluation, by name."""
        union = " UNION ".join(f"SELECT person FROM {t} WHERE evaluation = ?1" for t in ("tags", "notes", "states"))
        return [name for (name,) in self._read(lambda db: db.execute(union, (evaluation,)).fetchall())]

    def agreement(self, evaluation: str, first: str, second: str) -> Agreement:
        """How far two people agree on the pictures that both have marked ``reviewed``: see ``Agreement``."""
        first, second = clean_person(first), clean_person(second)
        done = [{i for i, s in self.states(evaluation, person=p).items() if s == "reviewed"} for p in (first, second)]
        given: tuple[defaultdict[str, set[str]], defaultdict[str, set[str]]] = (defaultdict(set), defaultdict(set))
        for of_person, person in zip(given, (first, second), strict=True):
            for tag in self.tags(evaluation, person=person):
                of_person[tag.image].add(tag.tag)
        return agreement(first, second, done[0] & done[1], given, TAXONOMY)

    def export(self, evaluation: str, rows: Iterable[Mapping[str, Any]]) -> Exported:
        """The review as CSV and JSON texts, one row a picture; see ``sat.review_export``."""
        return export(self, evaluation, rows)

    def _replace(self, table: Literal["notes", "states"], key: tuple[str, str, str], value: str) -> None:
        """Set the one value of a person on a picture; an empty one is removed."""

        def write(db: sqlite3.Connection) -> None:
            if value:
                db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?)", (*key, value, time.time()))
            else:
                db.execute(f"DELETE FROM {table} WHERE evaluation = ? AND image = ? AND person = ?", key)

        self._write(write)

    def _select(
        self, columns: str, table: str, evaluation: str, image: str | None, person: str | None, order: str
    ) -> list[Any]:
        where, values = ["evaluation = ?"], [evaluation]
        for column, value in (("image", image), ("person", person)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        query = f"SELECT {columns} FROM {table} WHERE {' AND '.join(where)} ORDER BY {order}"
        return self._read(lambda db: db.execute(query, values).fetchall())

    def _read(self, work: Callable[[sqlite3.Connection], list[Any]]) -> list[Any]:
        return self._do(work) if self.path.exists() else []

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        self._do(work)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction; what it does may be done twice."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._once(work)
            except sqlite3.OperationalError as error:
                # Where SQLite cannot wait by itself (a log that is being made or taken down), it says so at once.
                if not any(word in str(error) for word in ("locked", "busy")):
                    raise UserError(f"{self.path} cannot be used ({error}): free some space or check it.") from None
                if time.monotonic() > deadline:
                    raise UserError(f"{self.path} is in use by another program: close that one.") from None
                time.sleep(0.01)
            except sqlite3.DatabaseError as error:
                raise UserError(
                    f"{self.path} is damaged ({error}): put a copy in its place, or move it away to begin anew."
                ) from None
            except (OSError, Timeout) as error:
                raise UserError(f"{self.path} cannot be used ({error}): check the folder.") from None

    def _once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE)) as db:
            if _version(db) == 0:
                with FileLock(f"{self.path}.lock", timeout=_PATIENCE):
                    self._make(db)
            if (version := _version(db)) != _VERSION:
                raise UserError(f"{self.path} is of another version ({version}): name another file.")
            with db:
                return work(db)

    def _make(self, db: sqlite3.Connection) -> None:
        """Make the tables, unless somebody else just has."""
        if _version(db) != 0:
            return
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise UserError(f"{self.path} belongs to another program: name another file.")
        db.execute("PRAGMA journal_mode = WAL")  # stays so
        db.executescript(_SCHEMA)


class NoBook(ReviewBook):
    """An empty book that cannot be written to: that of a public demo."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def _read(self, work: Callable[[sqlite3.Connection], list[Any]]) -> list[Any]:
        return []

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        raise UserError(KEEPS_NOTHING)


def default_path() -> Path:
    """The file of this installation: ``$SAT_REVIEW``, else ``review.sqlite`` in the folder of the runs."""
    named = os.environ.get("SAT_REVIEW")
    return Path(named) if named else runs_root() / "review.sqlite"


def evaluation_key(about: Mapping[str, Any]) -> str:
    """What the tags of an evaluation are kept under: the same whenever it is opened, or made again.

    It tells apart everything that decides about the captions: model and its weights, data set, split, decoding.

    Args:
        about: of an ``EvaluationStore``.
    """
    told = {key: about.get(key) for key in ("model", "weights", "dataset", "split", "decoding")}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
    return f"{told['model']}/{told['dataset']}/{told['split']}/{digest[:12]}"


def clean_tag(tag: str) -> str:
    """A tag as it is kept: in small letters, with single spaces.

    Raises:
        UserError: it is empty, too long, or holds what cannot be printed.
    """
    return _clean(tag.lower(), "A tag", TAG_LENGTH)


def clean_person(person: str) -> str:
    """A name as it is kept, with single spaces.

    Raises:
        UserError: it is empty, too long, or holds what cannot be printed.
    """
    return _clean(person, "A name", PERSON_LENGTH)


def _clean(text: str, what: str, longest: int) -> str:
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if not 1 <= len(text) <= longest or not text.isprintable():
        raise UserError(f"{what} has 1 to {longest} characters that can be printed: choose another one.")
    return text


def _word(word: int | None) -> int:
    if word is None:
        return _CAPTION
    if word < 0:
        raise UserError("The words of a caption are counted from 0.")
    return int(word)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
