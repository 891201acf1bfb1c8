"""The word player in a real browser: the same pixels as Python draws, keys, clicks and a phone's width."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from player_app import WORDS, make_picture, make_trace
from playwright.sync_api import Page, expect

from sat.drawing.overlay import View, maps_of, overlay
from sat.models.encoder import Geometry
from sat.ui.player import player_data

pytestmark = pytest.mark.browser
APP = Path(__file__).with_name("player_app.py")
READY = '.player[data-ready]:not([data-ready=""])'
VIEWS = [
    View(),
    View(scale="own"),
    View(strength=1.0, sigma=6.0),
    View(style="heat"),
    View(style="heat", scale="own", sigma=0.0),
    View(style="contour", strength=1.0),
    View(style="contour", scale="own", sigma=10.0),
    View(style="cells"),
    View(style="cells", scale="own", strength=0.4),
]


@pytest.fixture
def show(page: Page, serve: Callable[..., str]) -> Callable[..., Page]:
    address = serve(APP)

    def open_player(**asked: object) -> Page:
        page.goto(f"{address}/?" + "&".join(f"{k}={v}" for k, v in asked.items()), wait_until="commit")
        page.wait_for_selector(READY)
        return page

    return open_player


def canvas_pixels(page: Page) -> np.ndarray:
    """What is on the canvas, uint8 (H, W, 3), after the frame that is being drawn."""
    url = page.locator(".picture").evaluate(
        "c => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(c.toDataURL()))))"
    )
    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as image:
        return np.asarray(image.convert("RGB"))


def expected_pixels(attention: str, step: int, view: View) -> np.ndarray:
    """What Python draws over the picture that was sent."""
    trace = make_trace(attention)
    data = player_data(make_picture(), trace, Geometry(14, 14, 16, 80))
    with Image.open(io.BytesIO(base64.b64decode(data["picture"].split(",")[1]))) as image:
        sent = np.asarray(image.convert("RGB"))
    maps = maps_of(trace, view)
    return sent if maps is None else overlay(sent, maps, step, view)


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: f"{v.style}-{v.scale}-{v.sigma:g}-{v.strength:g}")
def test_the_canvas_shows_what_python_draws(show, view):
    page = show(style=view.style, scale=view.scale, sigma=view.sigma, strength=view.strength, start=0)
    for step in (0, 3):
        page.locator(".chip").nth(step).click()
        drawn, expected = canvas_pixels(page), expected_pixels("soft", step, view)
        assert drawn.shape == expected.shape
        error = np.abs(drawn.astype(int) - expected).mean()
        # Contours change few pixels, so the error is held against what the overlay does as well.
        effect = np.abs(expected.astype(int) - expected_pixels("none", step, view)).mean()
        print(f"{view.style} {view.scale}: mean difference {error:.2f} of 255, the overlay's own effect {effect:.2f}")
        assert error <= 2 and error <= 0.25 * effect


@pytest.mark.parametrize("name", ["glimpse", "distribution"])
def test_a_hard_models_glimpse_and_distribution(show, name):
    page = show(attention="hard", start=2)
    page.locator(f'.choice button[value="{name}"]').click()
    view = View(show=name)
    assert np.abs(canvas_pixels(page).astype(int) - expected_pixels("hard", 2, view)).mean() <= 2
    other = View(show="distribution" if name == "glimpse" else "glimpse")
    assert np.abs(canvas_pixels(page).astype(int) - expected_pixels("hard", 2, other)).mean() > 4
    said = page.locator(".said").inner_text()
    assert ("one place" in said) == (name == "glimpse")


def test_keys_walk_and_the_server_hears(show):
    page = show(start=1)
    player = page.locator(".player")
    page.locator('.chip[aria-checked="true"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-step", "3")
    expect(page.locator('.chip[aria-checked="true"]')).to_have_text(WORDS[3])
    expect(page.get_by_text("step 3 style paper")).to_be_visible()
    page.keyboard.press("Home")
    expect(player).to_have_attribute("data-step", "0")
    page.keyboard.press("ArrowLeft")
    expect(player).to_have_attribute("data-step", "0")
    page.keyboard.press("End")
    expect(page.get_by_text("step 4 style paper")).to_be_visible()
    page.locator(".scrub").fill("2")
    expect(page.get_by_text("step 2 style paper")).to_be_visible()


def test_space_plays_to_the_end_and_stops(show):
    page = show(start=2)
    page.locator(".speed select").select_option("2")
    page.locator('.chip[aria-checked="true"]').focus()
    page.keyboard.press("Space")
    expect(page.locator(".play")).to_have_attribute("aria-label", "Pause")
    expect(page.locator(".player")).to_have_attribute("data-step", "4")
    expect(page.locator(".play")).to_have_attribute("aria-label", "Play")
    page.locator(".speed select").select_option("0.5")
    page.locator(".play").click()  # again, from the beginning
    expect(page.locator(".play")).to_have_attribute("aria-label", "Pause")
    page.locator(".play").click()
    expect(page.locator(".play")).to_have_attribute("aria-label", "Play")
    expect(page.locator(".player")).not_to_have_attribute("data-step", "4")


def test_a_cell_and_a_box_are_reported(show):
    page = show(start=0)
    canvas = page.locator(".picture")
    place = canvas.bounding_box()
    page.mouse.click(place["x"] + place["width"] * 9.5 / 14, place["y"] + place["height"] * 3.5 / 14)
    expect(page.get_by_text("box Box(rows=(3, 3), columns=(9, 9))")).to_be_visible()
    shares = make_trace("soft").alphas[:, 3, 9]
    expect(page.locator(".where")).to_contain_text(f"“{WORDS[int(shares.argmax())]}” looked most")
    page.mouse.move(place["x"] + place["width"] * 6.5 / 14, place["y"] + place["height"] * 8.5 / 14)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] * 2.5 / 14, place["y"] + place["height"] * 5.5 / 14)
    page.mouse.up()
    expect(page.get_by_text("box Box(rows=(5, 8), columns=(2, 6))")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("box None")).to_be_visible()
    page.keyboard.press("Shift+ArrowDown")  # with keys, from the cell under the pointer
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text("box Box(rows=(6, 6), columns=(1, 1))")).to_be_visible()


def test_the_receptive_field_is_drawn_around_the_cell(show):
    page = show(start=0)
    place = page.locator(".picture").bounding_box()
    page.mouse.move(place["x"] + place["width"] * 7.5 / 14, place["y"] + place["height"] * 7.5 / 14)
    field = page.locator(".marks .field")
    expect(field).to_have_attribute("x", "80")  # (7 + 0.5) x 16 - 80 / 2
    expect(field).to_have_attribute("width", "80")
    expect(page.locator(".marks .hover")).to_have_attribute("x", "112")


def test_without_attention_there_are_words_and_a_reason(show):
    page = show(attention="none", start=1)
    expect(page.locator(".reason")).to_have_text("Nothing to show.")
    expect(page.locator(".view")).to_be_hidden()
    expect(page.locator(".strip")).to_be_hidden()
    assert np.abs(canvas_pixels(page).astype(int) - expected_pixels("none", 1, View())).mean() <= 2
    page.locator(".next").click()
    expect(page.get_by_text("step 2 style paper")).to_be_visible()


def test_every_map_is_described(show):
    page = show(start=0)
    labels = [page.locator(".tile").nth(t).get_attribute("aria-label") for t in range(len(WORDS))]
    assert all(label.startswith(f"{word}: looks ") for label, word in zip(labels, WORDS, strict=True))
    assert "upper right" in page.locator(".picture").get_attribute("aria-label")
    page.locator(".tile").nth(4).click()
    alt = f"The picture that soft-made describes as: {' '.join(WORDS)}. {labels[4]}"
    expect(page.locator(".picture")).to_have_attribute("aria-label", alt)


def test_it_fits_a_phone(show):
    page = show(start=0)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_text("Adjust").click()
    expect(page.locator(".sigma")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.locator(".player").evaluate(
        "p => [...p.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > 391 "
        "&& !e.closest('.unseen')).map(e => e.className)"
    )
    assert wide == []


def test_smoothing_and_full_screen(show):
    page = show(start=0)
    page.get_by_text("Adjust").click()
    before = canvas_pixels(page)
    page.locator(".sigma").fill("4")
    expect(page.locator(".sigma-value")).to_have_text("4 px")
    view = View(sigma=4)
    assert np.abs(canvas_pixels(page).astype(int) - expected_pixels("soft", 0, view)).mean() <= 2
    assert np.abs(canvas_pixels(page).astype(int) - before).mean() > 1
    page.locator(".full").click()
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.evaluate("() => document.exitFullscreen()")
    page.wait_for_function("() => document.fullscreenElement === null")


def test_a_frame_of_the_player_leaves_room_for_sixty_a_second(show):
    """The work of drawing one frame, not the clock of a busy machine: half of the frames in under a sixtieth."""
    page = show(start=0)
    took = page.locator(".player").evaluate(
        """async player => {
            const took = [];
            const real = window.requestAnimationFrame;
            window.requestAnimationFrame = draw => real(now => {
                const from = performance.now();
                draw(now);
                took.push(performance.now() - from);
            });
            player.querySelector(".speed select").value = "2";
            player.querySelector(".speed select").dispatchEvent(new Event("change"));
            player.querySelector(".play").click();
            await new Promise(done => setTimeout(done, 2500));
            window.requestAnimationFrame = real;
            return took;
        }"""
    )
    assert len(took) > 10 and np.median(took) < 1000 / 60
