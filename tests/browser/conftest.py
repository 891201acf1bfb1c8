"""A Streamlit server and a Chromium, both gone when the test is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from serving import start_server

from benchmarks.serving import end

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
PATIENCE = 180_000  # milliseconds; a busy machine with one core is slow, not broken

collect_ignore = ["player_app.py"]
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start ``streamlit run SCRIPT`` and return its address; servers are shared by script and checkpoints."""
    running: dict[tuple[str, str], tuple[subprocess.Popen, str]] = {}

    def start(script: Path, checkpoints: Path | None = None) -> str:
        key = (str(script), str(checkpoints))
        if key not in running:
            environment = {} if checkpoints is None else {"SAT_CHECKPOINTS": str(checkpoints)}
            running[key] = start_server(script, environment, tmp_path_factory.mktemp("server") / "log.txt")
        return running[key][1]

    yield start
    for process, _ in running.values():
        end(process)


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a server of one's own with an environment, and end the one before; returns its address."""
    running: list[subprocess.Popen] = []

    def start(script: Path, **environment: str) -> str:
        for process in running:
            end(process)
        process, address = start_server(script, environment, tmp_path / f"server-{len(running)}.txt")
        running.append(process)
        return address

    yield start
    for process in running:
        end(process)
