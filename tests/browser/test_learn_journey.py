"""Through a whole chapter of Learn by keyboard, and its handout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from test_journey import ENTRY, ready

from sat.lessons.chapters import CHAPTERS

pytestmark = pytest.mark.browser
CHAPTER = next(chapter for chapter in CHAPTERS if chapter.slug == "one-step")


def test_a_chapter_by_keyboard(page: Page, serve, tiny_folder):
    page.goto(f"{serve(ENTRY, tiny_folder)}/learn?chapter=one-step&sample=cat", wait_until="commit")
    ready(page)
    heading = page.get_by_role("heading", level=3).first
    for screen in CHAPTER.screens:
        expect(heading).to_have_text(screen.title)
        if screen.question is not None:
            page.get_by_role("radio").locator("visible=true").last.focus()
            skip = page.get_by_role("button", name="Show the numbers without guessing")
            skip.focus()
            page.keyboard.press("Enter")
            expect(page.get_by_text("How do we know?").first).to_be_visible()
        page.get_by_role("heading", name="Learn").click()  # the keys turn the page when nothing else has them
        page.keyboard.press("n")
    after = CHAPTERS[CHAPTERS.index(CHAPTER) + 1].screens[0].title
    expect(heading).to_have_text(after)
    page.keyboard.press("b")
    expect(heading).to_have_text(CHAPTER.screens[-1].title)


def test_the_handout_is_a_pdf_with_the_chapter(page: Page, serve, tiny_folder):
    page.goto(f"{serve(ENTRY, tiny_folder)}/learn?chapter=annotations&sample=cat", wait_until="commit")
    ready(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Handout").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    assert download.value.suggested_filename == "annotations.pdf"


def test_a_part_of_the_diagram_leads_to_its_screen(page: Page, serve, tiny_folder):
    page.goto(f"{serve(ENTRY, tiny_folder)}/learn?chapter=one-step&sample=cat", wait_until="commit")
    ready(page)
    page.get_by_role("link", name="Context z").locator("visible=true").press("Enter")
    expect(page).to_have_url(re.compile("screen=context"))
    expect(page.get_by_role("heading", level=3).first).to_have_text(CHAPTER.screens[2].title)


def test_no_serious_accessibility_finding(page: Page, serve, tiny_folder):
    page.goto(f"{serve(ENTRY, tiny_folder)}/learn?chapter=one-step&screen=gate&sample=cat", wait_until="commit")
    ready(page)
    # A formula that is wider than its column scrolls without taking the focus: Streamlit's own element, out of reach.
    found = [
        v
        for v in Axe().run(page).response["violations"]
        if v["impact"] in ("serious", "critical") and any(n["target"] != [".katex-display"] for n in v["nodes"])
    ]
    assert not found, "\n".join(f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:5]}" for v in found)


@pytest.mark.slow
def test_a_class_guesses_together(browser: Browser, serve, tiny_folder):
    """Three people, two guesses: all see the same tally, whoever resets it does so for all, and no button is left."""
    address = f"{serve(ENTRY, tiny_folder)}/learn?chapter=one-step&screen=gate&sample=cat&class=blue-room-7"
    pages = []
    for width in (390, 1280, 1280):
        page = browser.new_context(viewport={"width": width, "height": 1000}, reduced_motion="reduce").new_page()
        page.set_default_timeout(60_000)
        page.goto(address, wait_until="commit")
        ready(page)
        pages.append(page)
    for page, guess in zip(pages, (0, 1, 0), strict=True):
        page.locator('[class*="st-key-guess"] [role="radiogroup"] label').nth(guess).click()
        page.get_by_role("button", name="Reveal").click()
        expect(page.get_by_text("How do we know?").first).to_be_visible()
    for page in pages:
        expect(page.get_by_text("3 answers so far in blue-room-7.")).to_be_visible()
        expect(page.locator(".tally dd:not(:has(.bar))")).to_have_text(["2", "1"])
        expect(page.get_by_role("button", name="Reveal")).to_have_count(0)
    pages[1].get_by_role("button", name="Reset this question").click()
    for page in pages:
        expect(page.get_by_text("0 answers so far in blue-room-7.")).to_be_visible()
        page.context.close()
