"""The page on which the device learns how a presenter speaks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from appliance.messages.enrolment import OUTCOMES
from tests.web.browser.conftest import Box


@pytest.fixture
def presenter(box: Box, material: Path) -> str:
    """A presenter of the library; the name has characters that an address must escape."""
    name = "Wang & Li #1"
    shutil.copy(material / "Wang.mp4", box.root / "presenters" / f"{name}.mp4")
    return name


@pytest.mark.usefixtures("daemon")
def test_recording_is_uploaded_learned_from_and_deleted(
    page: Page, box: Box, material: Path, presenter: str
) -> None:
    page.goto("/presenters")
    page.get_by_role("link", name=f"How this presenter speaks {presenter}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"How {presenter} speaks")
    expect(page.locator("#outcome")).to_have_text(OUTCOMES["unknown"]["en"], timeout=60_000)
    expect(page.locator("#has-recording")).to_be_hidden()

    page.set_input_files("#recording-file", material / "Lesson 1.wav")
    expect(page.locator("#upload-state")).to_contain_text("not supported")

    # The model of this device does not support the speech encoder.
    page.set_input_files("#recording-file", material / "Zhou.mp4")
    expect(page.locator("#outcome")).to_have_text(OUTCOMES["no_encoder"]["en"], timeout=60_000)
    expect(page.locator("#has-recording")).to_be_visible()
    stored = box.root / "presenters" / "learning" / f"{presenter}.mp4"
    assert stored.read_bytes() == (material / "Zhou.mp4").read_bytes()

    page.get_by_role("button", name="Delete the recording").click()
    expect(page.locator("#has-recording")).to_be_hidden()
    assert not stored.exists()
    expect(page.locator("#outcome")).to_have_text(OUTCOMES["unknown"]["en"], timeout=60_000)
    page.get_by_role("button", name="Learn now").click()
    expect(page.locator("#outcome")).to_have_text(OUTCOMES["no_encoder"]["en"], timeout=60_000)
    expect(page.locator("#facts li")).to_have_count(0)


def test_page_fits_a_phone_in_both_languages(page: Page, box: Box, presenter: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/presenters/{presenter.replace('&', '%26').replace('#', '%23')}/enrolment")
    for language, heading in (
        ("简体中文", f"{presenter} 的说话方式"),
        ("English", f"How {presenter} speaks"),
    ):
        page.get_by_role("button", name=language).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_new_video_can_be_made_without_learning(page: Page, material: Path) -> None:
    page.goto("/new")
    page.get_by_text("More settings").click()
    page.select_option("#personalization", "off")
    page.set_input_files("#presenter-files", material / "Wang.mp4")

    def is_check(request: Request) -> bool:  # and not one for a thumbnail of the library
        return request.url.endswith("/preflights") and '"lecture"' in (request.post_data or "")

    with page.expect_request(is_check, timeout=60_000) as sent:
        page.set_input_files("#lecture-files", material / "Lesson 1.wav")
    body = json.loads(sent.value.post_data or "")
    assert body["options"] == {"personalization": "off"}
