"""The steps of installation, upgrade, rollback and uninstallation."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from pathlib import Path

import pytest

from install import plan, services
from install.errors import InstallError
from install.paths import SYSTEM_FILES
from install.release import is_complete, recorded_runtime
from install.runtime import RuntimeSource
from install.step import run_steps
from tests.install.conftest import OPTIONS, Machine, make_checkout


def install(
    machine: Machine, source: Path, version: str = "1.0.0", share: bool = False
) -> list[str]:
    """Install and return the messages."""
    steps = plan.plan_install(
        machine.system, make_checkout(source, version), dataclasses.replace(OPTIONS, share=share)
    )
    messages: list[str] = []
    run_steps(steps, messages.append)
    return messages


class TestInstall:
    def test_all_files_are_installed(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        files = machine.files()
        here = {file.target.lstrip("/") for file in SYSTEM_FILES}
        assert here <= files
        assert {"var/lib/lectern/inbox", "var/lib/lectern/outbox", "usr/local/bin/lectern"} <= files
        assert "root: /var/lib/lectern" in machine.text("etc/lectern/config.yaml")
        current = machine.root / "opt/lectern/current"
        assert (current / "installed.json").is_file()
        assert os.readlink(current).startswith("1.0.0-")
        assert (
            machine.root / "etc/systemd/system/sockets.target.wants/lectern-helper.socket"
        ).is_symlink()

    def test_service_user_is_added_to_the_video_group(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        install(machine, tmp_path / "checkout")
        (added,) = [words for words in machine.commands if words[0] == "useradd"]
        assert added[added.index("--groups") + 1] == "video"

    def test_second_installation_has_no_steps(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        assert install(machine, tmp_path / "checkout") == []

    def test_services_that_were_stopped_are_started(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        (machine.root / "run/systemd/system").mkdir(parents=True)
        source = make_checkout(tmp_path / "checkout")
        assert plan.plan_install(machine.system, source, OPTIONS) == []
        machine.failing = "is-active"
        (step,) = plan.plan_install(machine.system, source, OPTIONS)
        assert step.text.startswith("start lectern-helper.socket lectern.service")

    def test_planning_changes_nothing(self, machine: Machine, tmp_path: Path) -> None:
        before = machine.files()
        source = make_checkout(tmp_path / "checkout")
        assert plan.plan_install(machine.system, source, OPTIONS)
        assert machine.files() == before
        assert machine.commands == []

    def test_only_an_edited_unit_is_restored(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        (machine.root / "etc/systemd/system/lectern.service").write_text("mine\n")
        messages = install(machine, tmp_path / "checkout")
        assert [
            text for text in messages if text.startswith(("write", "change", "link", "build"))
        ] == ["change /etc/systemd/system/lectern.service"]

    def test_edited_settings_are_kept(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        (machine.root / "etc/lectern/config.yaml").write_text("root: /srv/lectern\n")
        install(machine, tmp_path / "checkout", "1.1.0")
        assert machine.text("etc/lectern/config.yaml") == "root: /srv/lectern\n"

    def test_settings_are_readable_by_root_and_the_services_only(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        install(machine, tmp_path / "checkout")
        settings = machine.root / "etc/lectern/config.yaml"
        assert settings.stat().st_mode & 0o777 == 0o640
        assert ["chown", "root:lectern", str(settings)] in machine.commands
        settings.chmod(0o644)  # as in earlier versions
        messages = install(machine, tmp_path / "checkout")
        assert messages == ["restrict /etc/lectern/config.yaml to root and lectern"]
        assert settings.stat().st_mode & 0o777 == 0o640
        assert install(machine, tmp_path / "checkout") == []

    def test_mode_of_the_settings_is_restored_after_a_failure(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        install(machine, tmp_path / "checkout")
        settings = machine.root / "etc/lectern/config.yaml"
        settings.chmod(0o644)
        machine.failing = "selfcheck.py"
        with pytest.raises(InstallError):
            install(machine, tmp_path / "checkout", "1.1.0")
        assert settings.stat().st_mode & 0o777 == 0o644

    def test_password_of_an_index_is_neither_printed_nor_stored(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        source = make_checkout(tmp_path / "checkout")
        index = RuntimeSource("index", "https://school:Wissen%40@packages.example/jp6")
        options = dataclasses.replace(OPTIONS, runtime=index)
        messages: list[str] = []
        machine.failing = "pip"
        with pytest.raises(InstallError) as error:
            run_steps(plan.plan_install(machine.system, source, options), messages.append)
        machine.failing = ""
        run_steps(plan.plan_install(machine.system, source, options), messages.append)
        record = machine.text("opt/lectern/current/installed.json")
        assert not any("Wissen" in text for text in (*messages, str(error.value), record))
        assert "https://packages.example/jp6" in record
        # The recorded runtime identifies the installed version.
        remembered = RuntimeSource(
            "index", str(recorded_runtime(machine.root / "opt/lectern/current"))
        )
        recorded_options = dataclasses.replace(OPTIONS, runtime=remembered)
        assert plan.plan_install(machine.system, source, recorded_options) == []

    def test_share_is_added_once_and_only_on_request(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        settings = machine.root / "etc/samba/smb.conf"
        settings.parent.mkdir()
        settings.write_text("[global]\n   workgroup = SCHOOL")
        install(machine, tmp_path / "checkout")
        assert "include" not in settings.read_text()
        for _ in range(2):
            install(machine, tmp_path / "checkout", share=True)
        line = "include = /etc/lectern/samba.conf\n"
        assert settings.read_text() == f"[global]\n   workgroup = SCHOOL\n{line}"

    def test_share_uses_the_root_of_the_settings(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        assert "path = /var/lib/lectern/inbox" in machine.text("etc/lectern/samba.conf")
        (machine.root / "etc/lectern/config.yaml").write_text('root: "/srv/lectern"  # larger\n')
        install(machine, tmp_path / "checkout")
        text = machine.text("etc/lectern/samba.conf")
        assert "path = /srv/lectern/inbox" in text and "/var/lib" not in text
        assert install(machine, tmp_path / "checkout") == []

    def test_share_without_samba_is_rejected(self, machine: Machine, tmp_path: Path) -> None:
        with pytest.raises(InstallError, match="apt-get install samba"):
            install(machine, tmp_path / "checkout", share=True)

    def test_login_account_is_neither_used_nor_deleted(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        passwd = machine.root / "etc/passwd"
        passwd.write_text("lectern:x:1000:1000:Me:/home/lectern:/bin/bash\n")
        with pytest.raises(InstallError, match=r"^A login account named lectern exists"):
            install(machine, tmp_path / "checkout")
        assert plan.plan_uninstall(machine.system, purge=True) == []

    def test_service_user_may_have_a_shell(self, machine: Machine, tmp_path: Path) -> None:
        """An administrator may have set one, to investigate a problem."""
        (machine.root / "etc/passwd").write_text("lectern:x:999:999::/:/bin/bash\n")
        install(machine, tmp_path / "checkout")
        assert [step.text for step in plan.plan_uninstall(machine.system, purge=True)][-1] == (
            "run userdel lectern"
        )


class TestUpgrade:
    def test_only_the_previous_version_is_kept(self, machine: Machine, tmp_path: Path) -> None:
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            install(machine, tmp_path / "checkout", version)
        programs = machine.root / "opt/lectern"
        assert {path.name.partition("-")[0] for path in programs.iterdir()} == {
            "1.1.0", "1.2.0", "current", "previous",
        }  # fmt: skip
        assert os.readlink(programs / "previous").startswith("1.1.0-")

    def test_partly_deleted_version_is_incomplete(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for version in ("1.0.0", "1.1.0"):
            install(machine, tmp_path / "checkout", version)
        first = machine.root / "opt/lectern" / os.readlink(machine.root / "opt/lectern/previous")

        def power_cut(path: Path) -> None:
            raise OSError("cut off")

        monkeypatch.setattr("install.step.shutil.rmtree", power_cut)
        steps = plan.plan_install(
            machine.system, make_checkout(tmp_path / "checkout", "1.2.0"), OPTIONS
        )
        with pytest.raises(OSError, match="cut off"):
            steps[-1].do()
        assert first.is_dir() and not is_complete(first)

    def test_installing_an_older_version_checks_it(self, machine: Machine, tmp_path: Path) -> None:
        for version in ("1.0.0", "1.1.0"):
            install(machine, tmp_path / "checkout", version)
        messages = install(machine, tmp_path / "checkout", "1.0.0")
        assert not any(text.startswith("build") for text in messages)
        assert any(text.startswith("check that 1.0.0-") for text in messages)

    @pytest.mark.parametrize("failing", ["pip", "web.assets.build", "selfcheck.py", "enable"])
    def test_failure_undoes_every_change(
        self, machine: Machine, tmp_path: Path, failing: str
    ) -> None:
        before = machine.files()
        machine.failing = failing
        with pytest.raises(InstallError, match="failed"):
            install(machine, tmp_path / "checkout")
        assert machine.files() - before <= {"etc/systemd/system/multi-user.target.wants",
                                            "etc/systemd/system/sockets.target.wants"}  # fmt: skip

    def test_version_that_fails_its_selfcheck_is_not_used(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        install(machine, tmp_path / "checkout")
        before, current = machine.files(), os.readlink(machine.root / "opt/lectern/current")
        machine.failing = "selfcheck.py"
        with pytest.raises(InstallError, match="does not work on this device"):
            install(machine, tmp_path / "checkout", "1.1.0")
        assert machine.files() == before
        assert os.readlink(machine.root / "opt/lectern/current") == current

    def test_databases_are_restored_if_the_services_do_not_start(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        install(machine, tmp_path / "checkout")
        database = machine.root / "var/lib/lectern/state/lectern.sqlite3"
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE jobs (id)")
        connection.close()
        source = make_checkout(tmp_path / "checkout", "1.1.0")
        steps = plan.plan_install(machine.system, source, OPTIONS)

        def newer_tables(text: str) -> None:
            if text.startswith("systemctl daemon-reload"):
                with sqlite3.connect(database) as connection:
                    connection.execute("CREATE TABLE newer (id)")
                connection.close()
                raise OSError("no space left")

        with pytest.raises(InstallError, match="no space left"):
            run_steps(steps, newer_tables)
        names = sqlite3.connect(database).execute("SELECT name FROM sqlite_master").fetchall()
        assert names == [("jobs",)]

    def test_rollback_alternates_between_two_versions(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        install(machine, tmp_path / "checkout")
        install(machine, tmp_path / "checkout", "1.1.0")
        current = machine.root / "opt/lectern/current"
        for version in ("1.0.0", "1.1.0"):
            run_steps(plan.plan_rollback(machine.system), lambda text: None)
            assert os.readlink(current).startswith(f"{version}-")

    def test_rollback_needs_a_previous_version(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        with pytest.raises(InstallError, match="no previous version"):
            plan.plan_rollback(machine.system)


class TestUninstall:
    def test_uninstall_keeps_data_settings_and_user(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        (machine.root / "var/lib/lectern/inbox/talk.wav").touch()
        run_steps(plan.plan_uninstall(machine.system, purge=False), lambda text: None)
        files = machine.files()
        assert {"var/lib/lectern/inbox/talk.wav", "etc/lectern/config.yaml"} <= files
        assert "lectern" in machine.text("etc/passwd")
        assert not [name for name in files if name.startswith(("opt/lectern", "etc/udev/rules.d/"))]
        assert plan.plan_uninstall(machine.system, purge=False) == []

    def test_purge_removes_everything(self, machine: Machine, tmp_path: Path) -> None:
        install(machine, tmp_path / "checkout")
        run_steps(plan.plan_uninstall(machine.system, purge=True), lambda text: None)
        assert "lectern" not in machine.text("etc/passwd")
        assert not [path for path in machine.root.rglob("*lectern*")]

    def test_share_is_removed_from_the_samba_settings(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        settings = machine.root / "etc/samba/smb.conf"
        settings.parent.mkdir()
        settings.write_bytes(b"[global]\n   comment = caf\xe9\n")
        install(machine, tmp_path / "checkout", share=True)
        run_steps(plan.plan_uninstall(machine.system, purge=False), lambda text: None)
        assert settings.read_bytes() == b"[global]\n   comment = caf\xe9\n"


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("root: /srv/lectern", "/srv/lectern"),
        ("# root: /no\nroot: '/srv/my lectern'   # the large disk\n", "/srv/my lectern"),
        ("panel:\n  port: 80\n", "/var/lib/lectern"),
        ("", "/var/lib/lectern"),
    ],
)
def test_data_folder_is_read_from_the_settings(machine: Machine, text: str, folder: str) -> None:
    settings = machine.root / "etc/lectern/config.yaml"
    settings.parent.mkdir()
    settings.write_text(text)
    assert services.data_folder(machine.system) == folder
