"""Visitors of a real server take turns, and who closes the tab is served no more."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.serving import end, free_port, wait
from load.client import Client

APP = Path(__file__).with_name("turns_app.py")


@pytest.fixture
def address() -> Iterator[str]:
    """A server with the app."""
    port = free_port()
    options = {"server.address": "127.0.0.1", "server.port": port, "server.headless": "true"}
    options |= {"server.fileWatcherType": "none", "browser.gatherUsageStats": "false"}
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *(f"--{k}={v}" for k, v in options.items())]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield wait(process, port)
    finally:
        end(process)


def test_a_closed_tab_is_not_served(address):
    async def visits() -> tuple[list[str], list[str]]:
        async with Client(address, "who=first") as first, Client(address, "who=patient") as patient:
            at_work = asyncio.create_task(first.run())
            await asyncio.sleep(1)  # it has its turn
            async with Client(address, "who=impatient") as impatient:
                waiting = asyncio.create_task(impatient.run())
                await impatient.until(lambda: "1 visitor before you …" in impatient.said(), "nobody says how many wait")
                later = asyncio.create_task(patient.run())
                await patient.until(lambda: "2 visitors before you …" in patient.said(), "nobody says how many wait")
                waiting.cancel()
            await at_work
            await later
            return first.said(), patient.said()

    with ThreadPoolExecutor(1) as apart:  # from the loop of the browser's tests
        first, patient = apart.submit(asyncio.run, visits()).result()
    assert first[0] == "first"
    assert patient == ["patient", "first patient"]
