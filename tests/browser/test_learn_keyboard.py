"""Every chapter of Learn without a mouse: Tab comes to every control, the keys do what they say; and axe looks on."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from test_journey import ENTRY, ready

from sat.lessons.chapter import Chapter
from sat.lessons.chapters import CHAPTERS

pytestmark = pytest.mark.browser
SHIPPED = ENTRY.parent / "checkpoints"
SLUGS = [chapter.slug for chapter in CHAPTERS]
MODEL = "soft-flickr8k"
# Where the focus is, through the shadows of components: the path of elements from the outermost.
FOCUSED = """() => {
  const path = [];
  for (let one = document.activeElement; one; one = one.shadowRoot?.activeElement) path.push(one);
  const last = path.at(-1);
  return last === document.body ? null : (last.dataset.walked ??= String(window.walked = (window.walked ?? 0) + 1));
}"""
FORGET = """() => {
  document.activeElement?.blur();
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      delete one.dataset?.walked;
      if (one.shadowRoot) walk(one.shadowRoot);
    }
  };
  walk(document);
}"""
# All that can be worked with and is seen; of a group of radio buttons one, which the arrows leave.
CONTROLS = """() => {
  const found = [];
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.shadowRoot) walk(one.shadowRoot);
      if (!one.matches("button, a[href], input, select, textarea, [tabindex]")) continue;
      if (one.disabled || one.tabIndex < 0 || !one.checkVisibility({ visibilityProperty: true })) continue;
      if (!one.closest('[data-testid="stMain"]') && !(one.getRootNode() instanceof ShadowRoot)) continue;
      if (one.matches('input[type="radio"]') && root.querySelector(`input[name="${one.name}"][data-walked]`)) continue;
      if (!one.dataset.walked) found.push(one.outerHTML.slice(0, 160));
    }
  };
  walk(document);
  return found;
}"""


def quiet(page: Page) -> None:
    """Nothing is computed any more."""
    page.wait_for_timeout(300)
    for waiting in ("stStatusWidget", "stSpinner", "stSkeleton"):
        expect(page.locator(f'[data-testid="{waiting}"]')).to_have_count(0)
    expect(page.locator('[data-stale="true"]')).to_have_count(0)


def tab_everywhere(page: Page) -> None:
    """Press Tab until it has been everywhere, and see that nothing was left out."""
    page.evaluate(FORGET)
    assert len(page.evaluate(CONTROLS)) > 12
    seen: set[str] = set()
    for _ in range(150):
        page.keyboard.press("Tab")
        where = page.evaluate(FOCUSED)
        if where in seen:
            break
        if where is not None:  # from the last Tab goes round to the first, by way of nothing
            seen.add(where)
    assert not page.evaluate(CONTROLS), page.evaluate(CONTROLS)


def press(page: Page, name: str) -> None:
    """A button, by keyboard alone."""
    button = page.get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")


def leave(page: Page) -> None:
    """The keys turn the screens when nothing else has them."""
    page.locator("body").evaluate("() => document.activeElement?.blur()")


def walk(page: Page, chapter: Chapter) -> None:
    """Through a chapter with N, its questions and its words, and back with B."""
    heading = page.get_by_role("heading", level=3).first
    for at, screen in enumerate(chapter.screens):
        expect(heading).to_have_text(screen.title)
        quiet(page)
        if screen.slow:
            press(page, "Compute it on this picture")
            quiet(page)
        skip = page.get_by_role("button", name="Show the numbers without guessing")
        if at == 0 and skip.count():  # one guess: the arrows choose, Enter reveals
            page.locator('[class*="st-key-guess"] input').first.focus()
            page.keyboard.press("Space")
            page.keyboard.press("ArrowDown")
            reveal = page.get_by_role("button", name="Reveal")
            expect(reveal).to_be_visible()
            leave(page)
            page.keyboard.press("Enter")
            expect(reveal).to_have_count(0)
        elif skip.count():
            press(page, "Show the numbers without guessing")
            expect(skip).to_have_count(0)
        quiet(page)
        leave(page)
        page.keyboard.press("n")
    after = SLUGS.index(chapter.slug) + 1
    if after < len(CHAPTERS):
        expect(heading).to_have_text(CHAPTERS[after].screens[0].title)
        quiet(page)
        leave(page)
        page.keyboard.press("b")
    expect(heading).to_have_text(chapter.screens[-1].title)
    quiet(page)
    expect(page.get_by_text("How do we know?").first).to_be_visible()


def words(page: Page) -> None:
    """The player by its arrows: the next word, and all that hangs on it."""
    player = page.locator(".player")
    many = page.locator(".chip").count()
    page.locator(".chip").first.focus()
    for key, to in (("Home", 0), ("ArrowRight", 1), ("End", many - 1), ("ArrowLeft", many - 2)):
        page.keyboard.press(key)
        expect(player).to_have_attribute("data-step", str(min(max(to, 0), many - 1)))
    quiet(page)


def presenter(page: Page) -> None:
    """Bigger type and nothing but the screen, switched on and off by keyboard."""
    text = page.locator('[data-testid="stMain"] [data-testid="stMarkdownContainer"] p').locator("visible=true").last
    size = float(text.evaluate("p => parseFloat(getComputedStyle(p).fontSize)"))
    switch = page.get_by_role("switch", name="Presenter mode")
    switch.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", name="Learn", level=1)).to_be_hidden()
    assert float(text.evaluate("p => parseFloat(getComputedStyle(p).fontSize)")) > 1.15 * size
    switch.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", name="Learn", level=1)).to_be_visible()


def serious(page: Page) -> str:
    """What axe found, or nothing."""
    found = [
        v
        for v in Axe().run(page).response["violations"]
        # A formula that is wider than its column scrolls without taking the focus: Streamlit's element, out of reach.
        if v["impact"] in ("serious", "critical") and any(".katex-display" not in str(n["target"]) for n in v["nodes"])
    ]
    return "\n".join(
        f"{v['id']}: {v['help']}: {[(n['target'], n['html'][:200]) for n in v['nodes']][:4]}" for v in found
    )


def test_a_chapter_without_a_mouse(page: Page, serve, tiny_folder):
    page.goto(f"{serve(ENTRY, tiny_folder)}/learn?chapter=annotations&sample=cat", wait_until="commit")
    ready(page)
    quiet(page)
    tab_everywhere(page)
    words(page)
    presenter(page)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("slug", SLUGS)
def test_every_chapter_without_a_mouse(page: Page, serve, slug: str):
    page.goto(f"{serve(ENTRY, SHIPPED)}/learn?model={MODEL}&chapter={slug}&sample=cat", wait_until="commit")
    ready(page)
    quiet(page)
    tab_everywhere(page)
    words(page)
    presenter(page)
    walk(page, CHAPTERS[SLUGS.index(slug)])
    tab_everywhere(page)  # the last screen with its numbers open


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("slug", SLUGS)
def test_no_screen_has_a_serious_finding(browser: Browser, serve, slug: str, theme: str):
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, color_scheme=theme, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(180_000)
    address = serve(ENTRY, SHIPPED)
    for screen in CHAPTERS[SLUGS.index(slug)].screens:
        page.goto(f"{address}/learn?model={MODEL}&chapter={slug}&screen={screen.slug}&sample=cat", wait_until="commit")
        ready(page)
        quiet(page)
        for name in ("Compute it on this picture", "Show the numbers without guessing"):
            if page.get_by_role("button", name=name).count():
                press(page, name)
                expect(page.get_by_role("button", name=name)).to_have_count(0)
                quiet(page)
        assert not serious(page), f"{screen.slug}: {serious(page)}"
    context.close()
