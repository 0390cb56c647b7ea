"""The command ``lectern restore``."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.cli import main
from appliance.jobs.backup import QUEUE, DatabaseBackups
from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A device whose queue with two jobs was backed up, and is now damaged."""
    (tmp_path / "config.yaml").write_text("root: .\n")
    with WorkerStore(store_path(tmp_path)) as store:
        store.add_all([NewJob("x", Path("/p"), Path("/l"))] * 2)
    DatabaseBackups(tmp_path / "state", QUEUE).create()
    store_path(tmp_path).write_bytes(b"no database" * 1000)
    return tmp_path


def restore(box: Path, *arguments: str) -> int:
    return main(["restore", *arguments, "--config", str(box / "config.yaml")])


def test_list_shows_conditions_and_backups(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert restore(box) == 0
    text = capsys.readouterr().out
    assert "queue: lectern.sqlite3: file is not a database" in text
    assert "backups/lectern.000001.sqlite3" in text and "intact" in text
    assert "users: users.sqlite3: missing" in text


def test_dry_run_changes_nothing(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((path, path.read_bytes()) for path in (box / "state").rglob("*.sqlite3*"))
    assert restore(box, "queue", "--dry-run") == 0
    assert "Nothing was changed" in capsys.readouterr().out
    assert before == sorted(
        (path, path.read_bytes()) for path in (box / "state").rglob("*.sqlite3*")
    )


def test_queue_is_restored_and_the_damaged_file_is_kept(box: Path) -> None:
    assert restore(box, "queue", "--backup", "lectern.000001.sqlite3") == 0
    with WorkerStore(store_path(box)) as store:
        assert len(store.jobs()) == 2
    assert (box / "state/lectern.damaged-1.sqlite3").read_bytes().startswith(b"no database")


@pytest.mark.parametrize("arguments", [["users"], ["queue", "--backup", "nothing"]])
def test_missing_backup_is_reported(
    box: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert restore(box, *arguments) == 2
    assert "backup_missing" in capsys.readouterr().err
