"""What if, in a real browser: another word, painted attention, a box drawn with a finger, a pasted picture; and the
accessibility rules."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from test_journey import ENTRY, canvas_bytes, ready

from sat.analysis.branch import branch
from sat.analysis.tree import BranchTree
from sat.captioner import Captioner
from sat.decoding.interventions import ForceWord, PaintMap
from sat.images import Picture
from sat.trace import Trace
from sat.ui.samples import read_sample

pytestmark = pytest.mark.browser
SERIOUS = ("serious", "critical")


@pytest.fixture
def cat() -> Picture:
    return read_sample("cat")


@pytest.fixture
def soft(tiny_captioners) -> Captioner:
    return tiny_captioners["soft-tiny"]


def chips(page: Page, player: int) -> list[str]:
    return page.locator(".player").nth(player).locator(".chip").all_inner_texts()


def tree_of(page: Page) -> BranchTree:
    return BranchTree.from_link(parse_qs(urlparse(page.url).query)["branches"][0])


def test_branch_on_another_word_and_follow_both(page: Page, serve, tiny_folder, soft, cat):
    trace = soft.caption(cat)
    address = serve(ENTRY, tiny_folder)
    page.goto(f"{address}/?sample=cat&step=1", wait_until="commit")
    ready(page)
    word = next(w for w, _ in trace.steps[0].top if w != trace.words[0] and not w.startswith("<"))
    page.get_by_role("button", name=f"Write “{word}” instead").click()
    expect(page.locator(".player")).to_have_count(2)
    expected = branch(soft, cat, trace, [ForceWord(step=0, word=word)]).trace
    expect(page.locator(".player").nth(1).locator(".chip")).to_have_text(expected.words)
    assert chips(page, 0) == trace.words
    # The players go together, by keys as well.
    both = min(len(trace.words), len(expected.words))
    assert both >= 2
    page.locator(".player").nth(0).locator(".chip").nth(0).press("ArrowRight")
    for player in (0, 1):
        expect(page.locator(".player").nth(player)).to_have_attribute("data-step", "1")
    # The link restores both.
    expect(page).to_have_url(re.compile("branches="))
    again = page.context.new_page()
    again.goto(page.url, wait_until="commit")
    expect(again.locator(".player")).to_have_count(2, timeout=120_000)
    assert chips(again, 1) == expected.words


def changing_dab(soft: Captioner, cat: Picture, trace: Trace, step: int) -> tuple[tuple[int, int], Trace]:
    """A cell on which one dab of the brush makes the model write something else."""
    raw = soft.annotate([cat])
    rows, columns = soft.geometry.rows, soft.geometry.columns
    y, x = np.indices((rows, columns))
    for row in range(0, rows, 2):
        for column in range(0, columns, 2):
            near = (abs(y - row) <= 2) & (abs(x - column) <= 2)
            levels = np.where(near, np.exp(-((y - row) ** 2 + (x - column) ** 2) / 1.5), 0).round(4)
            found = branch(soft, cat, trace, [PaintMap.of(levels, step)], raw=raw)
            if found.first_changed is not None:
                return (row, column), found.trace
    raise AssertionError("no place makes this small model write something else: give it another picture")


def test_paint_attention_and_see_another_word(page: Page, serve, tiny_folder, soft, cat):
    trace = soft.caption(cat)
    (row, column), expected = changing_dab(soft, cat, trace, 0)
    page.goto(f"{serve(ENTRY, tiny_folder)}/?sample=cat&step=1", wait_until="commit")
    ready(page)
    page.get_by_role("radio", name="Attention", exact=True).click()
    expect(page.locator(".paint")).to_be_visible()
    expect(page.locator(".try")).to_be_disabled()
    before = canvas_bytes(page)
    box = page.locator(".picture").bounding_box()
    rows, columns = soft.geometry.rows, soft.geometry.columns
    page.mouse.click(box["x"] + (column + 0.5) * box["width"] / columns, box["y"] + (row + 0.5) * box["height"] / rows)
    assert canvas_bytes(page) != before
    page.locator(".try").click()
    expect(page.locator(".player")).to_have_count(2)
    expect(page.locator(".player").nth(1).locator(".chip")).to_have_text(expected.words)
    assert expected.words != trace.words
    (edit,) = tree_of(page).nodes[0].edits
    assert isinstance(edit, PaintMap)
    assert np.unravel_index(np.argmax(edit.levels), (rows, columns)) == (row, column)


def test_a_finger_draws_a_box_on_a_phone_and_erases_it(browser: Browser, serve, tiny_folder, soft, cat):
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        color_scheme="dark",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(f"{serve(ENTRY, tiny_folder)}/?sample=cat", wait_until="commit")
    ready(page)
    picture = page.locator(".picture")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    at = lambda x, y: {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}  # noqa: E731
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at(0.26, 0.26)]})
    page.wait_for_timeout(700)  # the finger rests
    for part in (0.4, 0.5, 0.6):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at(part, part)]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".where")).to_contain_text("rows")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("radio", name="Picture", exact=True).click()
    page.get_by_role("button", name="Caption it without").click()
    expect(page.locator(".player")).to_have_count(2)
    (edit,) = tree_of(page).nodes[0].edits
    trace = soft.caption(cat)
    assert chips(page, 1) == branch(soft, cat, trace, [edit]).trace.words
    assert edit.bottom - edit.top > 1 and edit.right - edit.left > 1
    context.close()


def test_a_pasted_picture_is_captioned(page: Page, serve, tiny_folder, photos: list[Picture]):
    page.goto(serve(ENTRY, tiny_folder), wait_until="commit")
    first = ready(page)
    out = io.BytesIO()
    Image.fromarray(photos[1].display).save(out, "PNG")
    page.evaluate(
        """async data => {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "x.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        base64.b64encode(out.getvalue()).decode(),
    )
    ready(page, first)
    expect(page.get_by_text("This is the picture that you pasted.")).to_be_visible()


def test_a_pdf_of_the_strip_is_saved(page: Page, serve, tiny_folder):
    page.goto(f"{serve(ENTRY, tiny_folder)}/?sample=coffee", wait_until="commit")
    ready(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="PDF", exact=True).first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    assert download.value.suggested_filename == "coffee-soft-tiny-strip.pdf"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("panel", ["why", "cells", "trust", "whole"])
def test_no_serious_accessibility_finding(browser: Browser, serve, tiny_folder, dark, panel):
    context = browser.new_context(
        viewport={"width": 1280, "height": 1000}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(f"{serve(ENTRY, tiny_folder)}/?sample=cat&panel={panel}", wait_until="commit")
    ready(page)
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0)
    found = [v for v in Axe().run(page).response["violations"] if v["impact"] in SERIOUS]
    context.close()
    assert not found, "\n".join(f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:5]}" for v in found)
