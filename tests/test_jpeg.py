"""Scans are counted as the decoder would meet them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from sat.jpeg import count_scans

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def encode(**options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(NOISE).save(out, "JPEG", **options)
    return out.getvalue()


def test_baseline_has_one_scan_and_progressive_ten():
    assert count_scans(encode()) == 1
    assert count_scans(encode(progressive=True)) == 10


def test_what_stands_in_other_segments_or_behind_the_end_does_not_count():
    data = encode()
    comment = b"\xff\xda" * 100
    inside = data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]
    assert count_scans(inside) == 1
    assert count_scans(data + b"\xff\xda\x00\x02" * 100) == 1


def test_repeated_scans_and_fill_bytes_count():
    data = encode(progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert count_scans(data[:-2] + (b"\xff\xff" + last) * 50 + data[-2:]) == 60


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\x89PNG\xff\xda", b"\xff\xd8" + b"\xff" * 1000])
def test_no_jpeg_has_none(data):
    assert count_scans(data) == 0
