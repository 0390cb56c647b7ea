"""Check Lectern's models, folders, network share, voices, panel files and daemon."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from appliance.doctor.context import DoctorContext
from appliance.doctor.finding import Finding, fail, from_error, ok, warn
from appliance.errors import LecternError
from appliance.face.weights import FACE_MODELS, face_model_path
from appliance.inference.manifest import load_manifest
from appliance.jobs.backup import (
    QUEUE,
    RESTORATION_SHOWN_S,
    USERS,
    DatabaseBackups,
    find_damage,
    read_restoration,
    restoration_error,
)
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.store import store_path
from appliance.system.sysfs import read_text

_FOLDERS = ("inbox", "outbox", "state")
_PANEL_SCRIPTS = ("htmx.js", "tus.js", "uplot.js", "uplot.css")
_WEAR_WARNING_PERCENT = 80
_GB = 1024.0


def check_models(context: DoctorContext) -> Iterator[Finding]:
    """Check that the files of the lip model and of the face networks match their digests."""
    try:
        manifest = load_manifest(context.config.lips.model, context.project / "models_lite")
        for precision in manifest.precisions():
            for role in {**manifest.files.get("any", {}), **manifest.files[precision]}:
                manifest.path(role, precision)
        sha = manifest.digest(manifest.precisions()[0])[:12]
        yield ok("model_intact", name=manifest.name, version=manifest.version, sha=sha)
    except LecternError as error:
        yield from_error(error)
    try:
        for name in FACE_MODELS:
            face_model_path(name)
        yield ok("face_models_intact")
    except LecternError as error:
        yield from_error(error)


def check_disk(context: DoctorContext) -> Iterator[Finding]:
    """Check the free disk space, the wear of the disk, and that the folders are writable."""
    root, reading = context.config.root, context.reading
    free, total = reading.disk_free_mb / _GB, reading.disk_total_mb / _GB
    needed = context.config.jobs.min_free_disk_mb / _GB
    if free < needed:
        yield fail("disk_low", free=f"{free:.1f}", root=root, needed=f"{needed:.1f}")
    elif free < 2 * needed:
        yield warn("disk_low", free=f"{free:.1f}", root=root, needed=f"{needed:.1f}")
    else:
        yield ok("disk", free=f"{free:.1f}", total=f"{total:.1f}", root=root)
    wear_percent = reading.disk_wear_percent
    if wear_percent is not None and wear_percent >= _WEAR_WARNING_PERCENT:
        yield warn("flash_worn", percent=round(wear_percent))
    write_errors = {root / name: _write_error(root / name) for name in _FOLDERS}
    existing = {folder: reason for folder, reason in write_errors.items() if reason is not None}
    if not existing:
        yield warn("folders_missing", root=root)
    for folder, reason in existing.items():
        if reason:
            yield fail("folder_not_writable", folder=folder, reason=reason)
    if existing and not any(existing.values()):
        yield ok("folders")


def _write_error(folder: Path) -> str | None:
    """Return why ``folder`` is not writable; empty if it is, ``None`` if it does not exist."""
    try:
        with TemporaryFile(dir=folder):  # unnamed, so nothing remains even after a crash
            pass
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    return ""


def check_share(context: DoctorContext) -> Iterator[Finding]:
    """Check that the folders are shared on the network, if Samba is configured for it."""
    smb_conf = read_text(context.root / "etc/samba/smb.conf") or ""
    is_shared = re.search(r"^\s*include\s*=.*lectern", smb_conf, re.MULTILINE)
    if not is_shared:
        yield ok("share_off")
    elif _is_process_running(context, "smbd"):
        yield ok("share")
    else:
        yield warn("share_down")


def _is_process_running(context: DoctorContext, program: str) -> bool:
    return any(
        read_text(entry / "comm") == program for entry in (context.root / "proc").glob("[0-9]*")
    )


def check_voices(context: DoctorContext) -> Iterator[Finding]:
    """Check which voices are available for text lectures."""
    yield ok("voices") if context.which("espeak-ng") else warn("voices_english")


def check_panel(context: DoctorContext) -> Iterator[Finding]:
    """Check that the panel's JavaScript libraries, which set-up downloads, are present."""
    vendor = context.project / "web" / "static" / "vendor"
    missing = [name for name in _PANEL_SCRIPTS if not (vendor / name).is_file()]
    yield (
        warn("panel_files_missing", files=", ".join(missing))
        if missing
        else ok("panel_files_complete")
    )


def check_backups(context: DoctorContext) -> Iterator[Finding]:
    """Check that the databases are intact and backed up, and report a recent restoration."""
    state, now = context.config.root / "state", context.now()
    restored = read_restoration(state)
    if restored is not None and now - restored[1] < RESTORATION_SHOWN_S:
        yield from_error(restoration_error(restored[0]), "warn")
    databases = {name: DatabaseBackups(state, name) for name in (QUEUE, USERS)}
    if not any(b.database.is_file() or b.list() for b in databases.values()):
        yield ok("backup_unneeded")
    for name, backups in databases.items():
        if not backups.database.is_file():
            if backups.list():
                yield warn("database_missing", name=name)
            continue
        if problem := find_damage(backups.database):
            yield fail("database_damaged", name=name, reason=problem)
        elif not backups.list():
            yield warn("backup_none", name=name)
        else:
            made = time.strftime("%Y-%m-%d %H:%M", time.localtime(backups.list()[0].made_at))
            yield ok("backup_made", name=name, time=made)


def check_daemon(context: DoctorContext) -> Iterator[Finding]:
    """Check that the daemon is running."""
    path = store_path(context.config.root)
    record = None
    try:
        if path.stat().st_size:
            with DaemonStatusStore(path, now=context.now) as records:
                record = records.read()
    except FileNotFoundError:
        pass
    except PermissionError:
        yield warn("folder_not_writable", folder=path.parent, reason="Permission denied")
        return
    except (LecternError, sqlite3.Error, OSError):
        pass  # ``lectern jobs`` reports what is wrong with the database
    if record is None or not record.is_running(context.now()):
        yield warn("daemon_not_running")
    else:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started))
        yield ok("daemon_running", since=since)
