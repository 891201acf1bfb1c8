"""An empty folder to run in, a photograph and a small data set."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sat.data import shapes
from sat.images import Picture


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    """Every command runs in an empty folder, with the tiny models."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("SAT_DATA", raising=False)


@pytest.fixture(scope="session")
def photo_file(tmp_path_factory: pytest.TempPathFactory, photo: Picture) -> str:
    path = tmp_path_factory.mktemp("photos") / "astronaut.png"
    Image.fromarray(photo.display).save(path)
    return str(path)


@pytest.fixture(scope="session")
def shapes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of drawn shapes."""
    root = tmp_path_factory.mktemp("data")
    shapes.generate(root / "shapes", count={"train": 8, "dev": 3, "test": 3})
    return root


@pytest.fixture
def cached(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One store of annotations for all these tests."""
    monkeypatch.setenv("SAT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
