"""A running device (panel and daemon in processes of their own) and a real Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Locator, Page, StorageState, sync_playwright

from tests.render.conftest import write_wav
from tests.talking_face import babble, talking, voice, write_video
from tests.tiny_wav2lip import write_wav2lip
from tests.web.browser.proxy import Proxy
from web.accounts.users import Role, UserStore, users_path
from web.static_files import FOLDER

TLS = os.environ.get("LECTERN_TLS", "none")
"""``own``: all of these tests over an encrypted connection; a module may say so for itself."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "four quiet words"
USERS = {"wang": Role.TEACHER, "li": Role.TEACHER, "guest": Role.VIEWER}


@dataclass(frozen=True)
class Box:
    """A running panel: its folder, its config file and its port."""

    root: Path
    config: Path
    port: int
    scheme: str = "http"


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two presenters and two lectures of a second each."""
    folder = tmp_path_factory.mktemp("material")
    for seed, name in enumerate(("Wang", "Zhou")):
        write_video(folder / f"{name}.mp4", talking(babble(25, seed=seed)))
        write_wav(folder / f"Lesson {seed + 1}.wav", voice(babble(25, seed=seed + 5)))
    return folder


@pytest.fixture(scope="module")
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A running panel with one user for each role."""
    if not (FOLDER / "vendor" / "tus.js").is_file():
        pytest.skip("the browser's libraries are not here: python -m web.assets.build")
    folder = tmp_path_factory.mktemp("live")
    tls = getattr(request.module, "TLS", TLS)
    root, config, port = folder / "box", folder / "config.yaml", free_port()
    for name in ("inbox", "outbox", "presenters", "state"):
        (root / name).mkdir(parents=True)
    settings = {
        "root": str(root),
        "panel": {"host": "127.0.0.1", "port": port, "threads": 72, "tls": tls},
        "jobs": {"min_free_disk_mb": 0},
        "inbox": {"poll_interval_s": 0.5, "settle_s": 0},
        "video": {"preset": "ultrafast", "badge": False},
        "lips": {"model": str(write_wav2lip(folder / "tiny.onnx")), "providers": ["cpu"]},
    }
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    users = UserStore(users_path(root))
    users.add_first("head", PASSWORD, time.time())
    for name, role in USERS.items():
        users.add(name, role, PASSWORD, time.time())
    users.close()
    with _running("panel", config):
        wait_for(port)
        yield Box(root, config, port, "http" if tls == "none" else "https")


@pytest.fixture(scope="class")
def daemon(box: Box) -> Iterator[None]:
    """The worker of the device, for the duration of the test or class."""
    with _running("serve", box.config):
        yield


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of Debian; nothing is downloaded."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def network(box: Box) -> Iterator[Proxy]:
    """A network between the browser and the device that can be interrupted."""
    proxy = Proxy(box.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def wang(chromium: Browser, box: Box) -> StorageState:
    """The session of the teacher Wang, shared by all tests; none may end it."""
    return signed_in(chromium, box, "wang")


@pytest.fixture
def page(chromium: Browser, box: Box, network: Proxy, wang: StorageState) -> Iterator[Page]:
    """A browser in which the teacher Wang is signed in; an error in its console fails the test."""
    place = f"{box.scheme}://127.0.0.1:{network.port}"
    context = chromium.new_context(
        base_url=place, locale="en", ignore_https_errors=True, storage_state=wang
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def signed_in(chromium: Browser, box: Box, name: str) -> StorageState:
    """Return the storage of a browser in which a user has just signed in."""
    place = f"{box.scheme}://127.0.0.1:{box.port}"
    context = chromium.new_context(base_url=place, locale="en", ignore_https_errors=True)
    sign_in(context.new_page(), name)
    state = context.storage_state()
    context.close()
    return state


def run_clock_until(state: Locator, text: str, seconds: float = 60.0) -> None:
    """Until ``state`` shows ``text``, while the page's own pauses pass at once (its ``clock`` is
    installed); the network takes the time that it takes."""
    deadline = time.monotonic() + seconds
    while text not in state.inner_text():
        assert time.monotonic() < deadline, state.inner_text()
        state.page.clock.fast_forward(5000)
        state.page.wait_for_timeout(50)


def sign_in_again(page: Page, name: str) -> None:
    """Sign in with a session that the test may end."""
    page.context.clear_cookies()
    sign_in(page, name)


def sign_in(page: Page, name: str) -> None:
    """Sign in through the page."""
    page.goto("/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")
    page.wait_for_url("**/")


class _running:
    """Run ``lectern COMMAND`` in a process and terminate it as systemd does."""

    def __init__(self, command: str, config: Path) -> None:
        self._log = (config.parent / f"{command}.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "appliance.cli", command, "--config", str(config)],
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until the panel responds."""
    deadline = time.monotonic() + 60
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    while True:
        try:
            address = f"http://127.0.0.1:{port}/login"  # sends us on where that is encrypted
            urllib.request.urlopen(address, timeout=5, context=anybody).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the panel does not answer"
            time.sleep(0.2)
