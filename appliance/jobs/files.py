"""Which file belongs to which job, and where it is being moved."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from appliance.errors import BadInput
from appliance.jobs.record import OwnedFile, blob_of, path_of
from appliance.jobs.schema import Database


def claim_files(connection: sqlite3.Connection, job: int, paths: Iterable[Path]) -> None:
    """Within a transaction: ``paths`` are the job's sources.

    Raises ``BadInput("file_claimed")``.
    """
    for path in paths:
        try:
            connection.execute(
                "INSERT INTO files (path, job, role) VALUES (?, ?, 'source')", (blob_of(path), job)
            )
        except sqlite3.IntegrityError:
            raise BadInput("file_claimed", name=path.name) from None


class JobFiles:
    """The files of all jobs. A path belongs to one job at most.

    A source is moved in three steps, so that it is found again after a power cut between any two
    of them: :meth:`moving`, the rename itself, :meth:`moved`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, job: int) -> list[OwnedFile]:
        """The files of one job."""
        rows = self._database.read("SELECT * FROM files WHERE job = ? ORDER BY path", job)
        return [
            OwnedFile(Path(os.fsdecode(row["path"])), row["role"], path_of(row["target"]))
            for row in rows
        ]

    def claimed(self) -> set[Path]:
        """Every file of the inbox that has its job."""
        rows = self._database.read("SELECT path FROM files WHERE role = 'source'")
        return {Path(os.fsdecode(row["path"])) for row in rows}

    def needed(self, path: Path, job: int) -> bool:
        """Whether another job than ``job`` is still to be made of ``path``."""
        rows = self._database.read(
            "SELECT 1 FROM jobs WHERE id != ? AND (presenter = ? OR lecture = ?)"
            " AND state NOT IN ('done', 'failed', 'cancelled') LIMIT 1",
            job, blob_of(path), blob_of(path),
        )  # fmt: skip
        return bool(rows)

    def add_result(self, job: int, path: Path) -> None:
        """Note what the job has made (or is about to)."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO files (path, job, role) VALUES (?, ?, 'result')",
                (blob_of(path), job),
            )

    def moving(self, path: Path, target: Path) -> None:
        """Note where a source is about to be moved."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE files SET target = ? WHERE path = ?", (blob_of(target), blob_of(path))
            )

    def moved(self, path: Path, target: Path) -> None:
        """The source lies at ``target`` now; jobs made of it, should they be retried, find it."""
        old, new = blob_of(path), blob_of(target)
        with self._database.write() as connection:
            # What was noted of a file that lay there before, and is gone, no longer counts.
            connection.execute("DELETE FROM files WHERE path = ? AND path != ?", (new, old))
            connection.execute(
                "UPDATE files SET path = ?, role = 'kept', target = NULL WHERE path = ?",
                (new, old),
            )
            for column in ("presenter", "lecture"):
                connection.execute(f"UPDATE jobs SET {column} = ? WHERE {column} = ?", (new, old))

    def forget(self, path: Path) -> None:
        """The file is gone."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM files WHERE path = ?", (blob_of(path),))
