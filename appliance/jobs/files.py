"""The files of each job, and where they are being moved."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from appliance.errors import BadInput
from appliance.jobs.database import Database
from appliance.jobs.models import OwnedFile, path_from_blob, path_to_blob


def claim_files(connection: sqlite3.Connection, job: int, paths: Iterable[Path]) -> None:
    """Record ``paths`` as source files of the job ``job``. To be called within a transaction.

    Raises ``BadInput("file_in_use")`` if a file already belongs to a job.
    """
    for path in paths:
        try:
            connection.execute(
                "INSERT INTO files (path, job, role) VALUES (?, ?, 'source')",
                (path_to_blob(path), job),
            )
        except sqlite3.IntegrityError:
            raise BadInput("file_in_use", name=path.name) from None


class JobFiles:
    """The files of all jobs. A path belongs to one job at most.

    A source file is moved in three steps, so that it is found again after a power cut between any
    two of them: :meth:`begin_move`, the rename itself, :meth:`finish_move`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def for_job(self, job: int) -> list[OwnedFile]:
        """Return the files of one job, sorted by path."""
        rows = self._database.read("SELECT * FROM files WHERE job = ? ORDER BY path", job)
        return [
            OwnedFile(Path(os.fsdecode(row["path"])), row["role"], path_from_blob(row["target"]))
            for row in rows
        ]

    def source_paths(self, owner: str | None = None) -> set[Path]:
        """Return the source files of the jobs of ``owner``, or of all (``None``)."""
        rows = self._database.read(
            "SELECT path FROM files JOIN jobs ON jobs.id = job"
            " WHERE role = 'source' AND (? IS NULL OR owner = ?)",
            owner,
            owner,
        )
        return {Path(os.fsdecode(row["path"])) for row in rows}

    def is_used_by_other_job(self, path: Path, job: int) -> bool:
        """Return whether a job other than ``job`` that has not ended uses ``path``."""
        rows = self._database.read(
            "SELECT 1 FROM jobs WHERE id != ? AND (presenter = ? OR lecture = ?)"
            " AND state NOT IN ('done', 'failed', 'cancelled') LIMIT 1",
            job, path_to_blob(path), path_to_blob(path),
        )  # fmt: skip
        return bool(rows)

    def add_result(self, job: int, path: Path) -> None:
        """Record a file that the job has written or is about to write."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO files (path, job, role) VALUES (?, ?, 'result')",
                (path_to_blob(path), job),
            )

    def begin_move(self, path: Path, target: Path) -> None:
        """Record the path to which a source file is about to be moved."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE files SET target = ? WHERE path = ?",
                (path_to_blob(target), path_to_blob(path)),
            )

    def finish_move(self, path: Path, target: Path) -> None:
        """Record that a source file was moved to ``target``.

        All jobs that use the file are updated, so that they find it when they are retried.
        """
        old, new = path_to_blob(path), path_to_blob(target)
        with self._database.write() as connection:
            # Delete a stale record of an earlier file at the target path, which is gone.
            connection.execute("DELETE FROM files WHERE path = ? AND path != ?", (new, old))
            connection.execute(
                "UPDATE files SET path = ?, role = 'archived', target = NULL WHERE path = ?",
                (new, old),
            )
            for column in ("presenter", "lecture"):
                connection.execute(f"UPDATE jobs SET {column} = ? WHERE {column} = ?", (new, old))

    def remove(self, path: Path) -> None:
        """Delete the record of a file that no longer exists."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM files WHERE path = ?", (path_to_blob(path),))
