"""Steps that fail: no data of the owner is lost, and the device stays usable."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from install import plan
from install.errors import InstallError
from install.services import BackUpDatabases, MakeUser
from install.step import MakeFolder, RemoveTree, SetLink, Step, WriteFile, run_steps
from install.system import System
from tests.install.conftest import OPTIONS, Machine, make_checkout


class FailingStep(Step):
    """A step that raises ``error`` when done and ``undo_error`` when undone."""

    def __init__(self, error: Exception, undo_error: Exception | None = None) -> None:
        super().__init__("fail")
        self._error, self._trouble = error, undo_error

    def do(self) -> None:
        raise self._error

    def undo(self) -> None:
        if self._trouble is not None:
            raise self._trouble


def tables(database: Path) -> list[str]:
    """Return the names of the tables."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master")]


def fail(*steps: Step, undo: bool = True) -> list[str]:
    """Run ``steps``, one of which fails, and return the messages."""
    messages: list[str] = []
    with pytest.raises(InstallError):
        run_steps(steps, messages.append, undo=undo)
    return messages


class TestWriteFile:
    def test_file_that_cannot_be_written_is_unchanged(self, tmp_path: Path) -> None:
        settings = tmp_path / "smb.conf"
        settings.write_bytes(b"the owner's")
        (tmp_path / ".smb.conf.part").mkdir()  # blocks the temporary file
        fail(WriteFile(settings, b"new"))
        assert settings.read_bytes() == b"the owner's"

    def test_undo_restores_content_and_mode(self, tmp_path: Path) -> None:
        settings = tmp_path / "smb.conf"
        settings.write_bytes(b"the owner's")
        settings.chmod(0o640)
        fail(WriteFile(settings, b"new", 0o640), FailingStep(OSError("full")))
        assert settings.read_bytes() == b"the owner's"
        assert settings.stat().st_mode & 0o777 == 0o640
        assert list(tmp_path.iterdir()) == [settings]


