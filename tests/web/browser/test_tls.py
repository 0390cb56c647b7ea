"""The panel with a local certificate: sign-in, live page, upload with interruptions, download."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from tests.web.browser.conftest import Box, run_clock_until
from tests.web.browser.proxy import Proxy
from tests.web.browser.test_upload import digest, large

__all__ = ["large"]  # a fixture

TLS = "local-ca"
pytestmark = pytest.mark.slow


def test_http_redirects_to_https_with_secure_cookies(page: Page, network: Proxy) -> None:
    page.goto(f"http://127.0.0.1:{network.port}/results?words=cells")
    assert page.url == f"https://127.0.0.1:{network.port}/results?words=cells"
    expect(page.get_by_role("heading", level=1)).to_have_text("Results")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["lectern"]["secure"]
    assert cookies["lectern"]["httpOnly"]
    assert cookies["lectern"]["sameSite"] == "Strict"
    answer = page.request.get("/account")
    assert "strict-transport-security" not in answer.headers


def test_stream_reconnects_after_an_interruption(page: Page, network: Proxy, box: Box) -> None:
    page.goto("/")
    page.evaluate("window.same = true")
    with WorkerStore(store_path(box.root)) as queue:
        queue.add(NewJob("Diffusion", Path("/p.mp4"), Path("/a.wav"), owner="wang"))
        expect(page.get_by_text("Diffusion").first).to_be_visible()
        network.cut()
        network.mend()
        queue.add(NewJob("Osmosis", Path("/p.mp4"), Path("/a.wav"), owner="wang"))
        expect(page.get_by_text("Osmosis").first).to_be_visible(timeout=30_000)
    assert page.evaluate("window.same")


def test_upload_survives_an_interruption(page: Page, network: Proxy, box: Box, large: Path) -> None:
    page.clock.install()
    page.goto("/new")
    page.set_input_files("#presenter-files", large)
    card = page.locator("#presenters li", has_text="Große")
    network.wait_for(large.stat().st_size // 2)
    network.cut()
    run_clock_until(card.locator(".state"), "Connection lost")
    network.mend()
    run_clock_until(card.locator(".state"), "Uploaded")
    (stored,) = (box.root / "state" / "uploads").glob("*/Große*.mp4")
    assert digest(stored) == digest(large)
    # Out again, as the video of a finished job.
    with WorkerStore(store_path(box.root)) as queue:
        made = queue.add(NewJob("Large", Path("/p.mp4"), Path("/a.wav"), owner="wang"))
        queue.set_priority(made.id, 99)
        claimed = queue.claim()
        assert claimed and claimed.id == made.id
        output = box.root / "outbox" / "Large.mp4"
        output.write_bytes(stored.read_bytes())
        report = output.with_suffix(".report.json")
        report.write_text("{}")
        queue.set_output_paths(made.id, output, report)
        queue.finish(made.id)
        queue.mark_archived(made.id)
    page.goto(f"/results/{made.id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=False).first.click()
    assert digest(download.value.path()) == digest(large)
    part = page.request.get(
        f"/api/v1/jobs/{made.id}/video", headers={"Range": "bytes=1000000-1999999"}
    )
    assert part.status == 206
    whole = stored.read_bytes()[1000000:2000000]
    assert hashlib.sha256(part.body()).digest() == hashlib.sha256(whole).digest()
