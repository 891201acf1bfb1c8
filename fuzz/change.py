"""Small damage: to bytes, to text, to JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    "",
    " ",
    "\x00",
    "\ufeff",
    "\u2028",
    "\u202e",
    "\ud800",
    "\x1b[31m",
    "é" * 50,
    "語" * 500,
    "a" * 100_000,
    "9" * 5000,
    "-1",
    "1e999",
    "nan",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "%s%n{}{0}",
    "\\",
    "'\";--",
    "\t",
    "\r\n",
    "null",
    "{}",
    "🐕",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**400,
    -(10**30),
    0.5,
    -0.0,
    float("nan"),
    float("inf"),
    1e308,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [1, "a", None],
    *WORDS,
)


def flip(data: bytes, rng: random.Random) -> bytes:
    """Some bytes anywhere changed."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 20)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def flip_head(data: bytes, rng: random.Random) -> bytes:
    """Some bytes of the beginning changed, where headers are."""
    end = min(len(data), rng.choice((16, 64, 256, 1024)))
    return flip(data[:end], rng) + data[end:]


def edge(data: bytes, rng: random.Random) -> bytes:
    """A number of the header set to one at the edge of what it can hold."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        size = rng.choice((1, 2, 4))
        at = rng.randrange(max(1, min(len(changed), 600) - size))
        value = rng.choice(_EDGES) & (256**size - 1)
        changed[at : at + size] = value.to_bytes(size, rng.choice(("big", "little")))
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    """The end missing."""
    return data[: rng.choice((rng.randrange(len(data)), rng.randrange(min(len(data), 200)), len(data) - 1))]


def shuffle(data: bytes, rng: random.Random) -> bytes:
    """A piece taken out, put in twice, or blanked."""
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 4, 64, 1024, 65536)))
    piece = data[start:end]
    middle = rng.choice((b"", piece * 2, b"\x00" * len(piece), b"\xff" * len(piece), rng.randbytes(len(piece))))
    return data[:start] + middle + data[end:]


DAMAGE: tuple[Callable[[bytes, random.Random], bytes], ...] = (flip, flip_head, edge, cut, shuffle)


def damage(data: bytes, rng: random.Random) -> bytes:
    """One kind of damage or several."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(DAMAGE)(data or b"\x00", rng)
    return data


def text(plain: str, rng: random.Random) -> bytes:
    """A text with strange pieces put in, as the bytes of a file."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(plain) + 1)
        plain = plain[:at] + rng.choice(WORDS) + plain[at + rng.choice((0, 0, 1, 20)) :]
    return plain.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-16", "utf-32")), "surrogatepass")


def values(content: Any, rng: random.Random) -> Any:
    """A copy of a JSON-like value, some of its parts replaced, renamed, doubled or removed."""
    content = copy.deepcopy(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = _places(content)
        if not places:
            return rng.choice(VALUES)
        holder, key = rng.choice(places)
        what = rng.randrange(8)
        if what == 0:
            del holder[key]
        elif what == 1 and isinstance(holder, dict):
            holder[rng.choice(WORDS)] = holder.pop(key)
        elif what == 2 and isinstance(holder, list):
            holder.extend([holder[key]] * rng.choice((1, 2, 500)))
        elif what == 3:
            holder[key] = deep(rng.choice((10, 200)))
        elif what == 4:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {str(key): holder[key]}
        else:
            holder[key] = rng.choice(VALUES)
    return content


def as_json(content: Any, rng: random.Random) -> bytes:
    """JSON of a value, sometimes with damage to the text itself."""
    plain = json.dumps(content, ensure_ascii=rng.random() < 0.5)
    what = rng.randrange(10)
    if what == 0:
        return text(plain, rng)
    if what == 1:
        return plain.encode("utf-8", "surrogatepass")[: rng.randrange(len(plain) + 1)]
    if what == 2:
        return b"[" * 100_000 if rng.random() < 0.5 else b'{"a":' * 100_000
    return plain.encode("utf-8", "surrogatepass")


def deep(levels: int) -> Any:
    """A list in a list in a list."""
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a value."""
    found: list[tuple[Any, Any]] = []
    queue = [content]
    while queue:
        here = queue.pop()
        keys = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        found += [(here, key) for key in keys]
        queue += [here[key] for key in keys]
    return found
