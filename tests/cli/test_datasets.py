"""``data``, ``features`` and ``evaluate``: a data set made ready and scored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .running import good, run


def test_shapes_are_prepared_and_checked():
    expected = "shapes in {}: 4 train (20 captions), 2 dev (10 captions), 1 test (5 captions); no problems\n"
    assert good("data", "prepare", "shapes", "--data", "d", "--count", 4, 2, 1) == expected.format(Path("d/shapes"))
    assert good("data", "check", "shapes", "--data", "d") == expected.format(Path("d/shapes"))
    picture = sorted(Path("d").rglob("*.png"))[0]
    picture.write_bytes(picture.read_bytes()[:50])
    result = run("data", "check", "shapes", "--data", "d")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 2 and str(picture) in lines[0] and lines[1].endswith("; 1 problem")


def test_annotations_are_computed_once(shapes_root, cached):
    first = good("features", "--data", shapes_root, "--dataset", "shapes")
    assert first.startswith("14 of 14 pictures have annotations in ")
    store = Path(first.strip().split(" in ")[1]) / "annotations.f16"
    written = store.stat().st_mtime_ns
    assert good("features", "--data", shapes_root, "--dataset", "shapes") == first
    assert store.stat().st_mtime_ns == written


@pytest.mark.slow
def test_evaluate_writes_its_files(shapes_root, cached):
    out = good(
        "evaluate",
        "--model",
        "soft-tiny",
        "--data",
        shapes_root,
        "--dataset",
        "shapes",
        "--split",
        "test",
        "--out",
        "ev",
    )
    assert out.startswith("standard: BLEU-1 ") and sorted(os.listdir("ev")) == [
        "captions.jsonl", "hallucination.json", "metrics.json", "store",
    ]  # fmt: skip
    metrics = json.loads(Path("ev/metrics.json").read_text())
    assert metrics["model"] == "soft-tiny" and metrics["split"] == "test" and set(metrics["decoding"]) >= {"beam"}
    assert len(Path("ev/captions.jsonl").read_text().splitlines()) == 3