def test_file_at_the_place_of_a_link_is_kept(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "lectern"
    command.parent.mkdir()
    command.write_text("the owner's own script")
    messages = fail(SetLink(command, "/opt/lectern/current/venv/bin/lectern"))
    assert command.read_text() == "the owner's own script"
    assert "exists and is not a link" in messages[-2]


class TestMakeFolder:
    def test_folder_appears_with_owner_and_mode(self, machine: Machine) -> None:
        step = MakeFolder(machine.system, "/var/lib/lectern/inbox", 0o2775, "lectern")
        seen: list[bool] = []

        def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
            seen.append((machine.root / "var/lib/lectern/inbox").exists())
            return ""

        step._system = System(machine.root, run, {})
        step.do()
        assert seen == [False]  # it appears only after its owner is set
        assert (machine.root / "var/lib/lectern/inbox").stat().st_mode & 0o7777 == 0o2775
        step.undo()
        assert not (machine.root / "var").exists()

    def test_rest_of_an_interrupted_installation_is_replaced(self, machine: Machine) -> None:
        (machine.root / "var/lib/.lectern.part").mkdir(parents=True)
        MakeFolder(machine.system, "/var/lib/lectern", 0o755, "lectern").do()
        assert [path.name for path in (machine.root / "var/lib").iterdir()] == ["lectern"]


def test_link_to_another_disk_is_removed_with_its_target(tmp_path: Path) -> None:
    (tmp_path / "disk" / "inbox").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    RemoveTree(tmp_path / "data").do()
    assert list(tmp_path.iterdir()) == []


def test_existing_user_is_not_deleted(machine: Machine) -> None:
    machine.failing = "useradd"
    fail(MakeUser(machine.system, ()))
    assert not [words for words in machine.commands if words[0] == "userdel"]


class TestDatabases:
    @pytest.fixture
    def state(self, machine: Machine) -> Path:
        """Return the state folder, which contains a database with one table."""
        state = machine.root / "var/lib/lectern/state"
        state.mkdir(parents=True)
        with contextlib.closing(sqlite3.connect(state / "a.sqlite3")) as connection:
            connection.execute("CREATE TABLE jobs (id)")
        return state

    def test_failed_backup_replaces_nothing(self, machine: Machine, state: Path) -> None:
        (state / "before-upgrade").mkdir()
        (state / "before-upgrade" / "a.sqlite3").write_bytes(b"an earlier copy")
        (state / "b.sqlite3").write_bytes(b"no database at all" * 100)
        content = (state / "a.sqlite3").read_bytes()
        messages = fail(BackUpDatabases(machine.system, "1.0.0"))
        assert messages[-2:] == [
            "failed: file is not a database.",
            "all changes were undone",
        ]
        assert (state / "a.sqlite3").read_bytes() == content
        assert (state / "before-upgrade" / "a.sqlite3").read_bytes() == b"an earlier copy"
        assert not (state / ".before-upgrade.part").exists()

    def test_later_failure_restores_the_databases(self, machine: Machine, state: Path) -> None:
        class NewVersion(Step):
            def do(self) -> None:
                with contextlib.closing(sqlite3.connect(state / "a.sqlite3")) as connection:
                    connection.execute("CREATE TABLE newer (id)")

        fail(
            BackUpDatabases(machine.system, "1.0.0"),
            NewVersion("upgrade"),
            FailingStep(OSError("no start")),
        )
        assert tables(state / "a.sqlite3") == ["jobs"]

    def test_only_a_successful_upgrade_replaces_the_previous_backup(
        self, machine: Machine, state: Path
    ) -> None:
        (state / "before-upgrade").mkdir()
        (state / "before-upgrade" / "a.sqlite3").write_bytes(b"an earlier copy")
        fail(BackUpDatabases(machine.system, "1.1.0"), FailingStep(OSError("no start")))
        assert (state / "before-upgrade" / "a.sqlite3").read_bytes() == b"an earlier copy"
        run_steps([BackUpDatabases(machine.system, "1.1.0")], lambda text: None)
        copy = (state / "before-upgrade" / "a.sqlite3").read_bytes()
        assert copy == (state / "a.sqlite3").read_bytes()
        assert sorted(path.name for path in state.iterdir()) == ["a.sqlite3", "before-upgrade"]

    def test_rollback_keeps_the_backup_from_before_the_update(
        self, machine: Machine, state: Path, tmp_path: Path
    ) -> None:
        def install(version: str) -> list[Step]:
            return plan.plan_install(
                machine.system, make_checkout(tmp_path / "c", version), OPTIONS
            )

        run_steps(install("1.0.0"), lambda text: None)
        run_steps(install("1.1.0"), lambda text: None)
        with contextlib.closing(sqlite3.connect(state / "a.sqlite3")) as connection:
            connection.execute("CREATE TABLE newer (id)")
        for steps in (plan.plan_rollback(machine.system), plan.plan_rollback(machine.system)):
            run_steps(steps, lambda text: None)
        run_steps(install("1.0.0"), lambda text: None)  # returns to the previous version, too
        assert tables(state / "before-upgrade" / "a.sqlite3") == ["jobs"]
        assert tables(state / "before-rollback" / "a.sqlite3") == ["jobs", "newer"]


class TestUndo:
    def test_undo_continues_after_an_error_and_reports_it(self, tmp_path: Path) -> None:
        written = tmp_path / "file"
        messages = fail(
            WriteFile(written, b""), FailingStep(OSError("full"), sqlite3.Error("locked"))
        )
        assert not written.exists()
        assert messages[-1] == "could not be undone: fail: locked."

    def test_steps_without_undo_are_kept(self, tmp_path: Path) -> None:
        written = tmp_path / "file"
        messages = fail(WriteFile(written, b""), FailingStep(OSError("busy")), undo=False)
        assert written.exists() and "to continue" in messages[-1]


def test_version_is_complete_only_after_sync(machine: Machine, tmp_path: Path) -> None:
    records: list[bool] = []
    plain = machine.run

    def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
        if command[0] == "sync":
            records.append((Path(command[-1]) / "installed.json").exists())
        return plain(command, environment)

    system = System(machine.root, run, {})
    run_steps(plan.plan_install(system, make_checkout(tmp_path / "c"), OPTIONS), lambda text: None)
    assert records == [False]
    assert (machine.root / "opt/lectern/current/installed.json").exists()


def test_copied_files_are_writable_by_root_only(tmp_path: Path) -> None:
    source = make_checkout(tmp_path / "usb")
    for path in (tmp_path / "usb").rglob("*"):
        path.chmod(0o777)  # as on a USB drive
    (tmp_path / "usb/docs/x.py").chmod(0o666)
    (tmp_path / "usb/docs/__pycache__").mkdir()
    source.copy_support(tmp_path / "copy")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "copy").rglob("*")}
    assert set(modes.values()) == {0o755, 0o644}
    assert (modes["setup.sh"], modes["docs"]) == (0o755, 0o755)
    assert (tmp_path / "copy/docs/x.py").stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "copy/docs/__pycache__").exists()


def test_services_left_by_an_interrupted_uninstall_are_stopped(
    machine: Machine, tmp_path: Path
) -> None:
    run_steps(
        plan.plan_install(machine.system, make_checkout(tmp_path / "c"), OPTIONS), lambda text: None
    )
    wants = machine.root / "etc/systemd/system/multi-user.target.wants"
    os.unlink(wants / "lectern.service")
    messages: list[str] = []
    run_steps(plan.plan_uninstall(machine.system, purge=False), messages.append)
    assert any(text.startswith("disable") for text in messages)
    assert not (wants / "lectern-panel.service").is_symlink()


def test_added_groups_are_removed_after_a_failure(machine: Machine, tmp_path: Path) -> None:
    (machine.root / "etc/passwd").write_text("lectern:x:999:999::/:/bin/false\n")
    (machine.root / "etc/group").write_text("video:x:44:\nrender:x:45:\nlectern:x:999:\n")
    machine.failing = "selfcheck.py"
    fail(*plan.plan_install(machine.system, make_checkout(tmp_path / "c"), OPTIONS))
    removed = [words[-1] for words in machine.commands if words[0] == "gpasswd"]
    assert removed == ["render", "video"]
