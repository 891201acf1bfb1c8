"""A captioner starts without torch's compiler, and is the same as with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from torch import nn

from sat.models.light import shapes_only

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
import sat
from sat.ui.samples import read_sample
captioner = sat.load("shapes-soft")
captioner.caption(read_sample("shapes"))
assert "timm" in sys.modules and "torchvision" in sys.modules
assert not [name for name in sys.modules if name.startswith(("torch._dynamo", "sympy"))]
import torch
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2  # the compiler is still to be had
import torch._dynamo.utils
from torchvision.ops.roi_align import is_compile_supported
assert is_compile_supported("cpu") == torch._dynamo.utils.is_compile_supported("cpu")
"""


def test_a_caption_needs_no_compiler():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]


def test_modules_without_first_values():
    with shapes_only():
        module = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.LSTMCell(3, 2))
        module[1].weight.data.normal_(0, 1).uniform_()
    assert {tuple(p.shape) for p in module.parameters()} >= {(5, 4), (3, 4), (8, 3)}
    assert all(p.is_meta for p in module.parameters())
    assert nn.Linear(3, 3).weight.abs().sum() > 0  # elsewhere they have them
