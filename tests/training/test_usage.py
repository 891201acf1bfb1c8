"""What a process takes of its machine."""

from __future__ import annotations

import mmap
import time

import numpy as np
import torch

from sat.training.usage import Usage, resident


def test_memory_that_is_held_is_counted():
    before = resident()
    held = np.frombuffer(mmap.mmap(-1, 50_000_000), np.uint8)  # new pages, not those that something else gave back
    held[:] = 1
    assert 30e6 < resident() - before < 200e6 and held[0] == 1


def test_processors_are_counted_from_one_reading_to_the_next():
    usage = Usage(torch.device("cpu"))
    time.sleep(0.3)
    idle = usage.read()
    assert set(idle) == {"cpu", "memory"} and 0.0 <= idle["cpu"] < 0.5 and idle["memory"] > 0.05
    started, until = time.process_time(), time.process_time() + 0.2
    while time.process_time() < until:
        pass
    assert usage.read()["cpu"] > 0.0 and time.process_time() > started
