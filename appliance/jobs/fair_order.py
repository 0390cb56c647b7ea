"""The order in which queued jobs run: by priority, and within a priority in turns by owner.

Without turns, a user who queues a hundred lectures would keep everybody else waiting for days. Of
each owner, the oldest job is next; the owner who was served least recently comes first.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection

from appliance.jobs.database import Database
from appliance.jobs.models import Job

# ``round`` numbers the jobs of each owner; the first round is served by turn, then the next one.
_ORDERED = """
    SELECT jobs.*, row_number() OVER (PARTITION BY priority, owner ORDER BY id) AS round
    FROM jobs LEFT JOIN turns USING (owner)
    WHERE state = 'queued' AND id NOT IN (SELECT value FROM json_each(?))
        AND (expected_disk_mb IS NULL OR expected_disk_mb <= ?)
    ORDER BY priority DESC, round, coalesce(turn, 0), id LIMIT ?
"""


class FairOrder:
    """The queued jobs in ``database`` in the order in which they run. Use it in one thread.

    Raises ``Fault`` as :class:`~appliance.jobs.store.JobStore` does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def jobs(self, limit: int = -1) -> list[Job]:
        """Return the first ``limit`` queued jobs (-1: all), also those that still have to wait."""
        rows = self._database.read(_ORDERED, "[]", math.inf, limit)
        return [Job.from_row(row) for row in rows]

    def has_others(self, job: Job, waiting: Collection[int]) -> bool:
        """Return whether another owner has a queued job that ``job`` should not keep waiting.

        ``waiting`` are the jobs that cannot be started yet.
        """
        return bool(
            self._database.read(
                "SELECT 1 FROM jobs WHERE state = 'queued' AND owner != ? AND priority >= ?"
                " AND id NOT IN (SELECT value FROM json_each(?)) LIMIT 1",
                job.owner,
                job.priority,
                json.dumps(list(waiting)),
            )
        )


def next_job(
    connection: sqlite3.Connection, waiting: Collection[int], free_mb: float
) -> int | None:
    """Return the job to be started next, apart from those in ``waiting``, and end its turn.

    Jobs with estimated disk space above ``free_mb`` are left out.
    """
    row = connection.execute(_ORDERED, (json.dumps(list(waiting)), free_mb, 1)).fetchone()
    if row is None:
        return None
    connection.execute(
        "INSERT OR REPLACE INTO turns SELECT ?, max(coalesce(max(turn), 0), 0) + 1 FROM turns",
        (row["owner"],),
    )
    return int(row["id"])


def keep_turn(connection: sqlite3.Connection, job: int) -> None:
    """Let the owner of ``job``, which was interrupted for a while, continue before all others."""
    connection.execute(
        "UPDATE turns SET turn = -1 WHERE owner = (SELECT owner FROM jobs WHERE id = ?)", (job,)
    )
