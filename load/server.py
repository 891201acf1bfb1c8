"""The server under load: the public demo in a process of its own, and how much memory it takes."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from benchmarks.serving import end, free_port, wait

ROOT = Path(__file__).parents[1]
EVERY = 2.0  # seconds between two looks at its memory


class Server:
    """``python -m sat serve --public`` on a free port; gone when the ``with`` block ends."""

    def __init__(self, log: IO[bytes], **environment: str) -> None:
        self._log, self._environment = log, environment
        self.weighed: list[tuple[float, float]] = []  # seconds since the start of the clock, megabytes

    def __enter__(self) -> Self:
        port = free_port()
        command = [sys.executable, "-m", "sat", "serve", "--public", "--port", str(port)]
        environment = os.environ | {"SAT_HOSTS": "127.0.0.1"} | self._environment
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._log, stderr=self._log)
        try:
            self.address = wait(self._process, port)
        except RuntimeError:
            end(self._process)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._process)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def resident(self) -> float:
        """Its resident memory, in megabytes (2^20 bytes)."""
        text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
        if found is None:
            raise RuntimeError("the server has ended")
        return int(found[1]) / 1024

    def processor_seconds(self) -> float:
        """What it has computed so far, on all processors together."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii", errors="replace")
        ticks = fields.rpartition(")")[2].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")

    async def weigh(self) -> None:
        """Note its memory again and again, until cancelled."""
        while True:
            self.weighed.append((time.monotonic(), self.resident()))
            await asyncio.sleep(EVERY)
