"""Stop and start Lectern's services for a change of version, and back up its databases."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from install.errors import InstallError
from install.paths import AVAHI_SERVICE, CONFIG, DATA, SERVICES, SOCKETS, UNITS_FOLDER, USER
from install.step import Step
from install.system import System

_UNITS = (*SOCKETS, *SERVICES)
_WANTED_BY = {unit: "multi-user.target" for unit in SERVICES} | {
    unit: "sockets.target" for unit in SOCKETS
}

_FIRST_HUMAN_UID = 1000
"""User IDs below this one belong to the system (``UID_MIN`` of login.defs)."""


class StopServices(Step):
    """Stop Lectern while its files change. Undone last, by starting the old version again."""

    def __init__(self, system: System) -> None:
        super().__init__(f"stop {' '.join(_UNITS)} if they are running")
        self._system = system
        self._running: list[str] = []

    def do(self) -> None:
        self._running = [unit for unit in _UNITS if is_active(self._system, unit)]
        if self._running:
            self._system.run("systemctl", "stop", *self._running)

    def undo(self) -> None:
        reload(self._system)
        if self._running:
            start(self._system, self._running)


class BackUpDatabases(Step):
    """Back up the databases of the old version: a newer version may change their tables.

    The backup of a ``rollback`` has another name, so that it does not overwrite the backup from
    before the update, which may then be needed.
    """

    def __init__(self, system: System, name: str, *, rollback: bool = False) -> None:
        data, folder = data_folder(system), f"before-{'rollback' if rollback else 'upgrade'}"
        self._state = system.path(f"{data}/state")
        self._folder = self._state / folder
        self._previous_backup = self._state / f".{folder}.earlier"
        self._backed_up = False
        super().__init__(f"keep a copy of the databases of {name} in {data}/state/{folder}")

    def do(self) -> None:
        part = self._state / f".{self._folder.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        try:
            self._copy_databases(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        self.commit()
        if self._folder.exists():
            self._folder.rename(self._previous_backup)
        part.rename(self._folder)
        self._backed_up = True

    def commit(self) -> None:
        shutil.rmtree(self._previous_backup, ignore_errors=True)

    def _copy_databases(self, folder: Path) -> None:
        for path in sorted(self._state.glob("*.sqlite3")):
            copy = folder / path.name
            with (
                contextlib.closing(sqlite3.connect(path)) as original,
                contextlib.closing(sqlite3.connect(copy)) as backup,
            ):
                original.backup(backup)
            shutil.copystat(path, copy)
            owner = path.stat()
            os.chown(copy, owner.st_uid, owner.st_gid)

    def undo(self) -> None:
        if not self._backed_up:  # an incomplete copy must never replace its original
            return
        for copy in sorted(self._folder.glob("*.sqlite3")):
            path = self._state / copy.name
            for suffix in ("-wal", "-shm"):  # these belong to the newer file
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            copy.replace(path)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._previous_backup.exists():
            self._previous_backup.rename(self._folder)


class StartServices(Step):
    """Start all units and check that they keep running; ``wait`` can be replaced in tests."""

    def __init__(
        self, system: System, observe_s: float = 5.0, wait: Callable[[float], None] = time.sleep
    ) -> None:
        avahi = system.path(AVAHI_SERVICE).parent.is_dir()
        avahi_note = f" (the panel then writes {AVAHI_SERVICE})" if avahi else ""
        super().__init__(f"start {' '.join(_UNITS)}{avahi_note}")
        self._system, self._observe_s, self._wait = system, observe_s, wait

    def do(self) -> None:
        # In a container without udev this fails, which must not prevent the installation.
        with contextlib.suppress(InstallError):
            self._system.run("udevadm", "control", "--reload")
        self._system.run("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/lectern.conf")
        with contextlib.suppress(InstallError):  # the journal of the unit is more informative
            start(self._system, _UNITS)
        self._wait(self._observe_s)
        for unit in _UNITS:
            if not is_active(self._system, unit):
                log_lines = self._recent_journal(unit)
                raise InstallError(
                    f"{unit} is not running: {log_lines}",
                    f"See 'journalctl -u {unit}' for details.",
                )

    def undo(self) -> None:
        self._system.run("systemctl", "stop", *_UNITS)

    def _recent_journal(self, unit: str) -> str:
        """Return the last lines that ``unit`` itself has logged, without those of systemd."""
        invocation = f"_SYSTEMD_UNIT={unit}"
        with contextlib.suppress(InstallError):
            log = self._system.run("journalctl", invocation, "-n", "3", "-o", "cat", "--no-pager")
            return " | ".join(log.strip().splitlines()) or "its log is empty"
        return "its log cannot be read"


class EnableServices(Step):
    """Start Lectern when the device starts."""

    def __init__(self, system: System) -> None:
        super().__init__(f"enable {' '.join(_UNITS)}")
        self._system = system

    def do(self) -> None:
        self._system.run("systemctl", "enable", "--quiet", *_UNITS)

    def undo(self) -> None:
        self._system.run("systemctl", "disable", "--quiet", *_UNITS)


class DisableServices(EnableServices):
    """No longer start Lectern when the device starts."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.text = f"disable {' '.join(_UNITS)}"

    def do(self) -> None:
        super().undo()

    def undo(self) -> None:
        super().do()


