"""What every lesson is tried on."""

from __future__ import annotations

import pytest

from sat.lessons.scene import Scene

from .slow import scene_of


@pytest.fixture(params=["soft", "hard"])
def attending(request: pytest.FixtureRequest) -> Scene:
    """A scene of a model with attention."""
    return scene_of(request.param)


@pytest.fixture(params=["soft", "hard", "none"])
def any_scene(request: pytest.FixtureRequest) -> Scene:
    """A scene of any model."""
    return scene_of(request.param)
