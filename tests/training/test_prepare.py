"""What a run finds before it begins."""

from __future__ import annotations

import json

from sat.config import ModelConfig, TrainConfig
from sat.data import shapes
from sat.training import prepare as module


def test_shapes_are_drawn_where_they_are_missing_and_kept_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("SAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shapes, "DEFAULT_COUNT", {"train": 3, "dev": 2})
    config = TrainConfig(
        dataset="shapes",
        data=str(tmp_path),
        min_word_count=1,
        model=ModelConfig(encoder="tf_efficientnet_lite0@blocks.3"),
    )
    said: list[str] = []
    prepared = module.prepare(config, said.append)
    assert said[0] == f"drawing 5 pictures of shapes into {tmp_path / 'shapes'}"
    assert (len(prepared.training), len(prepared.dev)) == (3, 2)
    assert prepared.store.dimension == prepared.decoder.config.annotation_dim == 80

    made = (tmp_path / "shapes" / "settings.json").stat().st_mtime_ns
    monkeypatch.setattr(shapes, "DEFAULT_COUNT", {"train": 9, "dev": 9})
    assert len(module.prepare(config, said.append).training) == 3
    assert (tmp_path / "shapes" / "settings.json").stat().st_mtime_ns == made
    assert json.loads((tmp_path / "shapes" / "settings.json").read_text())["count"]["train"] == 3
    assert sum("drawing" in line for line in said) == 1
