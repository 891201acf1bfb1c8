"""Take the README's pictures of the app again: ``make pictures``.

The picture of Train shows the run ``shapes-soft`` under ``$SAT_RUNS`` (else ``runs``), made by
``python -m sat train shapes-soft``; without it that picture is left as it is.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.page import chromium, server
from sat.jobs.runs import runs_root

HERE = Path(__file__).parent
COLOURS = 256  # a palette: a third of the size


@dataclass(frozen=True)
class Shot:
    """One picture: where, how large (CSS pixels), in which theme, what to wait for, and which button to press."""

    name: str
    path: str
    width: int = 1280
    height: int = 1150
    dark: bool = False
    scale: int = 1
    wait: str = ".strip"
    click: str = ""


SHOTS = (
    Shot("explore", "/"),
    Shot("what-if", "/", height=1500, dark=True, click="Write “woman” instead"),
    Shot("compare", "/compare", height=1180),
    Shot("compare-dark", "/compare", height=1180, dark=True),
    Shot("phone", "/?model=hard-flickr8k&overlay=heat", width=390, height=844, dark=True, scale=2),
    Shot("mistakes", "/mistakes?view=browse&image=test-00180.png&step=9", height=1300),
    Shot("train", "/train?view=runs&run=shapes-soft", height=1600, wait=".player"),
)


def take(browser: Browser, address: str, shot: Shot) -> None:
    """One picture into its file."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.dark else "light",
        device_scale_factor=shot.scale,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(address + shot.path)
    page.locator(shot.wait).first.wait_for()
    settled(page)
    if shot.click:
        page.get_by_role("button", name=shot.click).click()
        page.locator(".player").nth(1).wait_for()
        settled(page)
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    palette = shown.quantize(COLOURS)
    shown.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(HERE / f"{shot.name}.png", optimize=True)
    context.close()


def settled(page: Page) -> None:
    """Wait until the script and the fonts are there."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(2500)  # charts draw themselves after that


def main(only: Sequence[str] = ()) -> None:
    """All of them, or those that are named."""
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        server(Path(folder) / "log.txt") as (address, _),
    ):
        for shot in SHOTS:
            if only and shot.name not in only:
                continue
            if shot.name == "train" and not (runs_root() / "shapes-soft" / "model").is_dir():
                print("train: there is no finished run shapes-soft")
                continue
            take(browser, address, shot)
            print(shot.name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
