"""The panel shows an update while it is being installed, and only then."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from install.paths import UPDATE_LOCK
from install.system import System
from install.update_lock import update_lock
from tests.web.conftest import SignIn, add
from web.context import EXTENSION
from web.update_lock import MARKER, is_updating

TOLD = "The device is being updated"


@pytest.fixture
def box(app: Flask, tmp_path: Path) -> System:
    """A machine with an installer that the panel observes."""
    system = System(tmp_path / "machine")
    app.extensions[EXTENSION].update_marker = system.path(UPDATE_LOCK)
    return system


def test_installer_and_panel_use_the_same_file() -> None:
    assert str(MARKER) == UPDATE_LOCK


def test_update_is_shown_on_every_page_and_in_the_api(
    box: System, app: Flask, sign_in: SignIn
) -> None:
    admin = sign_in("admin")
    pages = ("/", "/new", "/results", "/presenters", "/device/", "/users", "/account")
    for path in pages:
        assert TOLD not in admin.get(path).text
    with update_lock(box):
        for path in pages:
            assert TOLD in admin.get(path).text, path
        assert admin.get("/healthz").json == {"status": "updating"}
        assert admin.get("/api/v1/device").get_json()["updating"]
        assert admin.get("/live/now").get_json()["values"]["headline"] == TOLD
        assert "设备正在更新" in admin.get("/device/", headers={"Accept-Language": "zh"}).text
    for path in pages:
        assert TOLD not in admin.get(path).text
    assert admin.get("/healthz").json == {"status": "ok"}
    assert not admin.get("/api/v1/device").get_json()["updating"]


def test_update_is_shown_beside_a_running_job(
    box: System, sign_in: SignIn, store: WorkerStore, app: Flask
) -> None:
    here = app.extensions[EXTENSION]
    with DaemonStatusStore(store_path(here.config.root), now=here.now) as record:
        record.record_start("1.0", 7)
    add(store, "Osmosis")
    store.claim()
    with update_lock(box):
        page = sign_in("teacher").get("/").text
    assert TOLD in page
    assert "In progress" in page


@contextmanager
def installer(box: System) -> Iterator[subprocess.Popen[bytes]]:
    """Run an installer in a process of its own."""
    code = (
        "import sys; from pathlib import Path\n"
        "from install.system import System\n"
        "from install.update_lock import update_lock\n"
        f"with update_lock(System(Path({str(box.root)!r}))):\n"
        "    print('at work', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout and process.stdout.readline() == b"at work\n"
        yield process
        process.kill()


def test_marker_of_a_killed_installer_is_ignored(box: System) -> None:
    marker = box.path(UPDATE_LOCK)
    with installer(box) as process:
        assert is_updating(marker)
        process.kill()
        process.wait()
        assert marker.exists()
        assert not is_updating(marker)
    with update_lock(box):
        assert is_updating(marker)
    assert not marker.exists()


def test_marker_is_readable_by_all(box: System) -> None:
    with update_lock(box):
        assert box.path(UPDATE_LOCK).stat().st_mode & 0o777 == 0o644


def test_no_update_without_a_marker(tmp_path: Path) -> None:
    assert not is_updating(tmp_path / "none")
    assert not is_updating(tmp_path)
