"""Thumbnails of presenters appear on the page, also if the device did not answer at first."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from tests.web.browser.conftest import Box

pytestmark = pytest.mark.slow

FAILURES = 3


def test_failed_requests_are_repeated(box: Box, daemon: None, material: Path, page: Page) -> None:
    shutil.copy(material / "Wang.mp4", box.root / "presenters" / "Ms Wang.mp4")
    seen: list[str] = []

    def answer(route: Route) -> None:
        seen.append(route.request.url)
        if len(seen) == 1:
            route.abort()
        elif len(seen) <= FAILURES:
            route.fulfill(status=503, json={"code": "database_busy", "text": "", "cure": ""})
        else:
            route.continue_()

    page.route("**/api/v1/preflights", answer)
    page.clock.install()
    page.goto("/presenters")
    image = page.locator("img[data-fallback]").first
    deadline = time.monotonic() + 90
    while "/checks/" not in (image.get_attribute("src") or ""):
        assert time.monotonic() < deadline, seen
        page.clock.fast_forward(3000)
        page.wait_for_timeout(100)
    assert len(seen) == FAILURES + 1
