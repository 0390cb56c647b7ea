"""Check Lectern's models, folders, network share, voices, panel files and daemon."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from appliance.doctor.context import Context
from appliance.doctor.line import Line, fail, of_error, ok, warn
from appliance.errors import LecternError
from appliance.face.weights import FACE_MODELS, face_model_path
from appliance.jobs.daemon import DaemonRecord
from appliance.jobs.store import store_path
from appliance.lips.manifest import load_manifest
from appliance.telemetry.nodes import text

_FOLDERS = ("inbox", "outbox", "state")
_ASSETS = ("htmx.js", "tus.js", "uplot.js", "uplot.css")
_WORN_PERCENT = 80
_GB = 1024.0


def models(context: Context) -> Iterator[Line]:
    """Check that the files of the lip model and of the face networks match their digests."""
    try:
        manifest = load_manifest(context.config.lips.model, context.project / "models_lite")
        for precision in manifest.precisions():
            for role in {**manifest.files.get("any", {}), **manifest.files[precision]}:
                manifest.path(role, precision)
        sha = manifest.digest(manifest.precisions()[0])[:12]
        yield ok("model_sound", name=manifest.name, version=manifest.version, sha=sha)
    except LecternError as error:
        yield of_error(error)
    try:
        for name in FACE_MODELS:
            face_model_path(name)
        yield ok("face_sound")
    except LecternError as error:
        yield of_error(error)


def disk(context: Context) -> Iterator[Line]:
    """Check the free disk space, the wear of the disk, and that the folders are writable."""
    root, reading = context.config.root, context.reading
    free, total = reading.disk_free_mb / _GB, reading.disk_total_mb / _GB
    needed = context.config.jobs.min_free_mb / _GB
    if free < needed:
        yield fail("disk_low", free=f"{free:.1f}", root=root, needed=f"{needed:.1f}")
    elif free < 2 * needed:
        yield warn("disk_low", free=f"{free:.1f}", root=root, needed=f"{needed:.1f}")
    else:
        yield ok("disk", free=f"{free:.1f}", total=f"{total:.1f}", root=root)
    worn = reading.disk_worn_percent
    if worn is not None and worn >= _WORN_PERCENT:
        yield warn("disk_worn", percent=round(worn))
    found = {root / name: _closed(root / name) for name in _FOLDERS}
    there = {folder: reason for folder, reason in found.items() if reason is not None}
    if not there:
        yield warn("folders_absent", root=root)
    for folder, reason in there.items():
        if reason:
            yield fail("folder_closed", folder=folder, reason=reason)
    if there and not any(there.values()):
        yield ok("folders")


def _closed(folder: Path) -> str | None:
    """Return why ``folder`` is not writable; empty if it is, ``None`` if it does not exist."""
    try:
        with TemporaryFile(dir=folder):  # unnamed, so nothing remains even after a crash
            pass
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    return ""


def share(context: Context) -> Iterator[Line]:
    """Check that the folders are shared on the network, if Samba is configured for it."""
    settings = text(context.root / "etc/samba/smb.conf") or ""
    wanted = re.search(r"^\s*include\s*=.*lectern", settings, re.MULTILINE)
    if not wanted:
        yield ok("share_off")
    elif _runs(context, "smbd"):
        yield ok("share")
    else:
        yield warn("share_down")


def _runs(context: Context, program: str) -> bool:
    return any(text(entry / "comm") == program for entry in (context.root / "proc").glob("[0-9]*"))


def voices(context: Context) -> Iterator[Line]:
    """Check which voices are available for text lectures."""
    yield ok("voices") if context.which("espeak-ng") else warn("voices_english")


def panel(context: Context) -> Iterator[Line]:
    """Check that the panel's JavaScript libraries, which set-up downloads, are present."""
    vendor = context.project / "web" / "static" / "vendor"
    missing = [name for name in _ASSETS if not (vendor / name).is_file()]
    yield warn("panel_files", files=", ".join(missing)) if missing else ok("panel_whole")


def daemon(context: Context) -> Iterator[Line]:
    """Check that the daemon is running."""
    path = store_path(context.config.root)
    record = None
    try:
        if path.stat().st_size:
            with DaemonRecord(path, now=context.now) as records:
                record = records.read()
    except FileNotFoundError:
        pass
    except PermissionError:
        yield warn("folder_closed", folder=path.parent, reason="Permission denied")
        return
    except (LecternError, sqlite3.Error, OSError):
        pass  # ``lectern jobs`` reports what is wrong with the database
    if record is None or not record.is_up(context.now()):
        yield warn("daemon_down")
    else:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started))
        yield ok("daemon_up", since=since)
