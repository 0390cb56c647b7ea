"""Plan the steps that install, update, roll back or uninstall Lectern on a device."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from install import paths, services
from install.errors import InstallError
from install.paths import (
    CONFIG,
    CURRENT,
    DATA,
    FOLDERS,
    PREVIOUS,
    SYSTEM_FILES,
    USER,
    VERSIONS_FOLDER,
)
from install.release import RECORD, BuildVersion, SelfCheck, is_complete
from install.runtime import RuntimeSource
from install.source import Source
from install.step import (
    Command,
    MakeFolder,
    RemoveFile,
    RemoveTree,
    RestrictFile,
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
_INCLUDE = f"include = {paths.LECTERN_SMB_CONF}"


@dataclass(frozen=True)
class InstallOptions:
    """The options of an installation."""

    python: str
    python_version: str
    runtime: RuntimeSource
    share: bool = False


def plan_install(system: System, source: Source, options: InstallOptions) -> list[Step]:
    """Return the steps that install the version of ``source``; empty if it is up to date."""
    name = source.identity(options.python_version, options.runtime.name)
    folder = system.path(f"{VERSIONS_FOLDER}/{name}")
    built = is_complete(folder)
    steps: list[Step] = [*_account_steps(system), *_folder_steps(system), *_config_steps(system)]
    if not built:
        steps.append(BuildVersion(system, source, folder, options.python, options.runtime))
    switch = _switch_steps(system, name, source.folder / "systemd", share=options.share)
    if _link_target(system, CURRENT) != name:
        steps.append(SelfCheck(system, folder, USER, CONFIG))
    return [*steps, *switch, *_cleanup_steps(system, name)]


def plan_rollback(system: System) -> list[Step]:
    """Return the steps to the previous version; the databases are not changed.

    Raises ``InstallError`` if there is no complete previous version.
    """
    name = _link_target(system, PREVIOUS)
    if name is None or not is_complete(system.path(f"{VERSIONS_FOLDER}/{name}")):
        raise InstallError("There is no previous version.", "Install the version that you want.")
    folder = system.path(f"{VERSIONS_FOLDER}/{name}")
    check = SelfCheck(system, folder, USER, CONFIG)
    return [check, *_switch_steps(system, name, folder / "systemd", share=False)]


def plan_uninstall(system: System, *, purge: bool) -> list[Step]:
    """Return the steps that remove Lectern.

    Uploaded files, results, settings and the system user are removed only with ``purge``.
    """
    steps: list[Step] = []
    if services.any_unit_in_use(system):
        steps += [services.StopServices(system), services.DisableServices(system)]
    settings = system.path(paths.SMB_CONF)
    if _INCLUDE.encode() in (system.read(paths.SMB_CONF) or b"").splitlines():
        lines = settings.read_bytes().decode(errors="surrogateescape").splitlines(keepends=True)
        rest = "".join(line for line in lines if line.rstrip("\r\n") != _INCLUDE)
        steps.append(_write_step(system, paths.SMB_CONF, rest.encode(errors="surrogateescape")))
        steps += _reload_samba_steps(system)
    for file in SYSTEM_FILES:
        if system.path(file.target).exists():
            path = system.path(file.target)
            steps.append(RemoveFile(path, file.target, with_folder=file.own_folder))
    if system.path(paths.AVAHI_SERVICE).exists():  # left by a crashed panel
        steps.append(RemoveFile(system.path(paths.AVAHI_SERVICE), paths.AVAHI_SERVICE))
    for link in (paths.COMMAND, CURRENT, PREVIOUS):
        if system.path(link).is_symlink():
            steps.append(RemoveFile(system.path(link), link))
    if steps:
        steps.append(services.ReloadSystemd(system))
    deleted = [VERSIONS_FOLDER, *([DATA, str(Path(CONFIG).parent)] if purge else [])]
    steps += [RemoveTree(system.path(p), p) for p in deleted if system.path(p).is_dir()]
    known = services.read_accounts(system, "/etc/passwd")
    if purge and USER in known and not services.is_login_account(system):
        steps.append(Command(system, ("userdel", USER)))
    return steps


def _account_steps(system: System) -> list[Step]:
    if services.is_login_account(system):
        raise InstallError(
            f"A login account named {USER} exists, but the services need this name.",
            "Create an account with another name, sign in with it, then delete this one.",
        )
    known = services.read_accounts(system, "/etc/group")
    groups = tuple(group for group in paths.GROUPS if group in known)
    if USER not in services.read_accounts(system, "/etc/passwd"):
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


def _folder_steps(system: System) -> list[Step]:
    steps: list[Step] = []
    for name, mode in FOLDERS.items():
        # An existing folder is kept: its mode or a link to a larger disk may be intended.
        if not system.path(name).exists():
            steps.append(MakeFolder(system, name, mode, USER))
    return steps


def _config_steps(system: System) -> list[Step]:
    path = system.path(CONFIG)
    steps: list[Step] = []
    if not path.exists():
        steps.append(_write_step(system, CONFIG, _CONFIG_TEXT.encode()))
    # It may contain the token for metrics. A separate step, so that the next run repeats it if
    # this one is interrupted.
    if steps or path.stat().st_mode & stat.S_IRWXO:
        steps.append(RestrictFile(system, CONFIG, USER))
    return steps


def _switch_steps(system: System, name: str, files: Path, *, share: bool) -> list[Step]:
    """Return the steps that switch to version ``name`` and its system files; empty if in use."""
    old = _link_target(system, CURRENT)
    steps: list[Step] = []
    for file in SYSTEM_FILES:
        data = (files / file.source).read_bytes()
        if file.substitute_data:
            data = data.replace(DATA.encode(), services.data_folder(system).encode())
        if system.read(file.target) != data:
            steps.append(_write_step(system, file.target, data))
    if share:
        steps += _share_steps(system)
    if old != name:
        if old is not None:
            steps.append(SetLink(system.path(PREVIOUS), old, PREVIOUS))
        steps.append(SetLink(system.path(CURRENT), name, CURRENT))
    command = f"{CURRENT}/venv/bin/lectern"
    if not _links_to(system.path(paths.COMMAND), command):
        steps.append(SetLink(system.path(paths.COMMAND), command, paths.COMMAND))
    enabled = services.all_enabled(system)
    if not steps and enabled:
        return [] if services.all_running(system) else [services.StartServices(system)]
    before: list[Step] = [services.StopServices(system)]
    if old not in (None, name) and services.databases(system):
        is_rollback = name == _link_target(system, PREVIOUS)
        before.append(services.BackUpDatabases(system, str(old), rollback=is_rollback))
    after: list[Step] = [services.ReloadSystemd(system)]
    if not enabled:
        after.append(services.EnableServices(system))
    if system.systemd_running:
        after.append(services.StartServices(system))
    return [*before, *steps, *after]


def _share_steps(system: System) -> list[Step]:
    text = system.read(paths.SMB_CONF)
    if text is None:
        raise InstallError(
            "The network share needs Samba, which is not installed.",
            "Run 'sudo apt-get install samba' and try again, or omit --share.",
        )
    if _INCLUDE.encode() in text.splitlines():
        return []
    end = b"" if text.endswith(b"\n") or not text else b"\n"
    return [
        _write_step(system, paths.SMB_CONF, text + end + _INCLUDE.encode() + b"\n"),
        *_reload_samba_steps(system),
    ]


def _reload_samba_steps(system: System) -> list[Step]:
    if not services.is_active(system, "smbd.service"):
        return []
    return [Command(system, ("systemctl", "reload", "smbd.service"))]


def _cleanup_steps(system: System, name: str) -> list[Step]:
    """Return steps that delete all versions except the new and the previous one."""
    folder = system.path(VERSIONS_FOLDER)
    old = _link_target(system, CURRENT)
    kept = {name, old if old != name else _link_target(system, PREVIOUS)}
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        # The record goes first, so that a partly deleted version does not count as complete.
        RemoveTree(path, f"{VERSIONS_FOLDER}/{path.name}", first=RECORD)
        for path in found
        if path.is_dir() and not path.is_symlink() and path.name not in kept
    ]


def _write_step(system: System, target: str, data: bytes) -> WriteFile:
    path = system.path(target)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    return WriteFile(path, data, mode, target)


def _link_target(system: System, link: str) -> str | None:
    path = system.path(link)
    return os.readlink(path) if path.is_symlink() else None


def _links_to(path: Path, target: str) -> bool:
    return path.is_symlink() and os.readlink(path) == target
