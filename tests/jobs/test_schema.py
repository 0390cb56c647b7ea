"""A queue that an earlier version of Lectern wrote goes on with this one."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from appliance.errors import Fault
from appliance.jobs.daemon import DaemonRecord
from appliance.jobs.errands import Errands
from appliance.jobs.record import NewJob
from appliance.jobs.schema import MIGRATIONS, VERSION, connect
from appliance.jobs.states import State
from appliance.jobs.store import JobStore, store_path


def write_version(path: Path, version: int) -> sqlite3.Connection:
    """A file as that version made it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    for statements in MIGRATIONS[:version]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")
    return connection


class TestAccess:
    @pytest.mark.parametrize("made", [False, True])
    def test_a_stranger_is_told_to_use_sudo(self, made: bool) -> None:
        if os.geteuid():
            pytest.skip("only root can become somebody else")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            path = Path(folder) / "lectern.sqlite3"
            if made:
                JobStore(path).close()
            os.seteuid(65534)
            try:
                with pytest.raises(Fault) as fault:
                    JobStore(path)
            finally:
                os.seteuid(0)
        assert fault.value.code == "store_denied"


class TestMigration:
    def test_a_file_of_version_1_keeps_its_jobs_files_and_events(self, tmp_path: Path) -> None:
        path = store_path(tmp_path)
        old = write_version(path, 1)
        old.execute(
            "INSERT INTO jobs (stem, presenter, lecture, options, priority, state, stage, done,"
            " total, attempts, created) VALUES (x'6c6573736f6e', x'77616e67', x'61', '{}', 3,"
            " 'running', 'render', 5, 9, 1, 100.0)"
        )
        old.execute("INSERT INTO files (path, job, role) VALUES (x'61', 1, 'source')")
        old.execute("INSERT INTO events (at, job, kind) VALUES (100.0, 1, 'queued')")
        old.execute("INSERT INTO holds VALUES ('low_space', '{}', 100.0)")
        old.close()
        with JobStore(path) as store:
            job = store.get(1)
            assert (job.stem, job.state, job.done, job.priority) == ("lesson", State.RUNNING, 5, 3)
            assert (job.owner, job.interruptions, job.relief, job.expected_mb) == ("", 0, 0, None)
            assert store.files.claimed() == {Path("a")}
            assert [event.kind for event in store.events()] == ["queued"]
            assert [hold.code for hold in store.holds()] == ["low_space"]
            assert store.add(NewJob("next", Path("p"), Path("l"), owner="li")).owner == "li"
        with Errands(path) as errands:
            assert errands.get(errands.ask("doctor", {})).state == "asked"
        with DaemonRecord(path) as record:
            assert record.read() is None

    def test_each_version_leads_to_this_one(self, tmp_path: Path) -> None:
        shapes = set()
        for version in range(VERSION + 1):
            path = tmp_path / f"{version}.sqlite3"
            write_version(path, version).close()
            connection = connect(path)
            rows = connection.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY 2")
            shapes.add(tuple(map(tuple, rows)))
            assert connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
            connection.close()
        assert len(shapes) == 1
