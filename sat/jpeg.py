"""Counting the scans of a JPEG without decoding it.

A progressive JPEG is decoded in scans, each of which goes over the whole picture. A real one has about ten, but a file
may have as many as fit: some bytes each, and a quarter of a second of work at 25 million pixels. So they are counted
first.
"""

from __future__ import annotations

import re

_MARKER = re.compile(rb"\xff+([^\x00\xff])")  # 0xff 0x00 is a byte of data
_SCAN, _END = 0xDA, 0xD9
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a body: TEM, RST0 to RST7, SOI


def count_scans(data: bytes) -> int:
    """The number of scans of the first picture in a JPEG file; 0 where the bytes are no JPEG."""
    if not data.startswith(b"\xff\xd8"):
        return 0
    scans, at = 0, 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = found[1][0], found.end()
        if marker == _END:
            break
        if marker in _ALONE:
            continue
        scans += marker == _SCAN
        at += int.from_bytes(data[at : at + 2], "big")
    return scans
