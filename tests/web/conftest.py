"""A panel with its own folder, a clock that the test controls, and signed-in users."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.config import Config
from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from appliance.telemetry.reading import Reading
from tests.governor.readings import COOL
from web.accounts.passwords import hash_password
from web.accounts.users import Role
from web.app import create_app
from web.context import EXTENSION, Panel

PASSWORD = "four quiet words"
NAMES = {"admin": Role.ADMIN, "teacher": Role.TEACHER, "other": Role.TEACHER, "viewer": Role.VIEWER}


class Clock:
    """A clock that the test advances: ``time`` is seconds since 1970.

    ``error`` is by how many seconds the device shows another time; ``monotonic`` is not affected.
    """

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.error = 0.0

    def __call__(self) -> float:
        return self.time + self.error

    def monotonic(self) -> float:
        return self.time


class Browser(FlaskClient):
    """A client that reads the CSRF token from the page, as the forms of a browser do."""

    csrf = ""

    def token(self) -> str:
        """Return the CSRF token of the pages that this browser sees."""
        if not self.csrf:
            page = self.get("/login").text
            if 'name="csrf-token"' not in page:
                page = self.get("/account").text
            found = re.search(r'name="csrf-token" content="([^"]+)"', page)
            assert found, page
            self.csrf = found[1]
        return self.csrf

    def change(self, path: str, **fields: object) -> TestResponse:
        """Send a form with its token."""
        return self.post(path, data={"csrf": self.token(), **fields})


SignIn = Callable[[str], Browser]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(root=tmp_path / "box")


@pytest.fixture
def fresh(config: Config, clock: Clock, tmp_path: Path) -> Iterator[Flask]:
    """A panel before its setup, on a device without an update in progress."""
    app = create_app(
        config, now=clock, monotonic=clock.monotonic, update_marker=tmp_path / "update"
    )
    app.test_client_class = Browser
    yield app
    here: Panel = app.extensions[EXTENSION]
    here.users.close()


@pytest.fixture(scope="session")
def hashed() -> str:
    """The hash of every user's password; hashing takes a while."""
    return hash_password(PASSWORD)


@pytest.fixture
def app(fresh: Flask, hashed: str) -> Flask:
    """A panel with one user for each role, and a second teacher."""
    here: Panel = fresh.extensions[EXTENSION]
    with here.users.database.write() as connection:
        for name, role in NAMES.items():
            connection.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?)", (name, role.value, hashed, here.now())
            )
    return fresh


@pytest.fixture
def sign_in(app: Flask) -> SignIn:
    """Return a factory of browsers in which the named user is signed in."""

    def enter(name: str) -> Browser:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        with app.test_request_context():
            cookie = app.extensions[EXTENSION].sessions.create(name)
        browser.set_cookie("lectern", cookie, httponly=True, samesite="Strict")
        return browser

    return enter


@pytest.fixture
def store(config: Config, clock: Clock) -> Iterator[WorkerStore]:
    """The job queue of the panel's device."""
    with WorkerStore(store_path(config.root), now=clock, since_boot=clock.monotonic) as store:
        yield store


def add(store: WorkerStore, stem: str, owner: str = "") -> int:
    """Add a job to the queue and return its number."""
    return store.add(NewJob(stem, Path("/p.mp4"), Path("/a.wav"), owner=owner)).id


def reading(at: float, temperature: float = 50.0) -> Reading:
    """Return a telemetry reading of a device at ``temperature`` °C."""
    trips = {"cpu": {"throttle": 80.0}}
    return replace(COOL, at=at, temperatures_c={"cpu": temperature}, trip_points_c=trips)
