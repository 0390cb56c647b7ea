"""A device in trouble: full disk, missing daemon, database of another version."""

from __future__ import annotations

import sqlite3

import pytest
from flask import Flask

from appliance.config import Config
from appliance.errors import Fault
from appliance.jobs.database import SCHEMA
from appliance.jobs.store import JobStore, store_path
from appliance.jobs.worker_store import WorkerStore
from tests.web.conftest import PASSWORD, Browser, Clock, SignIn, add
from web.accounts.users import UserStore
from web.context import EXTENSION


def fill(people: UserStore) -> None:
    """Make the user database behave as on a full disk: it cannot grow, and its pages are full."""
    (pages,) = people.database.read("PRAGMA page_count")[0]
    people.database.read(f"PRAGMA max_page_count = {pages}")
    for query in (
        "INSERT INTO tokens (token_hash, user, label, created) VALUES (?1, 'admin', ?2, 0)",
        "INSERT INTO sessions VALUES (?1, 'admin', ?2, 0, 0)",
        "INSERT INTO users VALUES (?1, 'viewer', ?2, 0)",
    ):
        for size in (400, 50, 1):
            with pytest.raises(Fault, match="disk_full"):
                for number in range(1000):
                    with people.database.write() as connection:
                        connection.execute(query, (f"{size}-{number}", "x" * size))


class TestFullDisk:
    @pytest.fixture
    def full(self, app: Flask) -> None:
        """No account, session or token can be stored."""
        fill(app.extensions[EXTENSION].users)

    def test_administrator_can_sign_in_to_free_space(
        self, app: Flask, full: None, clock: Clock
    ) -> None:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        assert browser.change("/login", name="admin", password=PASSWORD).status_code == 302
        assert browser.get("/").status_code == 200
        assert "Free up space" in browser.get("/device/").text
        clock.time += 3 * 3600
        assert browser.get("/account").status_code == 302

    def test_failed_write_is_reported(self, app: Flask, sign_in: SignIn, full: None) -> None:
        admin = sign_in("admin")
        answer = admin.change("/users", name="new", role="viewer", password=PASSWORD)
        assert answer.status_code == 507
        assert "full" in answer.text and "disk_full" in answer.text


class TestVersions:
    def test_newer_database_is_reported_and_unchanged(
        self, sign_in: SignIn, config: Config, store: WorkerStore
    ) -> None:
        add(store, "a")
        store.close()
        path = store_path(config.root)
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {SCHEMA.version + 1}")
        connection.close()
        admin = sign_in("admin")
        page = admin.get("/")
        assert page.status_code == 200
        assert "newer version of Lectern" in page.text
        assert admin.change("/jobs/1/cancel").status_code == 503
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT state FROM jobs").fetchone() == ("queued",)
        connection.close()


def test_internal_error_page_has_no_traceback(
    app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: JobStore, job: int) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(JobStore, "get", broken)
    browser = sign_in("admin")
    answer = browser.get("/jobs/1/thumbnail")
    assert answer.status_code == 500
    assert "internal_error" in answer.text
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "secret detail" in caplog.text
    problem = browser.get("/jobs/1/thumbnail", headers={"Accept": "application/json"}).json
    assert problem and problem.keys() == {"code", "text", "cure"}
