"""Uploads on the disk: bytes that were acknowledged survive a power cut.

Each upload is a file and a row with the number of its valid bytes. The row is written after those
bytes are on the disk, so a file may be longer than its row says, but never shorter.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import BadInput, Fault
from appliance.jobs.database import Database, Schema, translate_sqlite_errors
from appliance.system.elapsed import ElapsedTimes
from web.uploads.body_reader import Checksum
from web.uploads.models import Limits, Upload, clean_name, is_id, new_id

SYNC_BYTES = 8 << 20
"""Number of bytes after which a long piece is synced to the disk and acknowledged."""

SCHEMA = Schema(
    1,
    (
        """
        CREATE TABLE uploads (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            length INTEGER NOT NULL,
            offset INTEGER NOT NULL DEFAULT 0,
            created REAL NOT NULL,
            last_activity REAL NOT NULL
        ) STRICT
        """,
    ),
)


def free_bytes(path: Path) -> int:
    """Return the free bytes of the file system that contains ``path``."""
    return shutil.disk_usage(path).free


class UploadStore:
    """The uploads in ``folder``. Use it in one thread only; several processes may open it.

    ``find_free`` returns the free bytes, ``now`` the time in seconds since 1970. Methods that take
    an ``owner`` raise ``BadInput("upload_unknown")`` also for another user's upload, so as not to
    reveal that it exists. Every method may raise ``Fault`` (``database_busy``,
    ``database_damaged``, ``disk_full``).
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        *,
        find_free: Callable[[Path], int] = free_bytes,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._find_free = find_free
        self._now = now
        self._database = Database(folder / "uploads.sqlite3", SCHEMA)

    def __enter__(self) -> UploadStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # Reading

    def get(self, upload: str, owner: str) -> Upload:
        """Return one upload. Raises ``BadInput("upload_unknown")``."""
        rows = self._read("SELECT * FROM uploads WHERE id = ? AND owner = ?", upload, owner)
        if not is_id(upload) or not rows:
            raise BadInput("upload_unknown")
        return rows[0]

    def list_for(self, owner: str) -> list[Upload]:
        """Return the uploads of a user, oldest first."""
        return self._read("SELECT * FROM uploads WHERE owner = ? ORDER BY created, id", owner)

    def path(self, upload: Upload) -> Path:
        """Return the file that holds the upload's bytes; each upload has a separate folder."""
        return self._folder / upload.id / upload.name

    def expires_at(self, upload: Upload) -> float:
        """Return when the upload is deleted unless more bytes arrive."""
        return upload.last_activity + self._limits.keep_s

    # Receiving

    def create(self, owner: str, name: str, length: int) -> Upload:
        """Create an upload of ``length`` bytes.

        Raises ``BadInput``: ``file_type_unsupported``, ``file_empty``, ``upload_too_large``,
        ``upload_too_many``, ``upload_quota_exceeded``; ``Fault("disk_full")``.
        """
        name = clean_name(name)
        if length <= 0:
            raise BadInput("file_empty", name=name)
        if length > self._limits.file_bytes:
            raise BadInput("upload_too_large", name=name, limit=_gb(self._limits.file_bytes))
        self._check_space(name, length)
        now = self._now()
        with self._database.write() as connection:
            (count, total) = connection.execute(
                "SELECT count(*), coalesce(sum(length), 0) FROM uploads WHERE owner = ?", (owner,)
            ).fetchone()
            if count >= self._limits.user_files:
                raise BadInput("upload_too_many", limit=self._limits.user_files)
            if total + length > self._limits.user_bytes:
                raise BadInput(
                    "upload_quota_exceeded", name=name, limit=_gb(self._limits.user_bytes)
                )
            upload = Upload(new_id(), owner, name, length, 0, now, now)
            connection.execute(
                "INSERT INTO uploads VALUES (:id, :owner, :name, :length, :offset, :created,"
                " :last_activity)",
                vars(upload),
            )
        return upload

    def append(
        self,
        upload: Upload,
        offset: int,
        length: int,
        blocks: Iterable[bytes],
        checksum: Checksum | None = None,
    ) -> Upload:
        """Append a piece of ``length`` bytes, read from ``blocks``, which must begin at ``offset``.

        If ``blocks`` raises ``OSError`` or ends early, the received bytes are kept, unless there is
        a ``checksum``: then the piece is kept completely or not at all. Raises ``BadInput``:
        ``upload_busy`` (another piece is being written), ``upload_offset_mismatch``,
        ``upload_too_large``, ``upload_checksum_mismatch``; ``Fault("disk_full")``. After any of
        these nothing has been added.
        """
        with self._locked(upload) as file:
            now = self.get(upload.id, upload.owner)
            if offset != now.offset:
                raise BadInput("upload_offset_mismatch", wanted=now.offset, offset=offset)
            if length > now.length - now.offset:
                limit = f"{now.length} bytes"
                raise BadInput("upload_too_large", name=now.name, limit=limit)
            self._check_space(now.name, length)
            try:
                os.ftruncate(file, now.offset)  # bytes beyond it were never acknowledged
                return self._receive(file, now, length, blocks, checksum)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise Fault("disk_full", name=now.name) from error

    def _receive(
        self,
        file: int,
        upload: Upload,
        length: int,
        blocks: Iterable[bytes],
        checksum: Checksum | None,
    ) -> Upload:
        received = synced = 0
        for block in _until_disconnect(blocks):
            block = block[: length - received]
            os.pwrite(file, block, upload.offset + received)
            received += len(block)
            if checksum is not None:
                checksum.update(block)
            elif received - synced >= SYNC_BYTES:
                self._acknowledge(file, upload, received)
                synced = received
        if checksum is not None and (received < length or not checksum.matches()):
            os.ftruncate(file, upload.offset)
            raise BadInput("upload_checksum_mismatch", name=upload.name)
        return self._acknowledge(file, upload, received)

    def _acknowledge(self, file: int, upload: Upload, received: int) -> Upload:
        """Sync the file to the disk and acknowledge ``received`` more bytes."""
        os.fdatasync(file)
        with self._database.write() as connection:
            connection.execute(
                "UPDATE uploads SET offset = ?, last_activity = ? WHERE id = ?",
                (upload.offset + received, self._now(), upload.id),
            )
        return self.get(upload.id, upload.owner)

    # Using and deleting

    def link(self, upload: Upload, target: Path) -> None:
        """Create a hard link ``target`` to the finished upload's file.

        Raises ``BadInput("upload_incomplete")`` and ``OSError``.
        """
        if not upload.complete:
            raise BadInput("upload_incomplete", name=upload.name)
        os.link(self.path(upload), target)

    def delete(self, upload: Upload) -> None:
        """Delete an upload. Raises ``BadInput("upload_busy")`` while a piece is being written."""
        with self._locked(upload), self._database.write() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
            shutil.rmtree(self.path(upload).parent, ignore_errors=True)

    def remove_expired(self, activity: ElapsedTimes) -> list[Upload]:
        """Delete expired uploads, and folders that belong to no upload.

        ``activity`` measures the time since bytes last arrived, by a clock that only advances; pass
        the same one each time. Returns the expired uploads.
        """
        expired = []
        uploads = self._read("SELECT * FROM uploads")
        activity.keep({upload.id for upload in uploads})
        for upload in uploads:
            if activity.since(upload.id, upload.last_activity) < self._limits.keep_s:
                continue
            try:
                self.delete(upload)
            except BadInput:  # in use
                continue
            expired.append(upload)
        folders = list(self._folder.iterdir())  # before the rows: a folder is created after its row
        known = {upload.id for upload in self._read("SELECT * FROM uploads")}
        for path in folders:
            if is_id(path.name) and path.name not in known:
                shutil.rmtree(path, ignore_errors=True)
        return expired

    # Internal

    @contextmanager
    def _locked(self, upload: Upload) -> Iterator[int]:
        """Open the upload's file, locked against other writers."""
        with translate_sqlite_errors(self.path(upload)):
            self.path(upload).parent.mkdir(exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(self.path(upload), flags, 0o640)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInput("upload_busy", name=upload.name) from None
            yield file
        finally:
            os.close(file)

    def _check_space(self, name: str, length: int) -> None:
        if self._find_free(self._folder) - length < self._limits.min_free_bytes:
            raise Fault("disk_full", name=name)

    def _read(self, query: str, *values: object) -> list[Upload]:
        return [Upload(**dict(row)) for row in self._database.read(query, *values)]


def _until_disconnect(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks up to their end or a network error."""
    source = iter(blocks)
    while True:
        try:
            block = next(source)
        except (StopIteration, OSError):
            return
        if not block:
            return
        yield block


def _gb(size: int) -> str:
    return f"{size / 1e9:g} GB"
