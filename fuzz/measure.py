"""Processor time and peak memory of one call, on Linux exactly for that call."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

R = TypeVar("R")

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measured(call: Callable[[], R]) -> tuple[R, float, float]:
    """What a call returns, the processor seconds that it took, and the megabytes of memory that it had beyond before.

    Processor time is the same however busy the machine is.
    """
    before = resident("VmRSS")
    with suppress(OSError):
        _CLEAR.write_text("5")  # the peak is counted from here on
    started = time.process_time()
    result = call()
    seconds = time.process_time() - started
    return result, seconds, max(0.0, resident("VmHWM") - before)


def resident(field: str) -> float:
    """Megabytes of resident memory: now (``VmRSS``) or at the peak (``VmHWM``)."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:  # elsewhere than on Linux there is only the peak of the whole process
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 2**10


def limit_memory(megabytes: int) -> None:
    """Let this process allocate at most so much beyond what it has: beyond that the system refuses."""
    try:
        has = next(
            int(line.split()[1])
            for line in _STATUS.read_text(encoding="ascii").splitlines()
            if line.startswith("VmData")
        )
        resource.setrlimit(resource.RLIMIT_DATA, (has * 2**10 + megabytes * 2**20, resource.RLIM_INFINITY))
    except (OSError, ValueError, StopIteration):  # not on Linux: what is measured must do
        return
