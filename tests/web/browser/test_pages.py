"""The pages in a browser: setup, roles, both languages, the keyboard, and axe's findings."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, Response, StorageState, expect

from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.web.browser.conftest import PASSWORD, Box, free_port, sign_in, signed_in, wait_for
from tests.web.conftest import reading
from web.i18n.zh import TEXTS
from web.static_files import FOLDER

pytestmark = pytest.mark.slow

PAGES = ["/", "/new", "/results", "/presenters", "/device/", "/users", "/account", "/nothing"]
WIDTHS = [390, 820, 1440]
CURVES_FIT = """async () => {
  const fits = (curve) => curve.offsetWidth <= curve.parentElement.clientWidth;
  for (let frame = 0; frame < 120; frame++) {
    if ([...document.querySelectorAll(".uplot")].every(fits)) return true;
    await new Promise(requestAnimationFrame);
  }
  return false;
}"""
SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
FIRST_PAGE_BYTES = 150_000


@dataclass
class Fresh:
    """A panel before its setup, with its log."""

    url: str
    log: Path


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Fresh]:
    config, log, port = tmp_path / "config.yaml", tmp_path / "log", free_port()
    settings = {"root": str(tmp_path / "box"), "panel": {"host": "127.0.0.1", "port": port}}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "appliance.cli", "panel", "--config", str(config)]
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            wait_for(port)
            yield Fresh(f"http://127.0.0.1:{port}", log)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


@pytest.fixture(scope="module")
def head_signed_in(chromium: Browser, box: Box) -> StorageState:
    """The administrator's session on a device with some content."""
    _fill(box)
    return signed_in(chromium, box, "head")


@pytest.fixture
def head(chromium: Browser, box: Box, head_signed_in: StorageState) -> Iterator[Page]:
    """A browser in which the administrator is signed in."""
    place = f"http://127.0.0.1:{box.port}"
    context = chromium.new_context(base_url=place, locale="en", storage_state=head_signed_in)
    yield context.new_page()
    context.close()


def _fill(box: Box) -> None:
    path = store_path(box.root)
    with WorkerStore(path) as store:
        if not any(job.stem == "Runs" for job in store.jobs()):
            for name in ("Fails", "Runs", "Queued", "Paused"):
                store.add(NewJob(name, Path("/p.mp4"), Path("/a.wav"), owner="wang"))
            for job in reversed(store.jobs()):
                if job.stem == "Fails":
                    store.set_priority(job.id, 5)
                    claimed = store.claim()
                    assert claimed and claimed.id == job.id
                    store.fail(job.id, Reason("file_missing", {"name": "p.mp4"}))
                elif job.stem == "Runs":
                    store.set_priority(job.id, 4)
                    claimed = store.claim()
                    assert claimed and claimed.id == job.id
                    store.update_progress(job.id, "render", 30, 100)
                elif job.stem == "Paused":
                    store.pause(job.id)
            store.add(NewJob("Waits", None, Path("/b.wav"), owner="wang"))
    with DaemonStatusStore(path) as record:
        record.record_start("1.0", 7)
    with TelemetryStore(telemetry_path(box.root)) as history:
        for minute in range(60):
            at = time.time() - 60 * (59 - minute)
            history.add(replace(reading(at, 40.0 + minute % 9), power_mw={"VDD_IN": 9000.0}))


def test_new_device_is_set_up_with_the_code_from_the_log(chromium: Browser, fresh: Fresh) -> None:
    context = chromium.new_context(base_url=fresh.url, locale="en")
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Lectern")
    code = re.search(r"setup code: (\S+)", fresh.log.read_text(encoding="utf-8"))
    assert code
    for given in ("AAAA-AAAA-AAAA", code[1]):
        page.fill("#code", given)
        page.fill("#password", PASSWORD)
        page.fill("#confirm-password", PASSWORD)
        page.get_by_role("button", name="Set up").click()
        if given != code[1]:
            expect(page.get_by_role("alert").first).to_contain_text("setup code is wrong")
    page.wait_for_url("**/")
    assert code[1] not in page.content()
    page.get_by_role("button", name="Sign out").click()
    page.fill("#name", "admin")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Users")).to_be_visible()
    cookies = {c["name"]: c for c in context.cookies()}
    assert cookies["lectern"]["httpOnly"] and cookies["lectern"]["sameSite"] == "Strict"
    context.close()


