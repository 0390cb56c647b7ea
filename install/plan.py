"""Plan the steps that install, update, roll back or uninstall Lectern on a device."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from install import layout, services
from install.errors import InstallError
from install.layout import CONFIG, CURRENT, DATA, FOLDERS, PREVIOUS, PROGRAMS, SYSTEM_FILES, USER
from install.program import RECORD, BuildProgram, SelfCheck, is_whole
from install.runtime import Runtime
from install.source import Source
from install.step import (
    Command,
    MakeFolder,
    Protect,
    RemoveFile,
    RemoveTree,
    SetLink,
    Step,
    WriteFile,
)
from install.system import System

_CONFIG_TEXT = f"""\
# Settings of Lectern on this device. Enter only what differs from the defaults; every key is
# explained in {CURRENT}/config.yaml. Check this file with: lectern check-config {CONFIG}
root: {DATA}
"""
_INCLUDE = f"include = {layout.SHARE}"


@dataclass(frozen=True)
class Wish:
    """The options of an installation."""

    python: str
    python_version: str
    runtime: Runtime
    share: bool = False


def to_install(system: System, source: Source, wish: Wish) -> list[Step]:
    """Return the steps that install the version of ``source``; empty if it is up to date."""
    name = source.identity(wish.python_version, wish.runtime.name)
    folder = system.path(f"{PROGRAMS}/{name}")
    built = is_whole(folder)
    steps: list[Step] = [*_account(system), *_folders(system), *_config(system)]
    if not built:
        steps.append(BuildProgram(system, source, folder, wish.python, wish.runtime))
    change = _switch(system, name, source.folder / "systemd", share=wish.share)
    if _link(system, CURRENT) != name:
        steps.append(SelfCheck(system, folder, USER, CONFIG))
    return [*steps, *change, *_old_versions(system, name)]


def to_roll_back(system: System) -> list[Step]:
    """Return the steps to the previous version; the databases are not changed.

    Raises ``InstallError`` if there is no complete previous version.
    """
    name = _link(system, PREVIOUS)
    if name is None or not is_whole(system.path(f"{PROGRAMS}/{name}")):
        raise InstallError("There is no previous version.", "Install the version that you want.")
    folder = system.path(f"{PROGRAMS}/{name}")
    check = SelfCheck(system, folder, USER, CONFIG)
    return [check, *_switch(system, name, folder / "systemd", share=False)]


def to_uninstall(system: System, *, purge: bool) -> list[Step]:
    """Return the steps that remove Lectern.

    Uploaded files, results, settings and the system user are removed only with ``purge``.
    """
    steps: list[Step] = []
    if services.is_here(system):
        steps += [services.Stop(system), services.Disable(system)]
    settings = system.path(layout.SMB_CONF)
    if _INCLUDE.encode() in (system.read(layout.SMB_CONF) or b"").splitlines():
        lines = settings.read_bytes().decode(errors="surrogateescape").splitlines(keepends=True)
        rest = "".join(line for line in lines if line.rstrip("\r\n") != _INCLUDE)
        steps.append(_write(system, layout.SMB_CONF, rest.encode(errors="surrogateescape")))
        steps += _reload_share(system)
    for file in SYSTEM_FILES:
        if system.path(file.target).exists():
            path = system.path(file.target)
            steps.append(RemoveFile(path, file.target, with_folder=file.own_folder))
    if system.path(layout.AVAHI_SERVICE).exists():  # left by a crashed panel
        steps.append(RemoveFile(system.path(layout.AVAHI_SERVICE), layout.AVAHI_SERVICE))
    for link in (layout.COMMAND, CURRENT, PREVIOUS):
        if system.path(link).is_symlink():
            steps.append(RemoveFile(system.path(link), link))
    if steps:
        steps.append(services.Reload(system))
    doomed = [PROGRAMS, *([DATA, str(Path(CONFIG).parent)] if purge else [])]
    steps += [RemoveTree(system.path(p), p) for p in doomed if system.path(p).is_dir()]
    known = services.members(system, "/etc/passwd")
    if purge and USER in known and not services.is_person(system):
        steps.append(Command(system, ("userdel", USER)))
    return steps


def _account(system: System) -> list[Step]:
    if services.is_person(system):
        raise InstallError(
            f"A login account named {USER} exists, but the services need this name.",
            "Create an account with another name, sign in with it, then delete this one.",
        )
    known = services.members(system, "/etc/group")
    groups = tuple(group for group in layout.GROUPS if group in known)
    if USER not in services.members(system, "/etc/passwd"):
        return [services.MakeUser(system, groups)]
    return [
        Command(
            system,
            ("usermod", "--append", "--groups", group, USER),
            ("gpasswd", "--delete", USER, group),
        )
        for group in groups
        if USER not in known[group][-1].split(",")
    ]


def _folders(system: System) -> list[Step]:
    steps: list[Step] = []
    for name, mode in FOLDERS.items():
        # An existing folder is kept: its mode or a link to a larger disk may be intended.
        if not system.path(name).exists():
            steps.append(MakeFolder(system, name, mode, USER))
    return steps


def _config(system: System) -> list[Step]:
    path = system.path(CONFIG)
    steps: list[Step] = []
    if not path.exists():
        steps.append(_write(system, CONFIG, _CONFIG_TEXT.encode()))
    # It may contain the token for metrics. A separate step, so that the next run repeats it if
    # this one is interrupted.
    if steps or path.stat().st_mode & stat.S_IRWXO:
        steps.append(Protect(system, CONFIG, USER))
    return steps


def _switch(system: System, name: str, files: Path, *, share: bool) -> list[Step]:
    """Return the steps that switch to version ``name`` and its system files; empty if in use."""
    old = _link(system, CURRENT)
    steps: list[Step] = []
    for file in SYSTEM_FILES:
        data = (files / file.source).read_bytes()
        if file.names_data:
            data = data.replace(DATA.encode(), services.data_folder(system).encode())
        if system.read(file.target) != data:
            steps.append(_write(system, file.target, data))
    if share:
        steps += _share(system)
    if old != name:
        if old is not None:
            steps.append(SetLink(system.path(PREVIOUS), old, PREVIOUS))
        steps.append(SetLink(system.path(CURRENT), name, CURRENT))
    command = f"{CURRENT}/venv/bin/lectern"
    if not _links_to(system.path(layout.COMMAND), command):
        steps.append(SetLink(system.path(layout.COMMAND), command, layout.COMMAND))
    enabled = services.is_enabled(system)
    if not steps and enabled:
        return [] if services.is_running(system) else [services.Start(system)]
    before: list[Step] = [services.Stop(system)]
    if old not in (None, name) and services.state_files(system):
        back = name == _link(system, PREVIOUS)
        before.append(services.KeepDatabases(system, str(old), back=back))
    after: list[Step] = [services.Reload(system)]
    if not enabled:
        after.append(services.Enable(system))
    if system.booted:
        after.append(services.Start(system))
    return [*before, *steps, *after]


def _share(system: System) -> list[Step]:
    text = system.read(layout.SMB_CONF)
    if text is None:
        raise InstallError(
            "The network share needs Samba, which is not installed.",
            "Run 'sudo apt-get install samba' and try again, or omit --share.",
        )
    if _INCLUDE.encode() in text.splitlines():
        return []
    end = b"" if text.endswith(b"\n") or not text else b"\n"
    return [
        _write(system, layout.SMB_CONF, text + end + _INCLUDE.encode() + b"\n"),
        *_reload_share(system),
    ]


def _reload_share(system: System) -> list[Step]:
    if not services.is_active(system, "smbd.service"):
        return []
    return [Command(system, ("systemctl", "reload", "smbd.service"))]


def _old_versions(system: System, name: str) -> list[Step]:
    """Return steps that delete all versions except the new and the previous one."""
    folder = system.path(PROGRAMS)
    old = _link(system, CURRENT)
    kept = {name, old if old != name else _link(system, PREVIOUS)}
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        # The record goes first, so that a partly deleted version does not count as complete.
        RemoveTree(path, f"{PROGRAMS}/{path.name}", first=RECORD)
        for path in found
        if path.is_dir() and not path.is_symlink() and path.name not in kept
    ]


def _write(system: System, target: str, data: bytes) -> WriteFile:
    path = system.path(target)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    return WriteFile(path, data, mode, target)


def _link(system: System, link: str) -> str | None:
    path = system.path(link)
    return os.readlink(path) if path.is_symlink() else None


def _links_to(path: Path, target: str) -> bool:
    return path.is_symlink() and os.readlink(path) == target
