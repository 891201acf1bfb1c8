"""What a training process takes of its machine, for the curves of a run."""

from __future__ import annotations

import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch


class Usage:
    """Use of processors, memory and GPU, from one ``read`` to the next."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._wall, self._busy = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        """``cpu``: how many processors were busy for this process since the last call; ``memory``: what it holds now,
        in GiB; with a GPU ``gpu_memory``, the most that tensors took so far in GiB, and ``gpu_busy``, per cent."""
        wall, busy = time.monotonic(), time.process_time()
        cpu = (busy - self._busy) / max(wall - self._wall, 1e-6)
        self._wall, self._busy = wall, busy
        return {"cpu": cpu, "memory": resident() / 2**30, **gpu_use(self.device)}


def resident() -> int:
    """Bytes of memory that this process holds now; where the system does not tell, the most that it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1 if sys.platform == "darwin" else 1024)


def gpu_use(device: torch.device) -> dict[str, float]:
    """The most memory that tensors took so far, in GiB, and how busy the GPU is, in per cent; nothing on a CPU."""
    if device.type != "cuda":
        return {}
    use = {"gpu_memory": torch.cuda.max_memory_allocated(device) / 2**30}
    with suppress(ModuleNotFoundError, RuntimeError):  # without NVIDIA's management library nobody can tell
        use["gpu_busy"] = float(torch.cuda.utilization(device))
    return use
