"""Estimated disk space of the jobs, and which of them wait for more free space."""

from __future__ import annotations

import json

from appliance.jobs.record import Job
from appliance.jobs.schema import Database

_REASON = "job_lacks_space"


class JobSpace:
    """Access to the estimated disk space of all jobs. To be used from one thread.

    Raises ``Fault`` as :class:`~appliance.jobs.store.JobStore` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def unknown(self) -> Job | None:
        """Return the first job of the queue that has no estimate yet."""
        rows = self._database.read(
            "SELECT * FROM jobs WHERE state = 'queued' AND expected_mb IS NULL"
            " ORDER BY priority DESC, id LIMIT 1"
        )
        return Job.from_row(rows[0]) if rows else None

    def expect(self, job: int, expected_mb: float | None) -> None:
        """Set the estimated disk space of a job in MiB; ``None`` requests a new estimate."""
        with self._database.write() as connection:
            connection.execute("UPDATE jobs SET expected_mb = ? WHERE id = ?", (expected_mb, job))

    def mark(self, room_mb: float) -> None:
        """Set the reason ``job_lacks_space`` on the queued jobs that need more than ``room_mb``.

        The reason is removed from all other jobs.
        """
        larger = "state = 'queued' AND coalesce(expected_mb, 0) > ?"
        if not self._database.read(
            f"SELECT 1 FROM jobs WHERE (coalesce(reason, '') = '{_REASON}') != ({larger}) LIMIT 1",
            room_mb,
        ):
            return
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET reason = NULL, reason_params = '{}'"
                f" WHERE reason = '{_REASON}' AND NOT ({larger})",
                (room_mb,),
            )
            rows = connection.execute(
                f"SELECT id, expected_mb FROM jobs WHERE {larger}"
                f" AND coalesce(reason, '') != '{_REASON}'",
                (room_mb,),
            ).fetchall()
            for row in rows:
                params = {"needed": f"{row['expected_mb']:.0f}", "free": f"{max(room_mb, 0):.0f}"}
                connection.execute(
                    "UPDATE jobs SET reason = ?, reason_params = ? WHERE id = ?",
                    (_REASON, json.dumps(params), row["id"]),
                )
