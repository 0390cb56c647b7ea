"""Backups of databases: made while they are written to, kept, checked, and restored."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from appliance.jobs.backup import (
    KEPT,
    QUEUE,
    USERS,
    DatabaseBackups,
    find_damage,
    read_restoration,
)
from appliance.jobs.database import SCHEMA
from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from web.accounts.users import SCHEMA as USERS_SCHEMA
from web.accounts.users import Role, UserStore, users_path

NEW = NewJob("x", Path("/p"), Path("/l"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WorkerStore]:
    with WorkerStore(store_path(tmp_path)) as store:
        yield store


@pytest.fixture
def backups(store: WorkerStore, tmp_path: Path) -> DatabaseBackups:
    return DatabaseBackups(tmp_path / "state", QUEUE, SCHEMA.version)


def count(root: Path) -> int:
    with WorkerStore(store_path(root)) as store:
        return len(store.jobs())


def damage(path: Path, how: str) -> bytes:
    """Damage the database and return the bytes of the damaged file."""
    data = path.read_bytes()
    spoiled = {
        "empty": b"",
        "garbage": b"no database" * 1000,
        "zeros": bytes(len(data)),
        "cut": data[: len(data) // 2],
        "page": data[:4096] + b"\xff" * 4096 + data[8192:],
        "header": data[:16] + b"\xff" * 84 + data[100:],
    }[how]
    path.write_bytes(spoiled)
    return spoiled


DAMAGES = ["empty", "garbage", "zeros", "cut", "page", "header"]


class TestCreate:
    def test_backup_is_complete_while_the_queue_is_written_to(
        self, store: WorkerStore, backups: DatabaseBackups, tmp_path: Path
    ) -> None:
        store.add_all([NEW] * 2000)
        stop = threading.Event()

        def write() -> None:
            with WorkerStore(store_path(tmp_path)) as other:
                while not stop.is_set():
                    other.add_all([NEW, NEW])  # always an even number

        writer = threading.Thread(target=write)
        writer.start()
        try:
            made = [backups.create() for _ in range(5)]
        finally:
            stop.set()
            writer.join()
        for backup in made:
            assert backup is not None and find_damage(backup.path, SCHEMA.version) == ""
            with sqlite3.connect(backup.path) as copy:
                (jobs,) = copy.execute("SELECT count(*) FROM jobs").fetchone()
            assert jobs >= 2000 and jobs % 2 == 0
            assert backup.path.stat().st_mode & 0o777 == 0o600

    def test_only_the_newest_are_kept(self, backups: DatabaseBackups) -> None:
        made = [backups.create() for _ in range(KEPT + 3)]
        assert [backup.path for backup in backups.list()] == [
            backup.path for backup in reversed(made[-KEPT:]) if backup
        ]

    @pytest.mark.parametrize("how", DAMAGES)
    def test_damaged_database_does_not_replace_a_good_backup(
        self, store: WorkerStore, backups: DatabaseBackups, how: str
    ) -> None:
        store.add_all([NEW] * 50)
        good = backups.create()
        store.close()
        damage(backups.database, how)
        for _ in range(KEPT + 1):
            try:
                backups.create()
            except Fault as error:
                assert error.code == "database_damaged"
        assert good is not None and [b.path for b in backups.list()] == [good.path]

    def test_missing_database_is_not_backed_up(self, tmp_path: Path) -> None:
        assert DatabaseBackups(tmp_path, QUEUE).create() is None


class TestRestore:
    @pytest.mark.parametrize("how", DAMAGES)
    def test_damaged_queue_is_restored_and_kept(
        self, store: WorkerStore, backups: DatabaseBackups, tmp_path: Path, how: str
    ) -> None:
        store.add_all([NEW] * 50)
        backups.create()
        store.add(NEW)
        store.close()
        spoiled = damage(backups.database, how)
        done = backups.restore_if_damaged()
        assert done is not None and done.kept_as == "lectern.damaged-1.sqlite3"
        assert (tmp_path / "state" / done.kept_as).read_bytes() == spoiled
        assert count(tmp_path) == 50 and backups.restore_if_damaged() is None
        found = read_restoration(tmp_path / "state")
        assert found is not None and found[0] == done
        damage(backups.database, how)
        again = backups.restore_if_damaged()
        assert again is not None and again.kept_as == "lectern.damaged-2.sqlite3"

    def test_intact_or_missing_database_is_left_alone(
        self, store: WorkerStore, backups: DatabaseBackups, tmp_path: Path
    ) -> None:
        backups.create()
        assert backups.restore_if_damaged() is None
        store.close()
        for path in tmp_path.glob("state/lectern.sqlite3*"):
            path.unlink()
        assert backups.restore_if_damaged() is None and not backups.database.exists()

    def test_newest_intact_backup_of_the_same_version_is_used(
        self, store: WorkerStore, backups: DatabaseBackups, tmp_path: Path
    ) -> None:
        store.add(NEW)
        good, other, bad = backups.create(), backups.create(), backups.create()
        assert good and other and bad
        with sqlite3.connect(other.path) as file:
            file.execute("PRAGMA user_version = 99")
        damage(bad.path, "page")
        assert backups.find_good().path == good.path
        with pytest.raises(BadInput, match="backup_missing"):
            backups.find_good(bad.label)
        with pytest.raises(BadInput, match="backup_missing"):
            backups.find_good("../../etc/passwd")

    def test_without_a_backup_the_damaged_file_stays(
        self, store: WorkerStore, backups: DatabaseBackups
    ) -> None:
        store.close()
        spoiled = damage(backups.database, "garbage")
        assert backups.restore_if_damaged() is None
        assert backups.database.read_bytes() == spoiled

    def test_database_in_use_is_not_replaced(
        self, store: WorkerStore, backups: DatabaseBackups, tmp_path: Path, project: Path
    ) -> None:
        store.add(NEW)
        backup = backups.create()
        assert backup is not None
        store.close()
        code = (
            "import sys; from pathlib import Path\n"
            "from appliance.jobs.store import JobStore\n"
            "store = JobStore(Path(sys.argv[1])); store.jobs(); print('open', flush=True)\n"
            "sys.stdin.read()\n"
        )
        command = [sys.executable, "-c", code, str(store_path(tmp_path))]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=project
        ) as daemon:
            assert daemon.stdout is not None and daemon.stdout.readline() == b"open\n"
            before = backups.database.stat().st_ino
            with pytest.raises(BadInput, match="database_in_use"):
                backups.restore(backup, "test")
            assert backups.database.stat().st_ino == before
            daemon.communicate()
        assert backups.restore(backup, "test").kept_as

    def test_accounts_return_without_sessions_and_keys(self, tmp_path: Path) -> None:
        users = UserStore(users_path(tmp_path))
        with users.database.write() as connection:
            connection.execute("INSERT INTO users VALUES ('wang', 'admin', 'hash', 0)")
            connection.execute("INSERT INTO sessions VALUES ('x', 'wang', 'y', 0, 0)")
            connection.execute("INSERT INTO devices VALUES ('x', 'wang', 0)")
            connection.execute(
                "INSERT INTO tokens (token_hash, user, label, created) VALUES ('x', 'wang', '', 0)"
            )
        users.close()
        backups = DatabaseBackups(tmp_path / "state", USERS, USERS_SCHEMA.version)
        backups.create()
        damage(backups.database, "empty")
        assert backups.restore_if_damaged() is not None
        users = UserStore(users_path(tmp_path))
        assert [(user.name, user.role) for user in users.all()] == [("wang", Role.ADMIN)]
        for table in ("sessions", "devices", "tokens"):
            assert not users.database.read(f"SELECT * FROM {table}")
        users.close()
