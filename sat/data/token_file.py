"""The ``NAME.jpg#k<TAB>caption`` files in which Flickr8k and Flickr30k are published."""

from __future__ import annotations

import re
from pathlib import Path

from sat.errors import UserError

_LINE = re.compile(r"^(?P<name>[^\t#]+)#(?P<index>[0-9]{1,9})\t(?P<caption>.*\S)\s*$")


def read_token_file(path: Path) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Captions by picture name, in the order of their index, and a line for each malformed record.

    Raises:
        UserError: the file is missing, is not text, or holds no caption at all.
    """
    indexed: dict[str, dict[int, str]] = {}
    problems: list[str] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        match = _LINE.match(line)
        if match is None:
            problems.append(f"{path}:{number}: expected 'NAME.jpg#k<TAB>caption', found {line[:60]!r}")
            continue
        captions = indexed.setdefault(match["name"], {})
        if int(match["index"]) in captions:
            problems.append(f"{path}:{number}: a second caption #{match['index']} for {match['name']}")
            continue
        captions[int(match["index"])] = match["caption"].strip()
    if not indexed:
        raise UserError(f"{path} holds no captions: it should have lines 'NAME.jpg#k<TAB>caption'.")
    return {name: tuple(c[i] for i in sorted(c)) for name, c in indexed.items()}, problems


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file.

    Raises:
        UserError: the file is missing, unreadable, or not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # splitlines would cut at U+2028, form feeds, ...
        return lines if lines[-1] else lines[:-1]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: put the file there or name another data folder.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it and try again.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check the file and its permissions.") from None
