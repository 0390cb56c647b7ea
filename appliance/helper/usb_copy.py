"""Copies media files from a USB drive into the inbox, and finished videos onto a USB drive.

Everything in this module runs as the services' user, not as root.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import BadInput, Fault
from appliance.files.atomic import write_text
from appliance.files.names import (
    FORBIDDEN_CHARS,
    SIDECAR_SUFFIXES,
    MediaKind,
    is_ignored,
    match_key,
    media_kind,
    shorten,
)
from appliance.inbox.partial_copies import (
    atomic_copy,
    remove_failure_note,
    remove_partial_copies,
    remove_partial_copy,
    write_failure_note,
)
from appliance.system.regular_file import is_regular, open_regular

IMPORT_FOLDER = "lectern"
"""Folder of a USB drive from which files are imported automatically when it is plugged in."""

RESULTS_FOLDER = "results"
"""Subfolder of ``IMPORT_FOLDER`` to which finished videos are copied automatically."""

_RESULT_SUFFIXES = (".mp4", *SIDECAR_SUFFIXES)
_FAT_SAFE_CHARS = str.maketrans(dict.fromkeys(FORBIDDEN_CHARS, "_"))
_MAX_LOG_LINES = 5000  # maximum number of lines of the import log


def find_folder(top: Path, name: str) -> Path | None:
    """Return the folder ``name`` in ``top``, ignoring case but not following links, or ``None``."""
    for path in sorted(top.iterdir()):
        if path.name.casefold() == name and path.is_dir() and not path.is_symlink():
            return path
    return None


def find_media_files(top: Path, *, only_folder: bool) -> list[Path]:
    """Return the regular files on a USB drive mounted at ``top`` that can be imported.

    They are in the folder ``lectern``. If there is no such folder, they are at the top level of the
    drive, unless ``only_folder`` is set.
    """
    folder = find_folder(top, IMPORT_FOLDER)
    if folder is None:
        if only_folder:
            return []
        folder = top
    return [
        path
        for path in sorted(folder.iterdir())
        if is_regular(path)
        and not is_ignored(path.name)
        and media_kind(path) is not MediaKind.OTHER
    ]


class ImportLog:
    """The log of imported files, so that no file is imported twice from the same USB drive.

    ``path`` is the tab-separated log file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold an exclusive lock in a ``with`` block and load the log.

        USB drives are handled one after the other: two of them may contain files of the same name.
        """
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                text = self._path.read_text(encoding="utf-8", errors="surrogateescape")
                self._lines = text.splitlines()
            yield
        finally:
            os.close(folder)

    def contains(self, drive_id: str, path: Path) -> bool:
        """Return whether this file has been imported before and is unchanged since."""
        return self._line(drive_id, path) in self._lines

    def add(self, drive_id: str, path: Path) -> None:
        """Add a file to the log and write the log."""
        self._lines = [*self._lines, self._line(drive_id, path)][-_MAX_LOG_LINES:]
        text = "".join(f"{line}\n" for line in self._lines)
        write_text(self._path, text, errors="surrogateescape")

    def _line(self, drive_id: str, path: Path) -> str:
        status = path.lstat()
        name = path.name.replace("\n", " ")
        return f"{drive_id}\t{status.st_size}\t{status.st_mtime_ns}\t{name}"


def import_files(
    files: Iterable[Path], drive_id: str, inbox: Path, import_log: ImportLog
) -> list[str]:
    """Copy the new ones of ``files`` into ``inbox`` and return their names there.

    ``drive_id`` is the UUID of the USB drive. Files of the same stem stay together: if a name is in
    use, all of them get the same number. If the drive is removed, the partial copy is deleted and a
    note is written. Raises ``Fault("disk_full")`` and ``BadInput("usb_copy_incomplete")``.
    """
    with import_log.locked():
        return _import_locked(list(files), drive_id, inbox, import_log)


def _import_locked(
    files: list[Path], drive_id: str, inbox: Path, import_log: ImportLog
) -> list[str]:
    remove_partial_copies(inbox)
    new = [path for path in files if not import_log.contains(drive_id, path)]
    needed = sum(path.lstat().st_size for path in new)
    if needed > shutil.disk_usage(inbox).free:
        raise Fault("disk_full", name=str(inbox))
    existing = {match_key(path.name) for path in inbox.iterdir()}
    imported = []
    for group in _by_stem(new):
        number = _unused_number(group, existing)
        for path in group:
            name = _numbered(path, number)
            _import_file(path, inbox, name)
            import_log.add(drive_id, path)
            existing.add(match_key(name))
            imported.append(name)
    return imported


def _import_file(path: Path, inbox: Path, name: str) -> None:
    try:
        copy_file(path, inbox / name)
    except BaseException as error:
        # A signal may have interrupted ``atomic_copy`` before its own cleanup.
        remove_partial_copy(inbox / name)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Fault("disk_full", name=str(inbox)) from error
        write_failure_note(inbox, name)
        if isinstance(error, OSError):
            raise BadInput("usb_copy_incomplete", name=name) from error
        raise  # systemd stops the helper when the USB drive is removed
    remove_failure_note(inbox, name)


def export_results(outbox: Path, target: Path) -> tuple[list[str], list[str]]:
    """Copy the finished videos and their sidecar files into the folder ``target``.

    Links and special files in the outbox are left out: users of the network share may place links
    there. Files that already exist there with the same size are skipped. Returns the names of the
    copied files, and of the files that are too large for the file system of the USB drive. Raises
    ``BadInput``: ``usb_full``, ``usb_read_only``, ``usb_copy_incomplete``, and ``file_not_regular``
    if a folder of the drive is a link.
    """
    for folder in (target.parent, target):
        if folder.is_symlink():  # it may lead off the drive
            raise BadInput("file_not_regular", name=folder.name)
    copied: list[str] = []
    too_large: list[str] = []
    for path in sorted(outbox.iterdir()):
        size = _size_of_regular(path)
        is_result = path.name.casefold().endswith(_RESULT_SUFFIXES)
        if size is None or not is_result or is_ignored(path.name):
            continue
        destination = target / path.name.translate(_FAT_SAFE_CHARS)
        if _size_of_regular(destination) == size:
            continue
        try:
            copy_file(path, destination)
        except OSError as error:
            if error.errno == errno.EFBIG:  # FAT32 is limited to files of 4 GB
                too_large.append(path.name)
                continue
            if error.errno == errno.ENOSPC:
                raise BadInput("usb_full", copied=len(copied)) from error
            if _size_of_regular(path) is None:  # moved, deleted or replaced meanwhile
                continue
            raise BadInput("usb_copy_incomplete", name=path.name) from error
        copied.append(path.name)
    return copied, too_large


def copy_file(source: Path, target: Path) -> None:
    """Copy a file atomically and durably: ``target`` appears complete or not at all.

    Raises ``NotRegularFileError`` if a link or a special file has taken its place, and ``OSError``.
    """
    with open_regular(source) as source_file, atomic_copy(target) as target_file:
        shutil.copyfileobj(source_file, target_file, 1 << 20)


def make_folder(top: Path, name: str) -> Path:
    """Return the folder ``name`` in ``top``, which is created if it does not exist.

    Links are not followed: a prepared drive could lead out of itself. Raises
    ``BadInput("usb_read_only")`` if the folder cannot be created, also because of a link or file of
    this name.
    """
    found = find_folder(top, name)
    if found is not None:
        return found
    try:
        (top / name).mkdir()
    except OSError as error:
        raise BadInput("usb_read_only", device=name, reason=error.strerror) from error
    return top / name


def _size_of_regular(path: Path) -> int | None:
    """Return the size of a regular file, or ``None`` for links, other files and missing ones."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _by_stem(paths: Iterable[Path]) -> Iterator[list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(match_key(path.stem), []).append(path)
    yield from groups.values()


def _unused_number(group: list[Path], existing: set[str]) -> int:
    number = 1
    while any(match_key(_numbered(path, number)) in existing for path in group):
        number += 1
    return number


def _numbered(path: Path, number: int) -> str:
    # Names on a USB drive may be longer than the device's disk allows, also with the suffixes.
    stem = shorten(path.stem)
    return f"{stem}{path.suffix}" if number == 1 else f"{stem}-{number}{path.suffix}"
