"""Servers of the app for the tests that drive a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start_server(script: Path, environment: dict[str, str], log: Path) -> tuple[subprocess.Popen, str]:
    """Start ``streamlit run SCRIPT``, wait until it answers, and return the process and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.address", "127.0.0.1", "--server.fileWatcherType", "none"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    wait(process, address, log)
    return process, address


def end_server(process: subprocess.Popen) -> None:
    """End a server of ``start_server``."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait(process: subprocess.Popen, address: str, log: Path) -> None:
    """Wait until a server answers; what it wrote into its log is told where it does not."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
            return
        except OSError:
            assert process.poll() is None, f"the server ended: {log.read_text()}"
            time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()}")
