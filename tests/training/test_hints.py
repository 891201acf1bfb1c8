"""Every error that ends a run in practice has its advice, in the words in which it really comes."""

from __future__ import annotations

import errno
import os

import pytest
import torch

from sat.data.registry import load_dataset
from sat.errors import UserError
from sat.files import write_text
from sat.training.hints import hint


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "batch_pictures smaller"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "batch_pictures smaller"),
        (MemoryError(), "batch_pictures smaller"),
        ("Task was killed due to the node running low on memory pressure", "batch_pictures smaller"),
        (UserError("The loss became nan at step 5: lower learning_rate"), "learning_rate"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "disk is full"),
        ("Its process was killed (exit code -9).", "killed from outside"),
        ("NCCL error: unhandled system error", "resume"),
        (ValueError("something else"), ""),
    ],
)
def test_hint(error, advice):
    assert advice in hint(error) and bool(hint(error)) == bool(advice)


def test_the_words_of_this_program(tmp_path, full_disk):
    for name in ("shapes", "flickr8k", "flickr30k", "coco"):
        with pytest.raises(UserError) as missing:
            load_dataset(name, tmp_path)
        assert "data prepare" in hint(missing.value), str(missing.value)
    with pytest.raises(UserError) as full, full_disk():
        write_text(tmp_path / "x", "x" * 2000)
    assert "disk is full" in hint(full.value)
