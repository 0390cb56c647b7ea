"""From files in a browser to finished videos, with the real worker."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path
from tests.web.browser.conftest import Box, sign_in, sign_in_again

WORK_MS = 240_000
PLAY = """video => new Promise((resolve) => {
  video.muted = true;
  video.addEventListener("timeupdate", () => video.currentTime > 0.2 && resolve());
  video.play();
})"""

pytestmark = pytest.mark.slow


def choose(page: Page, material: Path, presenters: list[str], lectures: list[str]) -> None:
    """Choose files and wait until they are uploaded."""
    page.goto("/new")
    page.set_input_files("#presenter-files", [material / f"{name}.mp4" for name in presenters])
    page.set_input_files("#lecture-files", [material / f"{name}.wav" for name in lectures])
    for name in presenters:
        expect(page.locator("#presenters li", has_text=name).locator(".state")).to_have_text(
            "Uploaded", timeout=30_000
        )
    for name in lectures:
        expect(page.locator("#lectures li", has_text=name).locator(".state")).to_have_text(
            "Uploaded", timeout=30_000
        )


def wait_for(page: Page, count: int) -> None:
    """Wait until the results page shows ``count`` finished videos."""
    for _ in range(WORK_MS // 500):
        page.goto("/results")
        if page.locator(".result").count() >= count:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{page.locator('.result').count()} of {count} videos are there")


@pytest.mark.usefixtures("daemon")
class TestWithTheWorker:
    def test_two_by_two_videos_are_created_played_downloaded_and_deleted(
        self, page: Page, box: Box, material: Path
    ) -> None:
        choose(page, material, ["Wang", "Zhou"], ["Lesson 1", "Lesson 2"])
        expect(page.locator("#pairs > li")).to_have_count(4)
        page.get_by_role("button", name="Create 4 videos").click()
        page.wait_for_url("**/")
        wait_for(page, 4)
        names = sorted(page.locator(".result .name").all_inner_texts())
        assert names == ["Lesson 1 - Wang", "Lesson 1 - Zhou", "Lesson 2 - Wang", "Lesson 2 - Zhou"]

        page.get_by_role("link", name="Lesson 2 - Zhou").click()
        player = page.locator("#player")
        player.evaluate(PLAY)
        assert player.evaluate("video => video.duration") == pytest.approx(1.0, abs=0.1)
        assert player.evaluate("video => video.videoWidth") == 256
        with page.expect_download() as download:
            page.get_by_role("link", name="Download video").click()
        assert download.value.suggested_filename == "Lesson 2 - Zhou.mp4"

        taken = page.locator(".result", has_text="Lesson 2 - Zhou").get_by_text("New")
        for _ in range(20):  # it is noted when the last byte is on its way
            page.goto("/results")
            if taken.count() == 0:
                break
        expect(taken).to_have_count(0)
        page.get_by_label("Select Lesson 1 - Zhou").check()
        page.get_by_label("Select Lesson 1 - Wang").check()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as ZIP").click()
        with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
            assert archive.testzip() is None
            assert sorted(archive.namelist()) == ["Lesson 1 - Wang.mp4", "Lesson 1 - Zhou.mp4"]

        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete").click()
        expect(page.locator(".result")).to_have_count(2)
        page.fill("#words", "lesson wang")
        page.keyboard.press("Enter")
        expect(page.locator(".result")).to_have_count(1)
        page.get_by_role("link", name="Lesson 2 - Wang").click()
        page.get_by_role("button", name="Delete").click()
        page.wait_for_url("**/results")
        left = [path.name for path in (box.root / "outbox").iterdir() if path.suffix == ".mp4"]
        assert left == ["Lesson 2 - Zhou.mp4"]
        assert list((box.root / "state" / "uploads").glob("*/*")) == []

    def test_preflight_and_preview(self, page: Page, box: Box, material: Path) -> None:
        choose(page, material, ["Wang"], ["Lesson 1"])
        pair = page.locator("#pairs > li")
        expect(pair.locator(".verdict")).to_have_text(
            re.compile("Ready to start|Check recommended"), timeout=WORK_MS
        )
        expect(pair.locator(".facts")).to_contain_text("Face visible in 100 % of frames")
        expect(pair.locator(".facts")).to_contain_text("256 × 256, 25 frames per second")
        expect(pair.locator(".facts")).to_contain_text("Lecture length: 0:01")
        picture = pair.locator("img").first
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 256
        pair.get_by_role("button", name="Preview").click()
        video = pair.locator("video")
        expect(video).to_be_visible(timeout=WORK_MS)
        assert video.evaluate(PLAY) is None
        with JobStore(store_path(box.root)) as store:
            assert not [job for job in store.jobs() if job.state is JobState.QUEUED]
        for section in ("#presenters", "#lectures"):
            page.locator(section).get_by_role("button", name="Remove").click()
        expect(pair).to_have_count(0)


def test_job_is_cancelled_and_retried_and_hidden_from_others(
    page: Page, box: Box, material: Path
) -> None:
    sign_in_again(page, "wang")
    choose(page, material, ["Wang"], ["Lesson 1"])
    page.get_by_role("button", name="Create video").click()
    page.wait_for_url("**/")
    page.on("dialog", lambda dialog: dialog.accept())
    with JobStore(store_path(box.root)) as store:
        (job,) = [job for job in store.jobs() if job.stem == "Lesson 1"]
        page.click(f"#cancel-{job.id}")
        for _ in range(50):
            if store.get(job.id).state is JobState.CANCELLED:
                break
            page.wait_for_timeout(100)
        assert store.get(job.id).state is JobState.CANCELLED
        page.goto(f"/results/{job.id}")
        page.get_by_role("button", name="Retry").click()
        page.wait_for_url("**/")
        assert store.get(job.id).state is JobState.QUEUED
        sign_out_and_in(page, "li")
        answer = page.goto(f"/results/{job.id}")
        assert answer is not None and answer.status == 404
        sign_out_and_in(page, "guest")
        answer = page.goto(f"/results/{job.id}")
        assert answer is not None and answer.status == 200
        assert page.goto("/new").status == 403  # type: ignore[union-attr]
        store.cancel(job.id)


def test_hostile_title_of_an_entered_text_is_escaped(page: Page, box: Box) -> None:
    page.goto("/new")
    page.get_by_text("Enter text instead").click()
    page.fill("#typed-title", '<img src=x onerror="window.hit=1">../../x')
    page.fill("#typed-text", "<script>window.hit = 1</script>")
    page.click("#typed-add")
    expect(page.locator("#lectures .state")).to_have_text("Uploaded")
    assert page.evaluate("window.hit") is None
    page.reload()
    expect(page.locator("#lectures .state")).to_have_text("Uploaded")
    assert page.evaluate("window.hit") is None
    (stored,) = (box.root / "state" / "uploads").glob("*/*")
    assert stored.read_text() == "<script>window.hit = 1</script>"
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#lectures li")).to_have_count(0)


def sign_out_and_in(page: Page, name: str) -> None:
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, name)
