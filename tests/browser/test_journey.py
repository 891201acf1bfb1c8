"""The way of a first visitor: open, upload, step to the third word, see the overlay change."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from sat.config import Decoding
from sat.drawing.words import first_content_word
from sat.images import Picture, read_picture
from sat.ui.samples import read_sample

pytestmark = pytest.mark.browser
ENTRY = Path(__file__).parents[2] / "streamlit_app.py"


def canvas_bytes(page: Page) -> str:
    return page.locator(".picture").evaluate(
        "c => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(c.toDataURL()))))"
    )


def ready(page: Page, other_than: str = "") -> str:
    """Wait for a caption whose identity differs from one that was there, and return its identity."""
    page.wait_for_function(
        "old => { const walk = root => { for (const e of root.querySelectorAll('*')) {"
        " if (e.matches('.player')) return e.dataset.ready;"
        " if (e.shadowRoot) { const found = walk(e.shadowRoot); if (found !== undefined) return found; } } };"
        " const now = walk(document); return now && now !== old; }",
        arg=other_than,
    )
    return page.locator(".player").get_attribute("data-ready")


def test_open_upload_step_and_see(page: Page, serve, tiny_folder, tiny_captioners, photos: list[Picture], tmp_path):
    page.goto(serve(ENTRY, tiny_folder), wait_until="commit")
    first = ready(page)  # a caption without a click
    chips = page.locator(".chip")
    assert chips.count() >= 1
    shown = int(page.locator(".player").get_attribute("data-step"))
    expect(chips.nth(shown)).to_have_attribute("aria-checked", "true")

    path = tmp_path / "mine.png"
    Image.fromarray(np.ascontiguousarray(photos[2].display[:, ::-1])).save(path)
    page.get_by_role("radio", name="Upload").click()
    page.locator('input[type="file"]').set_input_files(str(path))
    ready(page, first)
    assert page.locator(".chip").count() >= 3

    page.locator(".chip").nth(0).click()
    before = canvas_bytes(page)
    page.locator(".next").click()
    page.locator(".next").click()
    third = page.locator(".chip").nth(2)
    expect(third).to_have_attribute("aria-checked", "true")
    assert canvas_bytes(page) != before
    step = tiny_captioners["soft-tiny"].caption(read_picture(path)).steps[2]
    assert third.inner_text() == step.word
    expect(page.locator("h3").first).to_have_text(f"“{step.word}”")  # the server follows
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(f"−{-step.log_prob:.2f}")

    with page.expect_download() as download:
        page.get_by_role("button", name="PNG", exact=True).nth(1).click()
    with Image.open(download.value.path()) as figure:  # this word's map, not the first word's
        recipe = json.loads(figure.text["Recipe"])
    assert (recipe["figure"], recipe["word"]) == ("focus", 3)


def test_a_link_restores_the_view(page: Page, serve, tiny_folder, tiny_captioners):
    address = serve(ENTRY, tiny_folder)
    page.goto(f"{address}/?sample=cat&model=hard-tiny&decoding=greedy&step=3&overlay=heat", wait_until="commit")
    identity = ready(page)
    assert "/hard-tiny/" in identity
    trace = tiny_captioners["hard-tiny"].caption(read_sample("cat"), Decoding(method="greedy", max_words=8))
    assert page.locator(".chip").all_inner_texts() == trace.words
    expect(page.locator(".player")).to_have_attribute("data-step", "2")
    expect(page.locator('.choice button[value="heat"]')).to_have_attribute("aria-checked", "true")
    expect(page.locator('.sample[value="cat"]')).to_have_attribute("aria-checked", "true")
    other = 1 if first_content_word(trace.words) == 0 else 0  # the usual word stands in no address
    page.locator(".chip").nth(other).click()
    expect(page).to_have_url(re.compile(f"step={other + 1}"))
    page.locator('.sample[value="coffee"]').click()
    ready(page, identity)
    assert "sample=coffee" in page.url and "step=" not in page.url
