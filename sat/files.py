"""Writing files so that nobody ever sees half of one, and asking who holds their locks."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sat.errors import UserError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its name when the block ends well, and vanishes otherwise.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{threading.get_ident()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that takes its name, replacing what was there, when the block ends well.

    Raises:
        UserError: the disk is full, the folder above cannot be written, or ``path`` is a file.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        raise UserError(f"{path} is a file: name a folder.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
        temporary.chmod(0o755)
    except OSError as error:
        raise UserError(f"{path} could not be made ({error.strerror or error}): choose another place.") from error
    old = temporary.with_suffix(".old")
    try:
        yield temporary
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(temporary, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _not_written(path: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(f"{path} could not be written ({reason}): free some space or choose another place.")


def from_json(text: str | bytes) -> Any:
    """The content of JSON that may be damaged.

    Raises:
        ValueError: it is not JSON, or nests deeper than Python can follow.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one go."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one go."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def copy_folder(source: Path, destination: Path) -> None:
    """Copy a folder so that the copy is there whole or not at all."""
    with atomic_folder(destination) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)


def locked(path: Path) -> bool:
    """Whether a process on this machine (or on a disk that both see) holds the lock file ``path`` right now."""
    if not path.is_file():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False
