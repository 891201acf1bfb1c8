"""The server under load: the public demo in a process of its own, and how much memory it takes."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Self

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0  # seconds until it must answer
EVERY = 2.0  # seconds between two looks at its memory


class Server:
    """``python -m sat serve --public`` on a free port; gone when the ``with`` block ends."""

    def __init__(self, log: IO[bytes], **environment: str) -> None:
        self._log, self._environment = log, environment
        self.weighed: list[tuple[float, float]] = []  # seconds since the start of the clock, megabytes

    def __enter__(self) -> Self:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "sat", "serve", "--public", "--port", str(port)]
        environment = os.environ | {"SAT_HOSTS": "127.0.0.1"} | self._environment
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._log, stderr=self._log)
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__(None, None, None)
                raise RuntimeError(f"the server did not start (exit code {self._process.returncode})")
            time.sleep(0.2)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

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
