"""Estimated disk space of the jobs, and which of them wait for more free space."""

from __future__ import annotations

import json

from appliance.jobs.database import Database
from appliance.jobs.models import Job

_REASON_CODE = "job_needs_disk_space"


class DiskBudget:
    """Access to the estimated disk space of all jobs. To be used from one thread.

    Raises ``Fault`` as :class:`~appliance.jobs.store.JobStore` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def next_unestimated(self) -> Job | None:
        """Return the first job of the queue that has no estimate yet."""
        rows = self._database.read(
            "SELECT * FROM jobs WHERE state = 'queued' AND expected_disk_mb IS NULL"
            " ORDER BY priority DESC, id LIMIT 1"
        )
        return Job.from_row(rows[0]) if rows else None

    def set_estimate(self, job: int, expected_disk_mb: float | None) -> None:
        """Set the estimated disk space of a job in MiB; ``None`` requests a new estimate."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET expected_disk_mb = ? WHERE id = ?", (expected_disk_mb, job)
            )

    def mark_too_large(self, free_mb: float) -> None:
        """Set the reason ``job_needs_disk_space`` on queued jobs that need more than ``free_mb``.

        The reason is removed from all other jobs.
        """
        too_large = "state = 'queued' AND coalesce(expected_disk_mb, 0) > ?"
        if not self._database.read(
            f"SELECT 1 FROM jobs WHERE (coalesce(reason, '') = '{_REASON_CODE}') != ({too_large})"
            " LIMIT 1",
            free_mb,
        ):
            return
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET reason = NULL, reason_params = '{}'"
                f" WHERE reason = '{_REASON_CODE}' AND NOT ({too_large})",
                (free_mb,),
            )
            rows = connection.execute(
                f"SELECT id, expected_disk_mb FROM jobs WHERE {too_large}"
                f" AND coalesce(reason, '') != '{_REASON_CODE}'",
                (free_mb,),
            ).fetchall()
            for row in rows:
                params = {
                    "needed": f"{row['expected_disk_mb']:.0f}",
                    "free": f"{max(free_mb, 0):.0f}",
                }
                connection.execute(
                    "UPDATE jobs SET reason = ?, reason_params = ? WHERE id = ?",
                    (_REASON_CODE, json.dumps(params), row["id"]),
                )
