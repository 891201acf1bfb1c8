"""A server of the app in a process of its own, for whatever measures or tests it from outside."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request

PATIENCE = 300.0  # seconds until it must answer; a busy machine is slow, not broken


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(process: subprocess.Popen, port: int, patience: float = PATIENCE) -> str:
    """Wait until the server that a process is to be answers at ``port``; its address.

    Raises:
        RuntimeError: it ended, or does not answer in time.
    """
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + patience
    while True:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).close()
            return address
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start (exit code {process.poll()})") from None
            time.sleep(0.02)


def end(process: subprocess.Popen) -> None:
    """End it, by force where it does not listen."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
