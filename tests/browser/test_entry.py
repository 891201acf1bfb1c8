"""The first visitor after a start may come by a link to any page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from test_journey import ENTRY

pytestmark = pytest.mark.browser


def test_a_page_can_be_the_first_that_is_visited(page: Page, serve, tmp_path: Path):
    page.goto(f"{serve(ENTRY, tmp_path)}/results?dataset=coco", wait_until="commit")  # a server of its own
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    expect(page.get_by_role("link", name="Explore")).to_be_visible()
    expect(page.get_by_text("streamlit app")).to_have_count(0)
    expect(page.get_by_role("radio", name="COCO")).to_be_checked()
