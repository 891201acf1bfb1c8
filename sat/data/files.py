"""Small file chores that every data set shares."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

from sat.errors import UserError


def first_existing(folder: Path, names: tuple[str, ...]) -> Path:
    """The first of ``names`` that is in ``folder``.

    Raises:
        UserError: none of them is there.
    """
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise UserError(f"{folder} has none of {', '.join(names)}: put one of them there.")


def picture_path(folder: Path, name: str) -> Path | None:
    """The file ``folder/name`` if it is there; None too for a name that would lead out of the folder."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        return None
    path = folder / pure
    return path if os.path.isfile(path) else None  # unlike Path.is_file, never raises on impossible names


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: put the file there or name another data folder.") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not valid JSON: download it again.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check the file and its permissions.") from None