@pytest.mark.parametrize(
    ("who", "menu"),
    [
        ("guest", ["Home", "Results", "Device"]),
        ("wang", ["Home", "New video", "Results", "Presenters", "Device"]),
        ("head", ["Home", "New video", "Results", "Presenters", "Device", "Users"]),
    ],
)
def test_menu_depends_on_the_role(chromium: Browser, box: Box, who: str, menu: list[str]) -> None:
    context = chromium.new_context(base_url=f"http://127.0.0.1:{box.port}", locale="en")
    page = context.new_page()
    sign_in(page, who)
    assert page.locator("nav a").all_inner_texts() == menu
    if who != "head":
        page.goto("/users")
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "Your account does not have permission to do this."
        )
    context.close()


def test_language_choice_is_kept(head: Page) -> None:
    head.goto("/device/")
    head.get_by_role("button", name="简体中文").click()
    for path in PAGES[:-1]:
        head.goto(path)
        assert head.evaluate("document.documentElement.lang") == "zh-CN"
        words = head.locator("body").inner_text()
        left = [text for text in TEXTS if len(text) > 12 and text in words]
        assert left == []
    head.get_by_role("button", name="English").click()
    expect(head.get_by_role("heading", level=1)).to_have_text("Your account: head")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_no_serious_violation(head: Page, box: Box, language: str) -> None:
    axe = FOLDER / "vendor" / "axe.js"
    if not axe.is_file():
        pytest.skip("axe is not here: python -m web.assets.build --test")
    speak(head, box, language)
    found = {}
    for path in PAGES:
        show(head, path)
        head.evaluate(axe.read_text(encoding="utf-8"))
        for scheme in SCHEMES:
            head.emulate_media(color_scheme=scheme)
            result = head.evaluate("axe.run(document, {resultTypes: ['violations']})")
            serious = [v for v in result["violations"] if v["impact"] in ("serious", "critical")]
            found[path, scheme] = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in serious]
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_fit_the_screen(head: Page, box: Box, language: str) -> None:
    speak(head, box, language)
    for path in PAGES:
        show(head, path)
        for width in WIDTHS:
            head.set_viewport_size({"width": width, "height": 900})
            assert head.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            assert head.evaluate(CURVES_FIT), width


def speak(page: Page, box: Box, language: str) -> None:
    """Set the language of the page, as if chosen by the user."""
    url = f"http://127.0.0.1:{box.port}"
    page.context.add_cookies([{"name": "lectern_language", "value": language, "url": url}])


def show(page: Page, path: str) -> None:
    """Open a page and wait until its own requests have finished."""
    page.goto(path)
    if path == "/device/":
        page.locator("#charts canvas").first.wait_for()
        page.locator("#log .button, #log .soft").first.wait_for()


def test_first_visit_is_small_and_uses_no_other_site(chromium: Browser, box: Box) -> None:
    base = f"http://127.0.0.1:{box.port}"
    context = chromium.new_context(base_url=base, locale="en")
    page = context.new_page()
    sign_in(page, "wang")
    for path in ("/", "/new", "/device/"):
        fresh = chromium.new_context(base_url=base, storage_state=context.storage_state())
        size, elsewhere = _load(fresh, path, base)
        assert elsewhere == []
        assert size < FIRST_PAGE_BYTES, (path, size)
        fresh.close()
    context.close()


def _load(context: BrowserContext, path: str, base: str) -> tuple[int, list[str]]:
    """Return the bytes of a first visit over the network, and URLs of other sites."""
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: list[int] = []
    elsewhere: list[str] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))

    def seen(response: Response) -> None:
        if not response.url.startswith((base, "data:", "blob:")):
            elsewhere.append(response.url)

    page.on("response", seen)
    page.goto(path)
    page.wait_for_timeout(800)
    return int(sum(sizes)), elsewhere


def test_keyboard_focus_is_visible(head: Page) -> None:
    head.goto("/")
    head.keyboard.press("Tab")
    assert head.evaluate("document.activeElement.className") == "skip"
    assert head.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    head.keyboard.press("Enter")
    assert head.evaluate("document.activeElement.id") == "main"
    for _ in range(3):
        head.keyboard.press("Tab")
        outline = head.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px"


def test_reduced_motion_is_respected(head: Page) -> None:
    head.emulate_media(reduced_motion="reduce")
    head.goto("/")
    names = head.evaluate(
        "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).animationName)"
    )
    assert set(names) == {"none"}