class ReloadSystemd(Step):
    """Make systemd read the unit files again."""

    def __init__(self, system: System) -> None:
        super().__init__("systemctl daemon-reload")
        self._system = system

    def do(self) -> None:
        reload(self._system)


def reload(system: System) -> None:
    """Make systemd read its unit files again, if it is running."""
    if system.systemd_running:
        system.run("systemctl", "daemon-reload")


def start(system: System, units: Sequence[str]) -> None:
    """Start ``units``, including those that systemd no longer restarts after too many failures."""
    with contextlib.suppress(InstallError):  # fails for a unit that systemd does not know yet
        system.run("systemctl", "reset-failed", *units)
    system.run("systemctl", "start", *units)


def is_active(system: System, unit: str) -> bool:
    """Return whether ``unit`` is running."""
    if not system.systemd_running:
        return False
    try:
        system.run("systemctl", "is-active", "--quiet", unit)
    except InstallError:
        return False
    return True


def all_running(system: System) -> bool:
    """Return whether all units are running; also True if systemd itself is not running."""
    return not system.systemd_running or all(is_active(system, unit) for unit in _UNITS)


def all_enabled(system: System) -> bool:
    """Return whether all units are enabled."""
    return all(
        system.path(f"{UNITS_FOLDER}/{target}.wants/{unit}").is_symlink()
        for unit, target in _WANTED_BY.items()
    )


def any_unit_in_use(system: System) -> bool:
    """Return whether any unit is enabled or running."""
    links = (system.path(f"{UNITS_FOLDER}/{t}.wants/{unit}") for unit, t in _WANTED_BY.items())
    return any(link.is_symlink() for link in links) or any(is_active(system, u) for u in _UNITS)


class MakeUser(Step):
    """Create the system user of all services; it has no password and no shell."""

    def __init__(self, system: System, groups: tuple[str, ...]) -> None:
        listed = f" in the groups {', '.join(groups)}" if groups else ""
        super().__init__(f"add the system user {USER}{listed}")
        self._system, self._groups = system, groups
        self._created = False

    def do(self) -> None:
        groups = ("--groups", ",".join(self._groups)) if self._groups else ()
        self._system.run(
            "useradd", "--system", "--user-group", "--home-dir", DATA, "--no-create-home",
            "--shell", "/usr/sbin/nologin", "--comment", "Lectern", *groups, USER,
        )  # fmt: skip
        self._created = True

    def undo(self) -> None:
        if self._created:
            self._system.run("userdel", USER)


def read_accounts(system: System, file: str) -> dict[str, list[str]]:
    """Return the names in ``/etc/passwd`` or ``/etc/group``, each with its other fields."""
    text = (system.read(file) or b"").decode(errors="replace")
    return {line.split(":")[0]: line.split(":")[1:] for line in text.splitlines() if ":" in line}


def is_login_account(system: System) -> bool:
    """Return whether :data:`USER` is an account to which a user can sign in."""
    entry = read_accounts(system, "/etc/passwd").get(USER)
    if entry is None or int(entry[1]) < _FIRST_HUMAN_UID:
        return False
    return Path(entry[-1]).name not in ("nologin", "false")


def databases(system: System) -> list[Path]:
    """Return the databases, which an update must not lose."""
    return sorted(system.path(f"{data_folder(system)}/state").glob("*.sqlite3"))


def data_folder(system: System) -> str:
    """Return ``root`` from the settings, parsed here because the standard library has no YAML."""
    text = (system.read(CONFIG) or b"").decode(errors="replace")
    found = re.search(r"""^root:\s*["']?(/[^"'#\n]*?)["']?\s*(#.*)?$""", text, re.MULTILINE)
    return found[1] if found else DATA
