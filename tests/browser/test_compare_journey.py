"""Two captions walked through together in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from test_journey import ENTRY

from sat.analysis.compare import compare
from sat.captioner import Captioner
from sat.trace import Trace
from sat.ui.samples import read_sample, sample_names

pytestmark = pytest.mark.browser


@pytest.fixture
def show(page: Page, serve, tiny_folder):
    address = serve(ENTRY, tiny_folder)

    def open_page(query: str = "") -> Page:
        page.goto(f"{address}/compare?{query}", wait_until="commit")
        both_ready(page)
        return page

    return open_page


def both_ready(page: Page) -> None:
    for side in (0, 1):
        expect(page.locator(".player").nth(side)).to_have_attribute("data-ready", re.compile("/"))


def at(page: Page, side: int, step: int) -> None:
    expect(page.locator(".player").nth(side)).to_have_attribute("data-step", str(step))


def chip(page: Page, side: int, step: int):
    return page.locator(".player").nth(side).locator(".chip").nth(step)


@pytest.fixture(scope="session")
def captions(tiny_captioners: dict[str, Captioner]) -> list[Trace]:
    picture = read_sample(sample_names()[0])
    return [tiny_captioners[name].caption(picture) for name in ("soft-tiny", "hard-tiny")]


def test_players_of_one_text_step_together(show, captions):
    page = show("text=first")
    words = captions[0].words
    chip(page, 0, 0).click()
    at(page, 1, 0)
    expect(page.locator("h3").first).to_have_text(f"“{words[0]}”")  # the server follows
    chip(page, 1, len(words) - 1).click()
    at(page, 0, len(words) - 1)
    expect(page.locator("h3").first).to_have_text(f"“{words[-1]}”")
    expect(page).to_have_url(re.compile(rf"text=first.*step={len(words)}|step={len(words)}.*text=first"))
    page.locator(".player").nth(1).locator(".previous").click()
    at(page, 0, len(words) - 2)
    page.keyboard.press("ArrowLeft")
    at(page, 0, len(words) - 3)
    at(page, 1, len(words) - 3)


def test_players_of_two_captions_meet_where_words_belong_together(show, captions):
    page = show()
    pairs = compare(*captions).pairs
    for pair in pairs:
        if pair.first is not None and pair.second is not None:
            chip(page, 0, pair.first).click()
            at(page, 1, pair.second)
    alone = [pair.second for pair in pairs if pair.first is None]
    if alone:
        before = page.locator(".player").first.get_attribute("data-step")
        chip(page, 1, alone[0]).click()
        expect(page.locator("h3").first).to_have_text(f"“{captions[1].words[alone[0]]}”")
        assert page.locator(".player").first.get_attribute("data-step") == before


def test_another_model_keeps_the_word_and_the_other_player(show, captions):
    page = show("text=first")
    chip(page, 0, 2).click()
    expect(page.locator("h3").first).to_have_text(f"“{captions[0].words[2]}”")  # the server has heard of it
    before = page.locator(".player").first.get_attribute("data-ready")
    page.get_by_role("radiogroup", name="Second model").get_by_text("No attention").click()
    expect(page.locator(".player").nth(1)).to_have_attribute("data-ready", re.compile("/none-tiny/"))
    at(page, 0, 2)
    at(page, 1, 2)
    assert page.locator(".player").first.get_attribute("data-ready") == before
    expect(page.locator("h3").first).to_have_text(f"“{captions[0].words[2]}”")


def test_a_typed_text_is_kept_in_the_address(show):
    page = show("text=typed&words=two%20white%20dog")
    expect(page.locator(".player").first.locator(".chip")).to_have_text(["two", "white", "dog"])
    box = page.get_by_label("Your text")
    box.fill("a dog runs on grass")
    box.press("Enter")
    expect(page.locator(".player").first.locator(".chip")).to_have_text("a dog runs on grass".split())
    expect(page).to_have_url(re.compile(r"words=a(\+|%20)dog"))
    page.reload(wait_until="commit")
    expect(page.locator(".player").first.locator(".chip")).to_have_text("a dog runs on grass".split())


def test_glimpses_are_sampled_and_the_figure_is_saved(show, captions):
    page = show("text=first&panel=glimpses")
    page.get_by_role("button", name="Sample 100 captions").click()
    expect(page.get_by_text("All 100 captions")).to_be_visible()
    expect(page.locator(".js-plotly-plot .imagelayer image").first).to_be_attached()  # the picture behind the paths
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG", exact=True).first.click()
    with Image.open(download.value.path()) as figure:
        recipe = json.loads(figure.text["Recipe"])
    assert recipe["figure"] == "compare" and recipe["same_text"]
    assert [m["model"] for m in recipe["models"]] == ["soft-tiny", "hard-tiny"]
    with page.expect_download() as download:  # one model's row over the other's
        page.get_by_role("button", name="PNG", exact=True).nth(1).click()
    with Image.open(download.value.path()) as figure:
        rows = json.loads(figure.text["Recipe"])
    assert rows["figure"] == "strip" and [m["model"] for m in rows["models"]] == ["soft-tiny", "hard-tiny"]
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON", exact=True).click()
    record = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert record["second"]["words"] == captions[0].words


def test_it_fits_a_phone(show):
    page = show("panel=truth&text=first")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("Exact marginal").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    above, below = (page.locator(".player").nth(side).bounding_box() for side in (0, 1))
    assert above["y"] + above["height"] <= below["y"]
    assert max(above["x"] + above["width"], below["x"] + below["width"]) <= 390


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("panel", ["whole", "glimpses", "truth"])
def test_no_serious_accessibility_finding(browser: Browser, serve, tiny_folder, dark, panel):
    context = browser.new_context(
        viewport={"width": 1280, "height": 1000}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(f"{serve(ENTRY, tiny_folder)}/compare?sample=cat&panel={panel}", wait_until="commit")
    both_ready(page)
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0)
    found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    context.close()
    assert not found, "\n".join(f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:5]}" for v in found)
