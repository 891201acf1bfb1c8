"""From the Train page to finished models in Explore: two pages start at once, the server is killed on the way, and a
hard model goes on from the soft one."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from serving import start_server
from test_journey import ENTRY, ready

from benchmarks.serving import free_port
from sat.data import shapes
from sat.jobs.runs import State
from sat.jobs.service import Jobs
from sat.training.run import RunFolder

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(1500)]
LONG = 600_000  # milliseconds for a training; a quiet machine needs a tenth


class Server:
    """The app on one port, which can be killed and started again."""

    def __init__(self, log: Path, port: int) -> None:
        self.log, self.port, self.process = log, port, None

    def start(self) -> None:
        self.process, self.address = start_server(ENTRY, {}, self.log, self.port)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """The service that the app uses too, on a small data set of its own."""
    for name in ("SAT_PUBLIC", "SAT_RAY_ADDRESS", "SAT_JOB", "SAT_CHECKPOINTS", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("data", "cache", "runs"):
        monkeypatch.setenv(f"SAT_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ENTRY.parent), os.environ.get("PYTHONPATH")])))
    shapes.generate(tmp_path / "data" / "shapes", count={"train": 48, "dev": 6, "test": 4}, seed=3)
    service = Jobs()
    yield service
    service.shutdown(force=True)


@pytest.fixture
def server(tmp_path: Path, jobs: Jobs) -> Iterator[Server]:
    server = Server(tmp_path / "server.txt", free_port())
    server.start()
    yield server
    server.kill()


def fill(page: Page, name: str, epochs: int) -> None:
    """The form: a small run of this name."""
    page.get_by_role("spinbutton", name="Epochs").fill(str(epochs))
    page.keyboard.press("Enter")
    page.get_by_text("Other settings").click()
    page.get_by_role("textbox", name="One key=value a line").fill("min_word_count=1\nmeteor=false")
    page.keyboard.press("Control+Enter")
    page.get_by_role("textbox", name="Name of the run").fill(name)
    page.keyboard.press("Enter")
    changes = f"--set epochs={epochs} --set min_word_count=1 --set meteor=false"
    expect(page.get_by_test_id("stCode").first).to_contain_text(changes)
    expect(page.get_by_test_id("stCode").first).to_contain_text(f"--name {name}")


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list by typing, as a long list is drawn in part only.

    A list closes where what it belongs to moves: so it is opened when the page is done with what was typed before and
    has come to rest, and the choice is made with Enter, since a click would scroll to the option first.
    """
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    box = page.get_by_role("combobox", name=label)
    box.scroll_into_view_if_needed()
    box.click(trial=True)  # waits until it stands still
    page.wait_for_timeout(500)  # what scrolling set off is over
    box.fill(option)
    expect(page.get_by_role("option", name=option, exact=True)).to_be_visible()
    box.press("Enter")


def explore(page: Page, name: str) -> None:
    """Open a finished run's model in Explore, and wait for its caption there."""
    machine = page.locator(".player").get_attribute("data-ready") or ""
    page.get_by_role("button", name="Open in Explore").click()
    expect(page).to_have_url(re.compile(f"model=run(:|%3A){name}"))
    assert f"/{name}/" in ready(page, machine)


def look(page: Page, name: str, state: str, timeout: float = LONG) -> None:
    """Wait until the page shows a run in a state."""
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=timeout)
    expect(page.locator(".stMarkdownBadge").first).to_have_text(re.compile(f"^({state})"), timeout=timeout)


def test_from_the_page_to_a_model_in_explore(page: Page, browser, server: Server, jobs: Jobs):
    # Two people start the same preset at the same moment; the second run waits for the first.
    second = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    for one, name in ((page, "soft"), (second, "other")):
        one.set_default_timeout(120_000)
        one.goto(f"{server.address}/train?preset=shapes-soft", wait_until="commit")
        fill(one, name, 60)
    for one in (page, second):
        one.get_by_role("button", name="Start", exact=True).click(no_wait_after=True)
    look(page, "soft", "running|waits")
    look(second, "other", "running|waits")
    states = {run.name: run.state for run in jobs.runs()}
    assert sorted(states) == ["other", "soft"] and all(state.active for state in states.values())
    first, waiting = ("soft", "other") if states["soft"] is State.RUNNING else ("other", "soft")
    other = second if waiting == "other" else page
    other.get_by_role("button", name="Stop", exact=True).click()
    look(other, waiting, "stopped")
    expect(other.get_by_role("button", name="Stop", exact=True)).to_have_count(0)  # the page is done with changing
    other.get_by_role("button", name="Delete …").click()
    other.get_by_role("button", name="Delete it").click()
    expect(other.get_by_role("heading", name=waiting, exact=True)).to_have_count(0)
    assert [run.name for run in jobs.runs()] == [first]
    second.context.close()

    # The web server dies; the training does not notice, and the next server takes it up.
    folder = RunFolder(jobs.root / first)
    deadline = time.monotonic() + 300
    while folder.read_status().get("epoch", 0) < 2:
        assert time.monotonic() < deadline and jobs.get(first).state.active, jobs.logs(first)
        time.sleep(0.2)
    server.kill()
    at = folder.read_status()["step"]
    server.start()
    page.goto(f"{server.address}/train?view=runs&run={first}", wait_until="commit")
    look(page, first, "running|finished")
    look(page, first, "finished")
    assert folder.read_status()["step"] > at and jobs.get(first).order.attempt == 1

    # The time machine, back to the first epoch.
    records = [json.loads(path.read_text()) for path in sorted((folder.path / "samples").iterdir())]
    assert len(records) == 60
    expect(page.locator(".chip")).to_have_text(records[-1][0]["words"])
    page.get_by_role("slider", name="Epoch").focus()
    page.keyboard.press("Home")
    expect(page.locator(".chip")).to_have_text(records[0][0]["words"])

    explore(page, first)

    # Hard attention, from the soft model that was just made.
    page.goto(f"{server.address}/train?preset=shapes-hard", wait_until="commit")
    fill(page, "hard", 2)
    page.get_by_text("Model", exact=True).click()
    choose(page, "Start from", f"the run {first}")
    expect(page.get_by_test_id("stCode").first).to_contain_text(f"{first}/model")
    page.get_by_role("button", name="Start", exact=True).click()
    look(page, "hard", "finished")
    explore(page, "hard")
    expect(page.get_by_role("radio", name="Glimpse")).to_be_visible()
