"""From a number to its cause in a real browser: sort, filter, open, step, tag by keys, export, find it again."""

from __future__ import annotations

import csv
import json
import re
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from test_journey import ENTRY

from sat import checkpoints
from sat.evaluation.browse import Condition, EvaluationStore
from sat.review import ReviewBook, evaluation_key

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def store() -> EvaluationStore:
    return EvaluationStore.open(checkpoints.find("shapes-soft") / "evaluation")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a fresh clone: nothing but what ships."""
    folders = {"SAT_RUNS": "runs", "SAT_DATA": "data", "SAT_CACHE": "cache"}
    return {name: str(tmp_path / folder) for name, folder in folders.items()} | {
        "SAT_CHECKPOINTS": "",
        "SAT_PUBLIC": "",
    }


def first(store: EvaluationStore, *conditions: Condition, sort: str = "CIDEr", descending: bool = False) -> list[dict]:
    return store.page(conditions, sort=sort, descending=descending, count=20).rows


def captions(page: Page):
    return page.locator(".rows .open .text")


def ready(page: Page, image: str) -> None:
    expect(page.get_by_text(re.compile(f"{re.escape(image)} · "))).to_be_visible()
    expect(page.locator(".player")).to_have_attribute("data-ready", re.compile("/"))


def test_from_a_score_to_its_cause_and_back_after_a_restart(page: Page, restarted, environment, store, tmp_path):
    address = restarted(ENTRY, **environment)
    book, key = ReviewBook(Path(environment["SAT_RUNS"]) / "review.sqlite"), evaluation_key(store.about)

    # Sort and filter.
    page.goto(f"{address}/mistakes", wait_until="commit")
    page.get_by_role("button", name="All captions").click()
    expect(captions(page)).to_have_text([row["caption"] for row in first(store)])
    page.get_by_role("button", name="METEOR").click()
    expect(captions(page)).to_have_text([row["caption"] for row in first(store, sort="METEOR")])
    page.get_by_role("button", name="METEOR").click()
    expect(captions(page)).to_have_text([row["caption"] for row in first(store, sort="METEOR", descending=True)])
    page.get_by_label("Words in the caption").fill("two")
    page.get_by_label("Words in the caption").press("Enter")
    two = Condition("words", "contains", "two")
    shown = first(store, two, sort="METEOR", descending=True)
    expect(captions(page)).to_have_text([row["caption"] for row in shown])
    expect(page).to_have_url(re.compile(r"sort=METEOR.*order=down|order=down.*sort=METEOR"))

    # Open, and step with the arrow keys: the numbers beside follow.
    captions(page).nth(0).click()
    row = shown[0]
    ready(page, row["image"])
    page.locator(".chip").nth(0).click()
    expect(page.locator("h3").first).to_have_text(f"“{row['words'][0]}”")
    page.keyboard.press("ArrowRight")
    expect(page.locator("h3").first).to_have_text(f"“{row['words'][1]}”")

    # Tag by key, note, and on to the next.
    page.keyboard.press("3")
    expect(page.get_by_role("button", name=re.compile("^count: “"))).to_be_visible()
    assert [(t.image, t.tag, t.word) for t in book.tags(key)] == [(row["image"], "count", 1)]
    page.keyboard.press("d")
    ready(page, shown[1]["image"])
    assert book.states(key, person="me") == {row["image"]: "reviewed"}
    page.keyboard.press("b")
    ready(page, row["image"])
    page.keyboard.press("n")
    ready(page, shown[1]["image"])

    # A restart later everything is where it was, and the tag finds its caption.
    address = restarted(ENTRY, **environment)
    page.goto(f"{address}/mistakes?view=browse&tag=count", wait_until="commit")
    expect(captions(page)).to_have_text([row["caption"]])
    expect(page.locator(".rows .tag")).to_have_text(["count", "✓ reviewed"])

    # Export what is listed.
    page.get_by_role("button", name="Export").click()
    files = {}
    for label in ("CSV", "JSON", "PNG", "PDF"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).click()
        files[label] = Path(download.value.path())
    (line,) = csv.DictReader(files["CSV"].read_text(encoding="utf-8-sig").splitlines())
    assert line["image"] == row["image"] and line["tags (me)"] == f"count [2 {row['words'][1]}]"
    (record,) = json.loads(files["JSON"].read_text(encoding="utf-8"))["pictures"]
    assert record["reviews"]["me"]["state"] == "reviewed"
    with Image.open(files["PNG"]) as figure:
        assert [m["picture"] for m in json.loads(figure.text["Recipe"])["mistakes"]] == [row["image"]]
    assert files["PDF"].read_bytes().startswith(b"%PDF")


def test_a_field_of_the_quadrants_leads_to_its_pictures(page: Page, restarted, environment):
    address = restarted(ENTRY, **environment)
    page.goto(f"{address}/mistakes?view=patterns", wait_until="commit")
    field = page.locator(".js-plotly-plot .points .point").nth(3)
    field.click(force=True)
    expect(page).to_have_url(re.compile("set=objects"))
    expect(captions(page)).to_have_count(8)


def test_two_sessions_that_tag_at_once_lose_nothing(browser: Browser, restarted, environment, store):
    address = restarted(ENTRY, **environment)
    book, key = ReviewBook(Path(environment["SAT_RUNS"]) / "review.sqlite"), evaluation_key(store.about)
    image = first(store)[0]["image"]
    contexts = [
        browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce") for _ in range(2)
    ]
    pages = []
    for name, context in zip(("ann", "bob"), contexts, strict=True):
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.goto(f"{address}/mistakes?view=browse&image={image}", wait_until="commit")
        ready(page, image)
        page.get_by_role("textbox", name="Reviewing as").fill(name)
        page.get_by_role("textbox", name="Reviewing as").press("Enter")
        pages.append(page)
    tags = ("object", "attribute", "count", "action", "relation", "repetition", "grammar")
    for tag in tags:  # Playwright is of one thread, but its clicks do not wait for the server
        for page in pages:
            page.get_by_role("button", name=re.compile(rf"^{tag}\b(?!:)")).first.click()
        for page in pages:
            expect(page.get_by_role("button", name=re.compile(f"^{tag}: “"))).to_be_visible()
    other = threading.Thread(target=lambda: [book.add_tag(key, image, f"own {i}", person="cat") for i in range(30)])
    other.start()
    for page in pages:
        page.keyboard.press("d")
    other.join()
    for page, name in zip(pages, ("ann", "bob"), strict=True):
        expect(page.get_by_text(f"{image} · ")).to_have_count(0)
        assert {t.tag for t in book.tags(key, image=image, person=name)} == set(tags)
        assert book.states(key, person=name) == {image: "reviewed"}
    assert len(book.tags(key, image=image, person="cat")) == 30
    for context in contexts:
        context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_a_phone_and_has_no_serious_accessibility_finding(browser: Browser, restarted, environment, dark: bool):
    address = restarted(ENTRY, **environment)
    for width, theme in ((390, "dark" if dark else "light"), (1280, "dark" if dark else "light")):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        page = context.new_page()
        page.set_default_timeout(180_000)
        for query in (
            "",
            "view=browse",
            "view=browse&image=test-00002.png",
            "view=patterns",
            "view=two",
            "view=review",
        ):
            page.goto(f"{address}/mistakes?{query}", wait_until="commit")
            expect(page.get_by_role("heading", name="Mistakes")).to_be_visible()
            expect(page.get_by_role("textbox", name="Reviewing as")).to_be_visible()
            if "image" in query:
                ready(page, "test-00002.png")
            expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0)
            expect(page.locator('[data-testid="stStatusWidget"]')).to_have_count(0)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, query
            found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
            assert not found, query + "\n".join(
                f"{v['id']}: {v['help']}: {[(n['target'], n['html'][:200]) for n in v['nodes']][:4]}" for v in found
            )
        context.close()
