"""A large file over a network that fails, in a browser with a reload of the page in between.

``LECTERN_UPLOAD_MB`` sets its size; the default keeps the test short.
"""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Box, run_clock_until
from tests.web.browser.proxy import Proxy

SIZE_MB = int(os.environ.get("LECTERN_UPLOAD_MB", "24"))
SLOW_S = 600.0


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that is no video, but is called one: only its bytes matter here."""
    path = tmp_path / "Große Vorlesung 四.mp4"
    data = random.Random(1).randbytes(1 << 20)
    with path.open("wb") as file:
        for number in range(SIZE_MB):
            file.write(number.to_bytes(4, "big") + data[4:])
    return path


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


@pytest.mark.slow
def test_upload_survives_two_interruptions_and_a_reload(
    page: Page, network: Proxy, box: Box, large: Path
) -> None:
    third = (SIZE_MB << 20) // 4
    page.clock.install()
    page.goto("/new")
    page.set_input_files("#presenter-files", large)
    card = page.locator("#presenters li", has_text="Große")
    network.wait_for(third)
    network.cut()
    run_clock_until(card.locator(".state"), "Connection lost")
    network.mend()
    page.clock.fast_forward(10_000)
    network.wait_for(third)

    page.on("dialog", lambda dialog: dialog.accept())  # it asks before it leaves
    page.reload()
    card = page.locator("#presenters li", has_text="Große")
    expect(card.locator(".state")).to_contain_text("uploaded. Choose the same file again")
    page.set_input_files("#presenter-files", large)
    expect(card).to_have_count(1)
    network.wait_for(third // 2)
    network.cut()
    run_clock_until(card.locator(".state"), "Connection lost")
    network.mend()
    run_clock_until(card.locator(".state"), "Uploaded", SLOW_S)

    (stored,) = (box.root / "state" / "uploads").glob("*/Große*.mp4")
    assert digest(stored) == digest(large)
    # What had arrived before the cuts was not sent again.
    assert network.passed < (SIZE_MB << 20) * 1.25 + (16 << 20)
    card.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    page.reload()
    expect(page.locator("#presenters li")).to_have_count(0)
