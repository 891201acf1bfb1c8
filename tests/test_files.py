"""Writing: all of a file or folder, or none of it."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from sat.errors import UserError
from sat.files import atomic_file, atomic_folder, locked, write_text


def test_a_file_is_written_and_replaced(tmp_path: Path):
    path = tmp_path / "new" / "a.txt"
    write_text(path, "one")
    write_text(path, "zwei ü")
    assert path.read_text(encoding="utf-8") == "zwei ü"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path, full_disk):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(UserError, match=r"a\.txt could not be written \(File too large\)"), full_disk():
        write_text(path, "x" * 5000)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_a_bug_while_writing_leaves_the_old_file_and_stays_a_bug(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["x" * 300, "a/b.txt", "folder"])
def test_an_impossible_name_is_one_sentence(tmp_path: Path, name: str):
    (tmp_path / "a").write_text("a file where a folder should be")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="could not be written") as caught:
        write_text(tmp_path / name, "text")
    assert len(str(caught.value).splitlines()) == 1
    assert sorted(os.listdir(tmp_path)) == ["a", "folder"]


def test_threads_that_write_one_file_do_not_meet(tmp_path: Path):
    path, wrong = tmp_path / "a.txt", []

    def write(letter: str) -> None:
        for _ in range(50):
            write_text(path, letter * 2000)
            text = path.read_text()
            if len(text) != 2000 or len(set(text)) != 1:
                wrong.append(text)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_is_written_and_replaced(tmp_path: Path):
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        (temporary / "one").write_text("1")
    with atomic_folder(path) as temporary:
        assert os.listdir(path) == ["one"]  # until the end
        (temporary / "two").write_text("2")
    assert os.listdir(path) == ["two"] and os.listdir(tmp_path) == ["model"]


def test_a_folder_that_does_not_fit_leaves_the_old_one(tmp_path: Path, full_disk):
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        (temporary / "one").write_text("1")
    with pytest.raises(UserError, match="File too large"), full_disk(), atomic_folder(path) as temporary:
        (temporary / "two").write_text("2" * 5000)
    assert os.listdir(path) == ["one"] and os.listdir(tmp_path) == ["model"]


def test_a_folder_whose_last_rename_fails_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        (temporary / "one").write_text("1")
    rename = os.replace

    def full(source, target):
        if str(source).endswith(".tmp"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="No space left on device"), atomic_folder(path) as temporary:
        (temporary / "two").write_text("2")
    assert os.listdir(path) == ["one"] and os.listdir(tmp_path) == ["model"]


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(UserError, match="is a file: name a folder"), atomic_folder(tmp_path / "model"):
        pass
    assert (tmp_path / "model").read_text() == "mine"


def test_a_lock_is_held_as_long_as_somebody_holds_it(tmp_path):
    path = tmp_path / "lock"
    assert not locked(path)
    with FileLock(path):
        assert locked(path)
    path.touch()  # one that a killed process left behind
    assert not locked(path)
