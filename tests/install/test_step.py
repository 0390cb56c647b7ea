"""Steps that fail half-way: nothing of the owner's is lost, and the box can always go on."""

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
from tests.install.conftest import WISH, Machine, make_checkout


class Fails(Step):
    """Raises ``error`` when done and ``trouble`` when undone."""

    def __init__(self, error: Exception, trouble: Exception | None = None) -> None:
        super().__init__("fail")
        self._error, self._trouble = error, trouble

    def do(self) -> None:
        raise self._error

    def undo(self) -> None:
        if self._trouble is not None:
            raise self._trouble


def tables(database: Path) -> list[str]:
    """The names of its tables."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master")]


def fail(*steps: Step, undo: bool = True) -> list[str]:
    """Carry out ``steps``, one of which fails; what was said."""
    said: list[str] = []
    with pytest.raises(InstallError):
        run_steps(steps, said.append, undo=undo)
    return said


class TestWriteFile:
    def test_a_file_that_cannot_be_written_is_left_as_it_was(self, tmp_path: Path) -> None:
        settings = tmp_path / "smb.conf"
        settings.write_bytes(b"the owner's")
        (tmp_path / ".smb.conf.part").mkdir()  # where the new one would be written
        fail(WriteFile(settings, b"new"))
        assert settings.read_bytes() == b"the owner's"

    def test_undoing_brings_back_content_and_mode(self, tmp_path: Path) -> None:
        settings = tmp_path / "smb.conf"
        settings.write_bytes(b"the owner's")
        settings.chmod(0o640)
        fail(WriteFile(settings, b"new", 0o640), Fails(OSError("full")))
        assert settings.read_bytes() == b"the owner's"
        assert settings.stat().st_mode & 0o777 == 0o640
        assert list(tmp_path.iterdir()) == [settings]


def test_a_file_in_the_way_of_a_link_stays(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "lectern"
    command.parent.mkdir()
    command.write_text("the owner's own script")
    said = fail(SetLink(command, "/opt/lectern/current/venv/bin/lectern"))
    assert command.read_text() == "the owner's own script"
    assert "exists and is not a link" in said[-2]


class TestMakeFolder:
    def test_appears_with_its_owner_and_mode(self, machine: Machine) -> None:
        step = MakeFolder(machine.system, "/var/lib/lectern/inbox", 0o2775, "lectern")
        seen: list[bool] = []

        def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
            seen.append((machine.root / "var/lib/lectern/inbox").exists())
            return ""

        step._system = System(machine.root, run, {})
        step.do()
        assert seen == [False]  # not before it is owned
        assert (machine.root / "var/lib/lectern/inbox").stat().st_mode & 0o7777 == 0o2775
        step.undo()
        assert not (machine.root / "var").exists()

    def test_what_an_installation_that_was_cut_off_has_left_is_no_hindrance(
        self, machine: Machine
    ) -> None:
        (machine.root / "var/lib/.lectern.part").mkdir(parents=True)
        MakeFolder(machine.system, "/var/lib/lectern", 0o755, "lectern").do()
        assert [path.name for path in (machine.root / "var/lib").iterdir()] == ["lectern"]


def test_a_link_to_a_larger_disk_is_purged_with_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "disk" / "inbox").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    RemoveTree(tmp_path / "data").do()
    assert list(tmp_path.iterdir()) == []


def test_a_user_that_was_there_before_is_not_deleted(machine: Machine) -> None:
    machine.failing = "useradd"
    fail(MakeUser(machine.system, ()))
    assert not [words for words in machine.commands if words[0] == "userdel"]


class TestDatabases:
    @pytest.fixture
    def state(self, machine: Machine) -> Path:
        """The state folder, with one database of one table and what is no database."""
        state = machine.root / "var/lib/lectern/state"
        state.mkdir(parents=True)
        with contextlib.closing(sqlite3.connect(state / "a.sqlite3")) as connection:
            connection.execute("CREATE TABLE jobs (id)")
        return state

    def test_a_copy_that_failed_replaces_nothing(self, machine: Machine, state: Path) -> None:
        (state / "before-upgrade").mkdir()
        (state / "before-upgrade" / "a.sqlite3").write_bytes(b"an earlier copy")
        (state / "b.sqlite3").write_bytes(b"no database at all" * 100)
        whole = (state / "a.sqlite3").read_bytes()
        said = fail(BackUpDatabases(machine.system, "1.0.0"))
        assert said[-2:] == [
            "failed: file is not a database.",
            "all changes were undone",
        ]
        assert (state / "a.sqlite3").read_bytes() == whole
        assert (state / "before-upgrade" / "a.sqlite3").read_bytes() == b"an earlier copy"
        assert not (state / ".before-upgrade.part").exists()

    def test_a_later_failure_brings_them_back(self, machine: Machine, state: Path) -> None:
        class NewVersion(Step):
            def do(self) -> None:
                with contextlib.closing(sqlite3.connect(state / "a.sqlite3")) as connection:
                    connection.execute("CREATE TABLE newer (id)")

        fail(
            BackUpDatabases(machine.system, "1.0.0"),
            NewVersion("upgrade"),
            Fails(OSError("no start")),
        )
        assert tables(state / "a.sqlite3") == ["jobs"]

    def test_only_an_upgrade_that_succeeds_replaces_the_copy_before(
        self, machine: Machine, state: Path
    ) -> None:
        (state / "before-upgrade").mkdir()
        (state / "before-upgrade" / "a.sqlite3").write_bytes(b"an earlier copy")
        fail(BackUpDatabases(machine.system, "1.1.0"), Fails(OSError("no start")))
        assert (state / "before-upgrade" / "a.sqlite3").read_bytes() == b"an earlier copy"
        run_steps([BackUpDatabases(machine.system, "1.1.0")], lambda text: None)
        copy = (state / "before-upgrade" / "a.sqlite3").read_bytes()
        assert copy == (state / "a.sqlite3").read_bytes()
        assert sorted(path.name for path in state.iterdir()) == ["a.sqlite3", "before-upgrade"]

    def test_going_back_keeps_the_copy_from_before_the_update(
        self, machine: Machine, state: Path, tmp_path: Path
    ) -> None:
        def install(version: str) -> list[Step]:
            return plan.plan_install(machine.system, make_checkout(tmp_path / "c", version), WISH)

        run_steps(install("1.0.0"), lambda text: None)
        run_steps(install("1.1.0"), lambda text: None)
        with contextlib.closing(sqlite3.connect(state / "a.sqlite3")) as connection:
            connection.execute("CREATE TABLE newer (id)")
        for steps in (plan.plan_rollback(machine.system), plan.plan_rollback(machine.system)):
            run_steps(steps, lambda text: None)
        run_steps(install("1.0.0"), lambda text: None)  # that is a way back, too
        assert tables(state / "before-upgrade" / "a.sqlite3") == ["jobs"]
        assert tables(state / "before-rollback" / "a.sqlite3") == ["jobs", "newer"]


class TestTakingBack:
    def test_goes_on_whatever_one_step_says_and_claims_no_more_than_it_did(
        self, tmp_path: Path
    ) -> None:
        written = tmp_path / "file"
        said = fail(WriteFile(written, b""), Fails(OSError("full"), sqlite3.Error("locked")))
        assert not written.exists()
        assert said[-1] == "could not be undone: fail: locked."

    def test_what_is_to_go_stays_gone(self, tmp_path: Path) -> None:
        written = tmp_path / "file"
        said = fail(WriteFile(written, b""), Fails(OSError("busy")), undo=False)
        assert written.exists() and "to continue" in said[-1]


def test_a_version_counts_as_whole_only_when_it_is_on_the_disk(
    machine: Machine, tmp_path: Path
) -> None:
    records: list[bool] = []
    plain = machine.run

    def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
        if command[0] == "sync":
            records.append((Path(command[-1]) / "installed.json").exists())
        return plain(command, environment)

    system = System(machine.root, run, {})
    run_steps(plan.plan_install(system, make_checkout(tmp_path / "c"), WISH), lambda text: None)
    assert records == [False]
    assert (machine.root / "opt/lectern/current/installed.json").exists()


def test_nobody_but_root_may_change_what_was_copied(tmp_path: Path) -> None:
    source = make_checkout(tmp_path / "stick")
    for path in (tmp_path / "stick").rglob("*"):
        path.chmod(0o777)  # as a stick's files are
    (tmp_path / "stick/docs/x.py").chmod(0o666)
    (tmp_path / "stick/docs/__pycache__").mkdir()
    source.copy_support(tmp_path / "copy")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "copy").rglob("*")}
    assert set(modes.values()) == {0o755, 0o644}
    assert (modes["setup.sh"], modes["docs"]) == (0o755, 0o755)
    assert (tmp_path / "copy/docs/x.py").stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "copy/docs/__pycache__").exists()


def test_what_a_cut_off_uninstall_left_running_is_stopped(machine: Machine, tmp_path: Path) -> None:
    run_steps(
        plan.plan_install(machine.system, make_checkout(tmp_path / "c"), WISH), lambda text: None
    )
    wants = machine.root / "etc/systemd/system/multi-user.target.wants"
    os.unlink(wants / "lectern.service")
    said: list[str] = []
    run_steps(plan.plan_uninstall(machine.system, purge=False), said.append)
    assert any(text.startswith("disable") for text in said)
    assert not (wants / "lectern-panel.service").is_symlink()


def test_each_group_that_the_user_lacks_can_be_taken_back(machine: Machine, tmp_path: Path) -> None:
    (machine.root / "etc/passwd").write_text("lectern:x:999:999::/:/bin/false\n")
    (machine.root / "etc/group").write_text("video:x:44:\nrender:x:45:\nlectern:x:999:\n")
    machine.failing = "selfcheck.py"
    fail(*plan.plan_install(machine.system, make_checkout(tmp_path / "c"), WISH))
    taken = [words[-1] for words in machine.commands if words[0] == "gpasswd"]
    assert taken == ["render", "video"]
