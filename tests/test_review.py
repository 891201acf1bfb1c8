"""The review book: what was put in comes out, by whom and where; and nothing that was reported saved is ever lost."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sat import review as module
from sat.errors import UserError
from sat.review import STATES, TAXONOMY, ReviewBook, clean_person, clean_tag, default_path, evaluation_key

ABOUT = {"model": "soft", "weights": "abc", "dataset": "shapes", "split": "test", "decoding": {"beam": 5}, "words": 7}


@pytest.fixture
def book(tmp_path: Path) -> ReviewBook:
    return ReviewBook(tmp_path / "folder" / "review.sqlite")


def test_nothing_is_written_by_looking(book: ReviewBook) -> None:
    assert book.tags("e") == [] and book.notes("e") == [] and book.people("e") == []
    assert book.states("e", person="Ann") == {} and book.note("e", "x.jpg", person="Ann") == ""
    assert book.known_tags("e") == list(TAXONOMY)
    assert not book.path.parent.exists()


def test_tags(book: ReviewBook) -> None:
    before = datetime.now(UTC)
    book.add_tag("e", "b.jpg", "object", person="Ann", word=2)
    book.add_tag("e", "b.jpg", "  Too   Dark ", person="Ann")
    book.add_tag("e", "b.jpg", "object", person=" Bo ", word=2)
    book.add_tag("e", "a.jpg", "count", person="Ann", word=0)
    book.add_tag("other", "a.jpg", "action", person="Cy")
    at = book.tags("e", image="a.jpg")[0].at
    assert before <= at <= datetime.now(UTC)
    book.add_tag("e", "a.jpg", "count", person="Ann", word=0)  # there already
    assert book.tags("e", image="a.jpg")[0].at == at
    found = [(tag.image, tag.word, tag.tag, tag.person) for tag in book.tags("e")]
    assert found == [
        ("a.jpg", 0, "count", "Ann"),
        ("b.jpg", None, "too dark", "Ann"),
        ("b.jpg", 2, "object", "Ann"),
        ("b.jpg", 2, "object", "Bo"),
    ]
    assert [tag.tag for tag in book.tags("e", image="b.jpg", person="Bo")] == ["object"]
    assert book.known_tags("e") == [*TAXONOMY, "too dark"] and book.known_tags("other") == list(TAXONOMY)
    assert book.people("e") == ["Ann", "Bo"] and book.people("other") == ["Cy"]
    book.remove_tag("e", "b.jpg", "object", person="Ann")  # the caption's, which is not there
    book.remove_tag("e", "b.jpg", "object", person="Ann", word=2)
    book.remove_tag("e", "b.jpg", "TOO DARK", person="Ann")
    assert [(tag.image, tag.person) for tag in book.tags("e")] == [("a.jpg", "Ann"), ("b.jpg", "Bo")]


def test_notes_and_states(book: ReviewBook) -> None:
    book.set_note("e", "a.jpg", "the wave\nis taken for a boat ", person="Ann")
    book.set_note("e", "a.jpg", "no", person="Bo")
    book.set_note("e", "b.jpg", "\ud800 cannot be kept", person="Bo")
    book.set_note("e", "a.jpg", "  ", person="Bo")
    assert book.note("e", "a.jpg", person="Ann") == "the wave\nis taken for a boat"
    assert book.note("e", "a.jpg", person="Bo") == ""
    assert [(note.image, note.person, note.text) for note in book.notes("e")] == [
        ("a.jpg", "Ann", "the wave\nis taken for a boat"),
        ("b.jpg", "Bo", "? cannot be kept"),
    ]
    for state in STATES:
        book.set_state("e", f"{state}.jpg", "later", person="Ann")
        book.set_state("e", f"{state}.jpg", state, person="Ann")
    assert book.states("e", person="Ann") == {"later.jpg": "later", "reviewed.jpg": "reviewed"}
    assert book.states("e", person="Bo") == {}


def test_what_is_refused(book: ReviewBook) -> None:
    for tag in ("", "  ", "x" * 41, "a\x00b", "\ud800"):
        with pytest.raises(UserError, match="A tag has 1 to 40 characters"):
            book.add_tag("e", "a.jpg", tag, person="Ann")
    for person in ("", "x" * 61, "\u200b"):
        with pytest.raises(UserError, match="A name has 1 to 60 characters"):
            book.set_state("e", "a.jpg", "later", person=person)
    with pytest.raises(UserError, match="counted from 0"):
        book.add_tag("e", "a.jpg", "object", person="Ann", word=-1)
    with pytest.raises(UserError, match="no state 'done': choose one of new, reviewed, later"):
        book.set_state("e", "a.jpg", "done", person="Ann")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="has 10001 characters"):
        book.set_note("e", "a.jpg", "x" * 10_001, person="Ann")
    assert not book.path.exists()


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    for clean in (clean_tag, clean_person):
        try:
            once = clean(text)
        except UserError:
            continue
        assert clean(once) == once and once.isprintable() and 1 <= len(once) <= 60


def test_agreement_of_what_both_have_reviewed(book: ReviewBook) -> None:
    for image in ("a", "b", "c", "d", "only Ann"):
        book.set_state("e", image, "reviewed", person="Ann")
        if image != "only Ann":
            book.set_state("e", image, "reviewed", person="Bo")
    book.set_state("e", "not yet", "later", person="Bo")
    for image, word in (("a", 1), ("a", 2), ("b", None), ("only Ann", 0)):
        book.add_tag("e", image, "object", person="Ann", word=word)
    book.add_tag("e", "a", "object", person="Bo")  # the caption's: of the picture all the same
    book.add_tag("e", "not yet", "count", person="Bo")
    found = book.agreement("e", "Ann", "Bo")
    assert found.items == 4 and [tag.tag for tag in found.tags] == ["object"]
    # Yes by 2 and 1 of 4: observed 3/4, chance (2 * 1 + 2 * 3) / 16 = 0.5.
    assert found.overall.observed == 0.75 and found.overall.kappa == pytest.approx(0.5)
    assert book.agreement("e", "Ann", "Cy").items == 0


def test_key_of_an_evaluation() -> None:
    key = evaluation_key(ABOUT)
    assert key.startswith("soft/shapes/test/") and key == evaluation_key({**ABOUT, "pictures": 3, "version": 9})
    assert key == evaluation_key(json.loads(json.dumps(ABOUT)))
    changes = [{"weights": "def"}, {"decoding": {"beam": 1}}, {"split": "dev"}, {"model": "hard"}, {"dataset": "x"}]
    assert len({key, *(evaluation_key({**ABOUT, **change}) for change in changes)}) == 6
    assert evaluation_key({}).startswith("None/None/None/")


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SAT_REVIEW", "SAT_RUNS"):
        monkeypatch.delenv(name, raising=False)
    assert default_path() == Path("runs/review.sqlite")
    monkeypatch.setenv("SAT_RUNS", str(tmp_path))
    assert default_path() == tmp_path / "review.sqlite"
    monkeypatch.setenv("SAT_REVIEW", "/elsewhere/mine.sqlite")
    assert default_path() == Path("/elsewhere/mine.sqlite")


def test_export(book: ReviewBook) -> None:
    from numpy.random import default_rng

    from tests.evaluation.stored import picture

    rows = []
    for number in range(3):
        row, _ = picture(number, default_rng(0))
        rows.append({**row, "words": ["a", "dog", "runs"], "caption": "a dog runs", "CIDEr": 12.5})
    book.add_tag("e", "00001.jpg", "object", person="Ann", word=1)
    book.add_tag("e", "00001.jpg", "relation", person="Ann")
    book.add_tag("e", "00001.jpg", "object", person="Bo", word=99)  # a caption that was longer once
    book.set_note("e", "00001.jpg", '=HYPERLINK("x"); "said"\nand more', person="Ann")
    book.set_state("e", "00001.jpg", "reviewed", person="Ann")
    book.set_state("e", "00002.jpg", "later", person="Bo")
    done = book.export("e", rows)
    table = list(csv.DictReader(io.StringIO(done.csv, newline="")))
    assert [line["image"] for line in table] == ["00000.jpg", "00001.jpg", "00002.jpg"]
    assert [line["state (Ann)"] for line in table] == ["new", "reviewed", "new"]
    assert [line["state (Bo)"] for line in table] == ["new", "new", "later"]
    assert table[1]["tags (Ann)"] == "relation; object [2 dog]" and table[1]["tags (Bo)"] == "object [100]"
    assert table[1]["note (Ann)"] == '\'=HYPERLINK("x"); "said"\nand more' and table[0]["note (Ann)"] == ""
    assert table[0]["CIDEr"] == "12.5" and table[0]["objects_missed"] == "ball"
    record = json.loads(done.json)
    assert record["evaluation"] == "e" and [p["image"] for p in record["pictures"]] == [row["image"] for row in rows]
    first, second, third = (picture["reviews"] for picture in record["pictures"])
    assert first == {} and third == {"Bo": {"state": "later", "note": "", "tags": []}}
    assert second["Ann"]["note"] == '=HYPERLINK("x"); "said"\nand more' and second["Ann"]["state"] == "reviewed"
    tags = [(tag["tag"], tag["word"], tag["written"]) for tag in second["Ann"]["tags"]]
    assert tags == [("relation", None, None), ("object", 1, "dog")]
    assert datetime.fromisoformat(second["Ann"]["tags"][0]["at"]).tzinfo is not None


@pytest.mark.parametrize("damage", ["garbage", "a page", "another program", "another version", "a folder"])
def test_a_file_that_cannot_be_used_is_left_alone(book: ReviewBook, damage: str) -> None:
    for number in range(5):
        book.set_note("e", f"{number}.jpg", "x" * 9000, person="Ann")  # pages enough
        book.add_tag("e", f"{number}.jpg", "object", person="Ann")
    said = "is damaged"
    if damage == "garbage":
        book.path.write_bytes(b"this is no database" * 100)
    elif damage == "a page":
        whole = book.path.read_bytes()
        book.path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    elif damage == "another program":
        book.path.unlink()
        with sqlite3.connect(book.path) as db:
            db.execute("CREATE TABLE theirs (x)")
        db.close()
        said = "belongs to another program"
    elif damage == "another version":
        with sqlite3.connect(book.path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        said = "of another version"
    else:
        book.path.unlink()
        book.path.mkdir()
        said = "cannot be used"
    before = book.path.read_bytes() if book.path.is_file() else None
    for use in (lambda: book.tags("e"), lambda: book.set_note("e", "a.jpg", "x", person="Ann")):
        with pytest.raises(UserError, match=said):
            use()
    assert (book.path.read_bytes() if book.path.is_file() else None) == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be used"):
        ReviewBook(tmp_path / "file" / "review.sqlite").add_tag("e", "a", "object", person="Ann")


def test_a_writer_that_never_ends(book: ReviewBook, monkeypatch: pytest.MonkeyPatch) -> None:
    book.add_tag("e", "a.jpg", "object", person="Ann")
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    other = sqlite3.connect(book.path)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(UserError, match="in use by another program"):
            book.add_tag("e", "b.jpg", "object", person="Ann")
        assert len(book.tags("e")) == 1  # reading goes on
    finally:
        other.close()


class Model(RuleBasedStateMachine):
    """The book against a dictionary."""

    path: Path

    def __init__(self) -> None:
        super().__init__()
        self.path.unlink(missing_ok=True)
        self.tags: set[tuple[str, str, int | None, str, str]] = set()
        self.notes: dict[tuple[str, str, str], str] = {}
        self.states: dict[tuple[str, str, str], str] = {}

    @property
    def book(self) -> ReviewBook:
        return ReviewBook(self.path)  # as after a restart

    evaluations, images = st.sampled_from(["e", "f"]), st.sampled_from(["a.jpg", "b'\"; .jpg"])
    people, words = st.sampled_from(["Ann", "Bo Ö"]), st.none() | st.integers(0, 2)
    given_tags = st.sampled_from(["object", "count", "zu dunkel", "日本"])

    @rule(e=evaluations, i=images, t=given_tags, p=people, w=words)
    def add(self, e: str, i: str, t: str, p: str, w: int | None) -> None:
        self.book.add_tag(e, i, t, person=p, word=w)
        self.tags.add((e, i, w, t, p))

    @rule(e=evaluations, i=images, t=given_tags, p=people, w=words)
    def remove(self, e: str, i: str, t: str, p: str, w: int | None) -> None:
        self.book.remove_tag(e, i, t, person=p, word=w)
        self.tags.discard((e, i, w, t, p))

    @rule(e=evaluations, i=images, p=people, text=st.text(st.characters(codec="utf-8"), max_size=20))
    def write(self, e: str, i: str, p: str, text: str) -> None:
        self.book.set_note(e, i, text, person=p)
        self.notes[e, i, p] = text.strip()
        assert self.book.note(e, i, person=p) == text.strip()

    @rule(e=evaluations, i=images, p=people, state=st.sampled_from(STATES))
    def mark(self, e: str, i: str, p: str, state: module.State) -> None:
        self.book.set_state(e, i, state, person=p)
        self.states[e, i, p] = state

    @invariant()
    def same(self) -> None:
        for e in ("e", "f"):
            found = [(tag.evaluation, tag.image, tag.word, tag.tag, tag.person) for tag in self.book.tags(e)]
            assert len(found) == len(set(found)) and set(found) == {tag for tag in self.tags if tag[0] == e}
            notes = {(note.image, note.person): note.text for note in self.book.notes(e)}
            assert notes == {(i, p): text for (f, i, p), text in self.notes.items() if f == e and text}
            for person in ("Ann", "Bo Ö"):
                states = {i: s for (f, i, p), s in self.states.items() if (f, p) == (e, person) and s != "new"}
                assert self.book.states(e, person=person) == states


def test_the_book_is_what_was_done_to_it(tmp_path: Path) -> None:
    Model.path = tmp_path / "review.sqlite"
    run_state_machine_as_test(Model, settings=settings(max_examples=10, stateful_step_count=15, deadline=None))


WRITER = """
import os, signal, sys
from pathlib import Path
from sat.review import ReviewBook

