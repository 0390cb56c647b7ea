"""Stops Lectern around a change of version, keeps its databases, and starts it again."""

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
from install.layout import AVAHI_SERVICE, CONFIG, DATA, SERVICES, SOCKETS, UNITS, USER
from install.step import Step
from install.system import System

_UNITS = (*SOCKETS, *SERVICES)
_WANTED_BY = {unit: "multi-user.target" for unit in SERVICES} | {
    unit: "sockets.target" for unit in SOCKETS
}

_FIRST_PERSON = 1000
"""Numbers of users below are the system's (``UID_MIN`` of login.defs)."""


class Stop(Step):
    """Lectern at rest while its files change. Undone last, so the old version starts again."""

    def __init__(self, system: System) -> None:
        super().__init__(f"stop {' '.join(_UNITS)} if they run")
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


class KeepDatabases(Step):
    """The databases as the old version left them; a newer one may change their tables. On the way
    ``back``, the copy from before the update stays, for it may be what is wanted then."""

    def __init__(self, system: System, name: str, *, back: bool = False) -> None:
        data, folder = data_folder(system), f"before-{'rollback' if back else 'upgrade'}"
        self._state = system.path(f"{data}/state")
        self._folder = self._state / folder
        self._earlier = self._state / f".{folder}.earlier"
        self._kept = False
        super().__init__(f"keep a copy of the databases of {name} in {data}/state/{folder}")

    def do(self) -> None:
        part = self._state / f".{self._folder.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        try:
            self._copy(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        self.settle()
        if self._folder.exists():
            self._folder.rename(self._earlier)
        part.rename(self._folder)
        self._kept = True

    def settle(self) -> None:
        shutil.rmtree(self._earlier, ignore_errors=True)

    def _copy(self, folder: Path) -> None:
        for path in sorted(self._state.glob("*.sqlite3")):
            copy = folder / path.name
            with (
                contextlib.closing(sqlite3.connect(path)) as old,
                contextlib.closing(sqlite3.connect(copy)) as new,
            ):
                old.backup(new)
            shutil.copystat(path, copy)
            owner = path.stat()
            os.chown(copy, owner.st_uid, owner.st_gid)

    def undo(self) -> None:
        if not self._kept:  # a copy that was not finished must never replace its original
            return
        for copy in sorted(self._folder.glob("*.sqlite3")):
            path = self._state / copy.name
            for beside in ("-wal", "-shm"):  # they belong to the newer file
                path.with_name(path.name + beside).unlink(missing_ok=True)
            copy.replace(path)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._earlier.exists():
            self._earlier.rename(self._folder)


class Start(Step):
    """Starts what shall run and sees that it stays; ``wait`` lets a test do without the time."""

    def __init__(
        self, system: System, settle_s: float = 5.0, wait: Callable[[float], None] = time.sleep
    ) -> None:
        avahi = system.path(AVAHI_SERVICE).parent.is_dir()
        told = f" (the panel then writes {AVAHI_SERVICE})" if avahi else ""
        super().__init__(f"start {' '.join(_UNITS)}{told}")
        self._system, self._settle_s, self._wait = system, settle_s, wait

    def do(self) -> None:
        # A udev that is not there (a container) is no reason not to install.
        with contextlib.suppress(InstallError):
            self._system.run("udevadm", "control", "--reload")
        self._system.run("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/lectern.conf")
        with contextlib.suppress(InstallError):  # it names a job; the unit's own words say why
            start(self._system, _UNITS)
        self._wait(self._settle_s)
        for unit in _UNITS:
            if not is_active(self._system, unit):
                words = self._last_words(unit)
                raise InstallError(
                    f"{unit} does not run: {words}", f"'journalctl -u {unit}' has the whole story."
                )

    def undo(self) -> None:
        self._system.run("systemctl", "stop", *_UNITS)

    def _last_words(self, unit: str) -> str:
        """What ``unit`` itself said last; systemd's lines about it say less."""
        invocation = f"_SYSTEMD_UNIT={unit}"
        with contextlib.suppress(InstallError):
            log = self._system.run("journalctl", invocation, "-n", "3", "-o", "cat", "--no-pager")
            return " | ".join(log.strip().splitlines()) or "it said nothing"
        return "its log cannot be read"


class Enable(Step):
    """Lectern starts with the box."""

    def __init__(self, system: System) -> None:
        super().__init__(f"enable {' '.join(_UNITS)}")
        self._system = system

    def do(self) -> None:
        self._system.run("systemctl", "enable", "--quiet", *_UNITS)

    def undo(self) -> None:
        self._system.run("systemctl", "disable", "--quiet", *_UNITS)


class Disable(Enable):
    """Lectern does not start with the box any more."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.text = f"disable {' '.join(_UNITS)}"

    def do(self) -> None:
        super().undo()

    def undo(self) -> None:
        super().do()


class Reload(Step):
    """systemd reads the unit files again."""

    def __init__(self, system: System) -> None:
        super().__init__("systemctl daemon-reload")
        self._system = system

    def do(self) -> None:
        reload(self._system)


def reload(system: System) -> None:
    """Tell a running systemd that its files have changed."""
    if system.booted:
        system.run("systemctl", "daemon-reload")


def start(system: System, units: Sequence[str]) -> None:
    """Start ``units``, also those that systemd has given up after too many failures."""
    with contextlib.suppress(InstallError):  # of one that it does not know yet
        system.run("systemctl", "reset-failed", *units)
    system.run("systemctl", "start", *units)


def is_active(system: System, unit: str) -> bool:
    """Whether ``unit`` runs."""
    if not system.booted:
        return False
    try:
        system.run("systemctl", "is-active", "--quiet", unit)
    except InstallError:
        return False
    return True


def is_running(system: System) -> bool:
    """Whether all units run, or could not, as no systemd does."""
    return not system.booted or all(is_active(system, unit) for unit in _UNITS)


def is_enabled(system: System) -> bool:
    """Whether all units start with the box."""
    return all(
        system.path(f"{UNITS}/{target}.wants/{unit}").is_symlink()
        for unit, target in _WANTED_BY.items()
    )


def is_here(system: System) -> bool:
    """Whether any unit starts with the box or runs now."""
    links = (system.path(f"{UNITS}/{t}.wants/{unit}") for unit, t in _WANTED_BY.items())
    return any(link.is_symlink() for link in links) or any(is_active(system, u) for u in _UNITS)


class MakeUser(Step):
    """The system account that everything runs as; it has no password and no shell."""

    def __init__(self, system: System, groups: tuple[str, ...]) -> None:
        listed = f" in the groups {', '.join(groups)}" if groups else ""
        super().__init__(f"add the system user {USER}{listed}")
        self._system, self._groups = system, groups
        self._added = False

    def do(self) -> None:
        groups = ("--groups", ",".join(self._groups)) if self._groups else ()
        self._system.run(
            "useradd", "--system", "--user-group", "--home-dir", DATA, "--no-create-home",
            "--shell", "/usr/sbin/nologin", "--comment", "Lectern", *groups, USER,
        )  # fmt: skip
        self._added = True

    def undo(self) -> None:
        if self._added:
            self._system.run("userdel", USER)


def members(system: System, file: str) -> dict[str, list[str]]:
    """The names in ``/etc/passwd`` or ``/etc/group``, each with its further fields."""
    text = (system.read(file) or b"").decode(errors="replace")
    return {line.split(":")[0]: line.split(":")[1:] for line in text.splitlines() if ":" in line}


def is_person(system: System) -> bool:
    """Whether :data:`USER` is somebody's own account, who can sign in by it."""
    entry = members(system, "/etc/passwd").get(USER)
    if entry is None or int(entry[1]) < _FIRST_PERSON:
        return False
    return Path(entry[-1]).name not in ("nologin", "false")


def state_files(system: System) -> list[Path]:
    """The databases that an upgrade must not lose."""
    return sorted(system.path(f"{data_folder(system)}/state").glob("*.sqlite3"))


def data_folder(system: System) -> str:
    """The ``root`` of the owner's settings. (There is no YAML reader in Python's own library.)"""
    text = (system.read(CONFIG) or b"").decode(errors="replace")
    found = re.search(r"""^root:\s*["']?(/[^"'#\n]*?)["']?\s*(#.*)?$""", text, re.MULTILINE)
    return found[1] if found else DATA
