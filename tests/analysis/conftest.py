"""What every test of the analyses is tried on."""

from __future__ import annotations

import pytest
import torch

from sat.captioner import Captioner
from sat.trace import Trace

from .small import captioned


@pytest.fixture(params=["soft", "hard"])
def attending(request: pytest.FixtureRequest) -> tuple[Captioner, torch.Tensor, Trace]:
    """A model with attention, a picture's annotations, and a caption of several words."""
    return captioned(request.param)
