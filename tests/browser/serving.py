"""Servers of the app for the tests that drive a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.serving import free_port, wait

ROOT = Path(__file__).parents[2]


def start_server(
    script: Path, environment: dict[str, str], log: Path, port: int | None = None
) -> tuple[subprocess.Popen, str]:
    """Start ``streamlit run SCRIPT``, wait until it answers, and return the process and its address."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.address", "127.0.0.1", "--server.fileWatcherType", "none"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with log.open("a") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        return process, wait(process, port)
    except RuntimeError as error:
        raise AssertionError(f"{error}: {log.read_text()}") from None
