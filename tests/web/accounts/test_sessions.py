"""Browser sessions end by elapsed time, whatever the clock shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import Clock
from web.accounts.sessions import MAX_AGE_S, SessionStore
from web.accounts.users import Role, UserStore, users_path

IDLE_S = 3600.0


@pytest.fixture
def users(tmp_path: Path, hashed: str) -> Iterator[UserStore]:
    store = UserStore(users_path(tmp_path))
    with store.database.write() as connection:
        connection.execute("INSERT INTO users VALUES ('wang', ?, ?, 0)", (Role.ADMIN.value, hashed))
    yield store
    store.close()


def open_sessions(users: UserStore, clock: Clock) -> SessionStore:
    """The sessions of a new process of the panel."""
    return SessionStore(users, IDLE_S, clock, clock.monotonic)


@pytest.mark.parametrize("jump", [-1.8e9, -86_400.0, 86_400.0, 1e10])
class TestChangedClock:
    def test_session_neither_ends_nor_lasts_longer(
        self, users: UserStore, clock: Clock, jump: float
    ) -> None:
        sessions = open_sessions(users, clock)
        cookie = sessions.create("wang")
        clock.error = jump
        clock.time += IDLE_S - 1
        assert sessions.find(cookie) is not None
        clock.error = -jump
        clock.time += IDLE_S - 1
        assert sessions.find(cookie) is not None
        clock.time += IDLE_S
        assert sessions.find(cookie) is None

    def test_activity_does_not_prolong_a_session_beyond_its_age(
        self, users: UserStore, clock: Clock, jump: float
    ) -> None:
        sessions = open_sessions(users, clock)
        cookie, lasted = sessions.create("wang"), 0.0
        clock.error = jump
        while sessions.find(cookie) is not None:
            clock.time += IDLE_S / 2
            lasted += IDLE_S / 2
            assert lasted <= MAX_AGE_S
        assert lasted == MAX_AGE_S

    def test_stored_session_does_not_last_for_years(
        self, users: UserStore, clock: Clock, jump: float
    ) -> None:
        clock.error = jump
        cookie = open_sessions(users, clock).create("wang")
        clock.error = 0.0
        sessions = open_sessions(users, clock)
        assert sessions.find(cookie, active=False) is None


def test_stored_session_continues_in_a_new_process(users: UserStore, clock: Clock) -> None:
    cookie = open_sessions(users, clock).create("wang")
    clock.time += IDLE_S - 10
    clock.error = -60.0  # corrected by the network
    sessions = open_sessions(users, clock)
    assert sessions.find(cookie, active=False) is not None
    clock.time += 80
    assert sessions.find(cookie) is None
