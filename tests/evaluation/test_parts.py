"""Parts of an evaluation: what is kept comes back to the last bit; damage, other plans and a second writer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from sat.captioner import Captioner
from sat.config import Decoding
from sat.errors import UserError
from sat.evaluation.measured import Measured, Setting, measure
from sat.evaluation.parts import open_parts
from sat.images import Picture

PLAN = {"model": "soft-tiny", "pictures": [["a.png", "1"]]}


def written(captioner: Captioner, photos: list[Picture], decoding: Decoding) -> list[Measured]:
    """Captions of two pictures and one without words."""
    raw = captioner.annotate(photos)
    traces = [*captioner.caption_annotations(raw[:2], decoding), captioner.read(raw[2:3], [], decoding)]
    return measure(captioner, raw, traces)


@pytest.mark.parametrize("name", ["soft-tiny", "hard-tiny", "none-tiny"])
def test_round_trip(name: str, tiny_captioners: dict[str, Captioner], photos: list[Picture], tmp_path: Path) -> None:
    captioner = tiny_captioners[name]
    decoding = Decoding(method="greedy", max_words=6)
    before = written(captioner, photos, decoding)
    setting = Setting.of(captioner.config, decoding)
    with open_parts(tmp_path, PLAN) as parts:
        assert parts.load("captions", 3, setting) is None
        parts.save("captions", 3, before)
    with open_parts(tmp_path, PLAN) as parts:
        after = parts.load("captions", 3, setting)
    assert after is not None and len(after) == 3
    assert after[2].trace.words == [] and after[2].trace.end_log_prob == before[2].trace.end_log_prob
    for old, new in zip(before[:2], after[:2], strict=True):
        old_record, new_record = old.trace.to_dict(), new.trace.to_dict()
        assert all(step.pop("top") for step in old_record["steps"])
        assert not any(step.pop("top") for step in new_record["steps"])
        assert new_record == old_record
        assert new.trace.log_prob == old.trace.log_prob
        for measured in ("evidence", "necessity"):
            a, b = getattr(old, measured), getattr(new, measured)
            assert (a is None) is (b is None)
            if a is not None:
                np.testing.assert_array_equal(a, b)
        if name != "none-tiny":
            assert new.trace.alphas.dtype == np.float32
            np.testing.assert_array_equal(new.trace.alphas, old.trace.alphas)


def test_damage_another_plan_and_the_end(
    tiny_captioners: dict[str, Captioner], photos: list[Picture], tmp_path: Path
) -> None:
    captioner, decoding = tiny_captioners["soft-tiny"], Decoding(max_words=6)
    setting = Setting.of(captioner.config, decoding)
    some = written(captioner, photos, decoding)
    with open_parts(tmp_path, PLAN) as parts:
        parts.save("captions", 0, some)
        parts.save_record("grounding", {"phrases": 3, "by_type": {"people": 0.25}})
        path = tmp_path / "parts" / "captions-00000.parquet"
        whole = path.read_bytes()
        for damaged in (b"", whole[:-20], b"PAR1" + bytes(100)):
            path.write_bytes(damaged)
            assert parts.load("captions", 0, setting) is None
        path.write_bytes(whole)
        (tmp_path / "parts" / "other.json").write_text("[1")
        assert parts.load_record("other") is None
    with open_parts(tmp_path, PLAN) as parts:
        assert parts.load("captions", 0, setting) is not None
        assert parts.load_record("grounding") == {"phrases": 3, "by_type": {"people": 0.25}}
    with open_parts(tmp_path, {**PLAN, "model": "hard-tiny"}) as parts:
        assert parts.load("captions", 0, setting) is None
        assert parts.load_record("grounding") is None
        parts.remove()
        assert not (tmp_path / "parts").exists()


def test_one_at_a_time(tmp_path: Path) -> None:
    with (
        open_parts(tmp_path, PLAN),
        pytest.raises(UserError, match="Another evaluation is writing"),
        open_parts(tmp_path, PLAN),
    ):
        pass
    with open_parts(tmp_path, PLAN):
        assert FileLock(tmp_path / "parts" / "lock").is_locked is False  # another object, another owner


def test_a_full_disk(
    tiny_captioners: dict[str, Captioner],
    photos: list[Picture],
    tmp_path: Path,
    full_disk: Callable[..., AbstractContextManager[None]],
) -> None:
    captioner, decoding = tiny_captioners["soft-tiny"], Decoding(max_words=6)
    some = written(captioner, photos, decoding)
    with open_parts(tmp_path, PLAN) as parts:
        with full_disk(), pytest.raises(UserError, match="free some space"):
            parts.save("captions", 0, some)
        assert sorted(path.name for path in parts.folder.iterdir()) == ["lock", "plan.json"]
        assert torch.isfinite(torch.tensor(some[0].evidence)).all()