path, person, count, mode = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
book = ReviewBook(Path(path))
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    if mode == "die" and number == count - 1:  # the row is in, the transaction is open
        row = ("e", "lost.jpg", -1, "object", person, 0.0)
        insert = "INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?)"
        book._do(lambda db: (db.execute(insert, row), os.kill(os.getpid(), signal.SIGKILL)))
    book.add_tag("e", f"{number % 7}.jpg", "object", person=person, word=number)
    print(number, flush=True)
"""


def writer(path: Path, person: str, count: int, mode: str = "live") -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(path), person, str(count), mode]
    process = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_and_threads_at_once_lose_nothing(book: ReviewBook) -> None:
    """Two processes and two sessions of a third, from the making of the file on."""
    book.path.parent.mkdir()
    processes = [writer(book.path, person, 60) for person in ("Ann", "Bo")]

    def session(person: str) -> None:
        for number in range(60):
            ReviewBook(book.path).add_tag("e", f"{number % 7}.jpg", "count", person=person, word=number)
            ReviewBook(book.path).tags("e", image="0.jpg")

    threads = [threading.Thread(target=session, args=(person,)) for person in ("Cy", "Di")]
    for process in processes:
        begin(process)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    found = {(tag.person, tag.word) for tag in book.tags("e")}
    assert found == {(person, number) for person in ("Ann", "Bo", "Cy", "Di") for number in range(60)}
    with sqlite3.connect(book.path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


@pytest.mark.parametrize("mode", ["in a transaction", "at any time"])
def test_killed_while_writing(book: ReviewBook, mode: str) -> None:
    process = writer(book.path, "Ann", *((20, "die") if mode == "in a transaction" else (100_000, "live")))
    begin(process)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(15)]
    if mode == "at any time":
        os.kill(process.pid, signal.SIGKILL)
    lines += process.communicate()[0].splitlines()
    assert process.returncode == -signal.SIGKILL
    reported = {int(line) for line in lines}
    kept = {tag.word for tag in book.tags("e")}
    assert reported <= kept and len(kept) <= len(reported) + 1  # one may be saved and not yet reported
    if mode == "in a transaction":
        assert reported == kept == set(range(19))
    book.add_tag("e", "next.jpg", "object", person="Ann")  # and the file is as good as before
    with sqlite3.connect(book.path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_full_disk_keeps_what_was_there(
    book: ReviewBook, full_disk: Callable[..., AbstractContextManager[None]]
) -> None:
    book.add_tag("e", "a.jpg", "object", person="Ann")
    with full_disk(), pytest.raises(UserError, match="cannot be used .*: free some space"):
        for number in range(500):
            book.set_note("e", f"{number}.jpg", "x" * 9000, person="Ann")
    assert [tag.image for tag in book.tags("e")] == ["a.jpg"]
