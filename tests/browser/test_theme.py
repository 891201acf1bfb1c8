"""What is on the pages can be read, in both themes; axe looks at every page, and we where axe cannot."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from test_journey import ENTRY

pytestmark = pytest.mark.browser
PAGES = ("", "compare", "mistakes", "mistakes?view=browse", "results", "results?dataset=shapes", "learn", "train")
# axe leaves out text under an element that has no box of its own, as that of buttons is: WCAG's contrast, by hand.
CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
      const c = byte / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll('[data-testid^="stBaseButton-primary"]:enabled')].map((button) => {
    const style = getComputedStyle(button);
    const [dark, light] = [luminance(style.color), luminance(style.backgroundColor)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  });
}"""


def opened(browser: Browser, address: str, theme: str, width: int = 1280) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 1000}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(address, wait_until="commit")
    return page


def settled(page: Page) -> None:
    expect(page.get_by_role("heading", level=1).or_(page.locator(".player")).first).to_be_visible()
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0)
    expect(page.locator('[data-testid="stStatusWidget"]')).to_have_count(0)
    expect(page.locator('[data-testid="stSpinner"]')).to_have_count(0)


def test_primary_buttons_can_be_read_in_both_themes(browser: Browser, serve, tiny_folder):
    page = opened(browser, f"{serve(ENTRY, tiny_folder)}/learn?chapter=one-step&screen=gate&sample=cat", "dark")
    expect(page.get_by_test_id("stBaseButton-primary").filter(has_text="Next")).to_be_visible()
    page.locator('[class*="st-key-guess"] label').last.click()
    expect(page.get_by_role("button", name="Reveal")).to_be_visible()
    for theme in ("dark", "light"):  # the colours follow at once, without a run of the page
        page.emulate_media(color_scheme=theme)
        expect(page.locator(".stApp")).to_have_css("color-scheme", theme)
        page.wait_for_timeout(500)  # the colours glide
        found = page.evaluate(CONTRASTS)
        assert len(found) == 2 and min(found) >= 4.5, (theme, found)
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_page_has_a_serious_finding(browser: Browser, restarted, tmp_path, theme: str, width: int):
    folders = {name: str(tmp_path / name) for name in ("SAT_RUNS", "SAT_DATA", "SAT_CACHE")}
    address = restarted(ENTRY, SAT_CHECKPOINTS="", SAT_PUBLIC="", **folders)
    for path in PAGES:
        page = opened(browser, f"{address}/{path}", theme, width)
        settled(page)
        page.wait_for_timeout(1500)
        found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert not found, path + "\n".join(
            f"{v['id']}: {v['help']}: {[(n['target'], n['html'][:200]) for n in v['nodes']][:4]}" for v in found
        )
        assert all(contrast >= 4.5 for contrast in page.evaluate(CONTRASTS)), path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.context.close()
