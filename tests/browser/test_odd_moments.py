"""What people do at the wrong moment: going back, two tabs, another model while the last one still works."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect
from test_journey import ENTRY, ready

from sat.config import Decoding
from sat.ui.samples import read_sample

pytestmark = pytest.mark.browser


def settled(page: Page) -> None:
    """The page is done, shows no error, and can be used."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_going_back_between_pages_and_captions(page: Page, serve, tiny_folder):
    page.goto(f"{serve(ENTRY, tiny_folder)}/?sample=cat", wait_until="commit")
    cat = ready(page)
    settled(page)
    page.locator('.sample[value="coffee"]').click()
    coffee = ready(page, cat)
    settled(page)
    page.get_by_role("link", name="Compare").click()
    expect(page.locator(".player")).to_have_count(2)
    settled(page)
    page.go_back()
    expect(page.locator(".player")).to_have_count(1)
    expect(page.locator(".player")).to_have_attribute("data-ready", coffee)
    expect(page.locator('.sample[value="coffee"]')).to_have_attribute("aria-checked", "true")
    page.go_forward()
    expect(page.locator(".player")).to_have_count(2)
    settled(page)
    page.reload(wait_until="commit")
    expect(page.locator(".player")).to_have_count(2)
    settled(page)


def test_two_tabs_have_their_own_pictures(page: Page, serve, tiny_folder, tiny_captioners):
    address = serve(ENTRY, tiny_folder)
    other = page.context.new_page()
    for tab, sample in ((page, "cat"), (other, "coffee")):
        tab.goto(f"{address}/?sample={sample}&model=soft-tiny&decoding=greedy", wait_until="commit")
    words = {
        sample: tiny_captioners["soft-tiny"].caption(read_sample(sample), Decoding(method="greedy", max_words=8)).words
        for sample in ("cat", "coffee", "rocket")
    }
    seen = {tab: ready(tab) for tab in (page, other)}
    for tab, sample in ((page, "cat"), (other, "coffee")):
        expect(tab.locator(".chip")).to_have_text(words[sample])
    page.locator('.sample[value="rocket"]').click()
    ready(page, seen[page])
    expect(page.locator(".chip")).to_have_text(words["rocket"])
    settled(other)
    expect(other.locator(".chip")).to_have_text(words["coffee"])  # the other tab is as it was
    assert other.locator(".player").get_attribute("data-ready") == seen[other]


def test_another_model_and_picture_while_the_last_are_worked_on(browser: Browser, serve, tiny_folder, tiny_captioners):
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{serve(ENTRY, tiny_folder)}/?sample=cat&model=soft-tiny&decoding=greedy", wait_until="commit")
    page.locator('.sample[value="coffee"]').click()  # as soon as it is there: the first caption may not be
    for sample in ("rocket", "cat", "coffee", "rocket"):
        page.locator(f'.sample[value="{sample}"]').click(no_wait_after=True)
    page.get_by_role("radio", name="Hard attention").click(no_wait_after=True)
    page.locator('.sample[value="coffee"]').click(no_wait_after=True)
    trace = tiny_captioners["hard-tiny"].caption(read_sample("coffee"), Decoding(method="greedy", max_words=8))
    expect(page.locator(".chip")).to_have_text(trace.words)  # what was asked last, and nothing of what came before
    settled(page)
    assert "/hard-tiny/" in str(page.locator(".player").get_attribute("data-ready"))
    assert "sample=coffee" in page.url and "model=hard-tiny" in page.url
    context.close()
