"""Access to the job database, and files of other versions."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from appliance.errors import Fault
from appliance.jobs.database import SCHEMA, open_database
from appliance.jobs.store import JobStore, store_path


class TestAccess:
    @pytest.mark.parametrize("exists", [False, True])
    def test_missing_permission_is_reported(self, exists: bool) -> None:
        if os.geteuid():
            pytest.skip("only root can change its user ID")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            path = Path(folder) / "lectern.sqlite3"
            if exists:
                JobStore(path).close()
            os.seteuid(65534)
            try:
                with pytest.raises(Fault) as fault:
                    JobStore(path)
            finally:
                os.seteuid(0)
        assert fault.value.code == "database_access_denied"


class TestSchema:
    def test_a_new_file_has_the_current_version(self, tmp_path: Path) -> None:
        connection = open_database(tmp_path / "new.sqlite3", SCHEMA)
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA.version
        connection.close()

    @pytest.mark.parametrize(
        ("version", "code"),
        [
            (0, "database_too_old"),
            (1, "database_too_old"),
            (2, "database_too_old"),
            (99, "database_too_new"),
        ],
    )
    def test_a_file_of_another_version_is_rejected_and_kept(
        self, tmp_path: Path, version: int, code: str
    ) -> None:
        path = store_path(tmp_path)
        path.parent.mkdir(parents=True)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY)")
        other.execute(f"PRAGMA user_version = {version}")
        other.close()
        with pytest.raises(Fault) as fault:
            JobStore(path)
        assert fault.value.code == code
        kept = sqlite3.connect(path)
        assert kept.execute("SELECT name FROM sqlite_master").fetchall() == [("jobs",)]
        kept.close()
