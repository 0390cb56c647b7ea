"""The user database: files of other versions, and the first administrator."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from web.accounts.sessions import SessionStore
from web.accounts.tokens import TokenStore
from web.accounts.users import Role, UserStore, users_path

PASSWORD = "correct horse battery"


@pytest.fixture
def users(tmp_path: Path) -> Iterator[UserStore]:
    store = UserStore(users_path(tmp_path))
    yield store
    store.close()


@pytest.mark.parametrize(("version", "code"), [(0, "database_too_old"), (99, "database_too_new")])
def test_a_file_of_another_version_is_rejected_and_kept(
    tmp_path: Path, version: int, code: str
) -> None:
    path = users_path(tmp_path)
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE people (name TEXT)")
        other.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(Fault) as fault:
        UserStore(path)
    assert fault.value.code == code
    with closing(sqlite3.connect(path)) as kept:
        assert kept.execute("SELECT name FROM sqlite_master").fetchall() == [("people",)]


def test_only_the_service_user_may_read_the_file(users: UserStore, tmp_path: Path) -> None:
    assert stat.S_IMODE(users_path(tmp_path).stat().st_mode) == 0o600


def test_there_is_only_one_first_administrator(users: UserStore) -> None:
    def add(name: str) -> str:
        try:
            return users.add_first(name, PASSWORD, 1.0).name
        except BadInput as error:
            return error.code

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(add, ["wang", "li", "zhao"]))
    assert results.count("permission_denied") == 2
    assert len(users.all()) == 1


def test_sessions_and_tokens_of_a_deleted_user_are_deleted(users: UserStore) -> None:
    users.add("wang", Role.ADMIN, PASSWORD, 1.0)
    users.add("li", Role.TEACHER, PASSWORD, 1.0)
    sessions = SessionStore(users, 3600, lambda: 100.0)
    tokens = TokenStore(users, lambda: 100.0)
    cookie, token = sessions.create("li"), tokens.create("li", "script")
    found = tokens.find_owner(token)
    assert found is not None and found.name == "li"
    assert tokens.list_for("LI")[0].last_used == 100.0
    stored, here = SessionStore(users, 3600, lambda: 100.0).find(cookie), sessions.find(cookie)
    assert stored is not None and here is not None and stored.csrf_token == here.csrf_token
    users.delete("li")
    assert tokens.find_owner(token) is None
    assert SessionStore(users, 3600, lambda: 100.0).find(cookie) is None
