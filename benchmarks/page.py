"""The app in Chromium: from its start to the first caption, and from picking a sample to the finished player."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.harness import Goal, Report, Result, compare, duration, main
from benchmarks.serving import PATIENCE, end, free_port, wait
from sat.errors import UserError
from sat.ui.samples import sample_names

START, PICK = Goal("at most", 2.0), Goal("at most", 1.0)
ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
PAUSE = 1.0  # seconds between two clicks: a visitor looks at a caption, and what the last click started ends
IMPORTS = "import torch, streamlit"
APP = ("-m", "sat", "serve", "--address", "127.0.0.1")  # as ``make app`` does
PLAIN = ("-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true", "--server.address", "127.0.0.1")
LATER = 5.0  # seconds until somebody opens the page who has read where it is

# Clicks a sample if asked to, waits until the player shows another caption than `old`; which, and how long it took.
_READY = """
([old, sample]) => new Promise(done => {
  const find = (root, selector) => {
    for (const e of root.querySelectorAll('*')) {
      if (e.matches(selector)) return e;
      const found = e.shadowRoot && find(e.shadowRoot, selector);
      if (found) return found;
    }
  };
  const started = performance.now();
  if (sample) find(document, `.sample[value="${sample}"]`).click();
  let player;
  const look = () => {
    if (!player?.isConnected) player = find(document, '.player');
    const now = player?.dataset.ready;
    if (now && now !== old) done([now, (performance.now() - started) / 1000]);
    else requestAnimationFrame(look);
  };
  look();
})
"""


@dataclass
class Seconds:
    """What was timed, one entry a round or a click; *_work is processor time, whatever else the machine did."""

    imports: list[float] = field(default_factory=list)
    imports_work: list[float] = field(default_factory=list)
    listening: list[float] = field(default_factory=list)
    caption: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)  # until the first caption with Streamlit's own command
    later: list[float] = field(default_factory=list)  # of a first visit some time after the start
    caption_work: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    server_work: list[float] = field(default_factory=list)  # of known picks
    browser_work: list[float] = field(default_factory=list)


def run(quick: bool = False) -> Report:
    """Several starts of the server; in each, the samples when they are new to the server and when they are known."""
    names, starts, laps = (sample_names()[:2], 1, 1) if quick else (sample_names(), 5, 3)
    seconds = Seconds()
    with chromium() as browser:
        for _ in range(starts):
            importing(seconds)
            one_start(browser, names, laps, seconds)
            seconds.plain.append(first_caption(browser, PLAIN))
            seconds.later.append(first_caption(browser, APP, after=0.2 if quick else LATER))
    imports = np.array(seconds.imports)
    results = (
        compare("start to first caption, over the imports", np.array(seconds.caption), imports, START),
        compare(
            "start to first caption with `streamlit run`, over the imports", np.array(seconds.plain), imports, START
        ),
        _clicks(f"first visit, {LATER:g} s after the start", seconds.later, None),
        _clicks("picking a sample that was captioned before", seconds.known, PICK),
        _late("picking one that was captioned before: 95 % are faster than", seconds.known, PICK),
        _clicks("picking a sample that is new to the server", seconds.new, PICK),
        _late("picking one that is new: 95 % are faster than", seconds.new, PICK),
    )
    text = (
        "The command of `make app` with the shipped models, in headless Chromium on the same machine. *Start* is from "
        "the command to the first caption drawn in a browser that is open already, over the time that "
        f'`python -c "{IMPORTS}"` takes. *Picking* is from the click on a sample to the player that shows its caption '
        "and picture, on a server that is warm."
    )
    notes = (
        f"The server listens after {duration(np.array(seconds.listening))} of {duration(np.array(seconds.caption))}; "
        "the rest is importing, loading the page and the model, the first caption and drawing it.",
        f"Processor time, which other programs do not lengthen: the server computes for "
        f"{duration(np.array(seconds.caption_work))} until the first caption, the imports alone for "
        f"{duration(np.array(seconds.imports_work))}; for a sample that was captioned before, the server takes "
        f"{duration(np.array(seconds.server_work))} and the browser {duration(np.array(seconds.browser_work))}.",
    )
    return Report("Page", text, results, notes)


def _clicks(what: str, values: list[float], goal: Goal | None) -> Result:
    return Result(what, tuple(values), goal, unit="s", best=min(values))


def _late(what: str, values: list[float], goal: Goal) -> Result:
    return Result(what, (float(np.percentile(values, 95)),), goal, unit="s")


def one_start(browser: Browser, names: list[str], laps: int, seconds: Seconds) -> None:
    """Start the server, wait for the first caption, pick every sample once, then ``laps`` times again."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with server(Path(folder) / "log.txt") as (address, pid), opened(browser) as page:
            seconds.listening.append(time.perf_counter() - started)
            page.goto(address, wait_until="commit")
            shown, _ = page.evaluate(_READY, ["", None])
            seconds.caption.append(time.perf_counter() - started)
            seconds.caption_work.append(work(pid))
            others = [*names[1:], names[0]]  # the first is known: it was there from the start
            for number, name in enumerate(others * (1 + laps)):
                page.wait_for_timeout(PAUSE * 1000)
                before = work(pid), work(os.getpid())
                shown, took = pick(page, shown, name)
                if number < len(names) - 1:
                    seconds.new.append(took)
                    continue
                at_server = work(pid) - before[0]
                seconds.known.append(took)
                seconds.server_work.append(at_server)
                seconds.browser_work.append(work(os.getpid()) - before[1] - at_server)


def first_caption(browser: Browser, command: Sequence[str], after: float | None = None) -> float:
    """Seconds from the start of a server to its first caption, or from a visit so long after the start."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with server(Path(folder) / "log.txt", command) as (address, _), opened(browser) as page:
            if after is not None:
                page.wait_for_timeout(1000 * after)
                started = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.evaluate(_READY, ["", None])
            return time.perf_counter() - started


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """An empty page."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    context.close()


def pick(page: Page, shown: str, sample: str) -> tuple[str, float]:
    """Click a sample; what is shown then, and the seconds until it was."""
    found, took = page.evaluate(_READY, [shown, sample])
    return found, took


def importing(seconds: Seconds) -> None:
    """Start Python and import torch and streamlit."""
    started, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, check=True)
    after = os.times()
    seconds.imports.append(time.perf_counter() - started)
    used = after.children_user + after.children_system - before.children_user - before.children_system
    seconds.imports_work.append(used)


def work(root: int) -> float:
    """Processor time so far, in seconds, of a process and of all that it started; 0 where the system does not say."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        pid = int(path.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser.

    Raises:
        UserError: there is none.
    """
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise UserError("The page cannot be timed without Chromium: install it (Debian: apt install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def server(log: Path, command: Sequence[str] = APP) -> Iterator[tuple[str, int]]:
    """The app's address, as soon as it answers, and its process; the server ends with the block.

    Args:
        command: of Python, that starts it.
    """
    port = free_port()
    whole = [sys.executable, *command, "--port" if command == APP else "--server.port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(whole, cwd=ROOT, env=os.environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield wait(process, port), process.pid
    except RuntimeError as error:
        raise UserError(f"The app cannot be timed, {error}: {log.read_text(encoding='utf-8')[-400:]}") from None
    finally:
        end(process)


if __name__ == "__main__":
    main(run)
