"""Tasks: small background work that the panel requests from the daemon outside the job queue.

Examples are checking uploaded files and listing USB drives. A task is submitted by one process,
claimed and completed by the daemon, and can be read until it is pruned. Paths among its parameters
and results are strings as returned by :func:`os.fsdecode`.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from appliance.errors import BadInput
from appliance.jobs.database import DatabaseClient
from appliance.jobs.models import Reason, reason_from_columns
from appliance.jobs.transitions import placeholders, reason_columns
from appliance.system.elapsed import ElapsedTimes, Seconds, boot_time

TaskState = Literal["pending", "running", "done", "failed"]

RETENTION_S = 86_400.0
"""Seconds for which a finished task is kept."""


@dataclass(frozen=True)
class Task:
    """Snapshot of a task. Times are seconds since 1970, UTC."""

    id: int
    kind: str
    params: Mapping[str, Any]
    state: TaskState
    result: Mapping[str, Any]
    reason: Reason | None
    owner: str
    created: float
    finished: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Task:
        """Create a task from a row of the ``tasks`` table."""
        return cls(
            id=row["id"],
            kind=row["kind"],
            params=json.loads(row["params"]),
            state=row["state"],
            result=json.loads(row["result"]),
            reason=reason_from_columns(row["reason"], row["reason_params"]),
            owner=row["owner"],
            created=row["created"],
            finished=row["finished"],
        )


class TaskStore(DatabaseClient):
    """Access to the tasks, which are in the same database file as the jobs.

    To be used from one thread. Every method may raise ``Fault`` as
    :class:`~appliance.jobs.store.JobStore`'s do.
    """

    def __init__(
        self, path: Path, *, now: Seconds = time.time, since_boot: Seconds = boot_time
    ) -> None:
        super().__init__(path)
        self._now = now
        self._ended = ElapsedTimes(now, since_boot)

    def submit(self, kind: str, params: Mapping[str, Any], owner: str = "") -> int:
        """Submit a task and return its ID."""
        with self._database.write() as connection:
            row = connection.execute(
                "INSERT INTO tasks (kind, params, owner, created) VALUES (?, ?, ?, ?) RETURNING id",
                (kind, json.dumps(dict(params)), owner, self._now()),
            ).fetchone()
        return int(row["id"])

    def get(self, task: int) -> Task:
        """Return one task. Raises ``BadInput("task_unknown")`` if it is missing or pruned."""
        rows = self._database.read("SELECT * FROM tasks WHERE id = ?", task)
        if not rows:
            raise BadInput("task_unknown", task=task)
        return Task.from_row(rows[0])

    def count_unfinished(self, kinds: Iterable[str], owner: str) -> int:
        """Return how many tasks of ``owner`` of any of ``kinds`` are pending or running."""
        kinds = list(kinds)
        rows = self._database.read(
            "SELECT count(*) AS tasks FROM tasks WHERE state IN ('pending', 'running')"
            f" AND owner = ? AND kind IN ({placeholders(kinds)})",
            owner,
            *kinds,
        )
        return int(rows[0]["tasks"])

    def has_unfinished(self, kinds: Iterable[str]) -> bool:
        """Return whether a task of any of ``kinds`` is pending or running."""
        kinds = list(kinds)
        return bool(
            self._database.read(
                "SELECT 1 FROM tasks WHERE state IN ('pending', 'running')"
                f" AND kind IN ({placeholders(kinds)}) LIMIT 1",
                *kinds,
            )
        )

    def claim(self, kinds: Iterable[str]) -> Task | None:
        """Claim the next pending task of any of ``kinds`` and mark it as running.

        Owners take turns: the one whose tasks were started least recently is next, with the oldest
        task. Returns ``None`` if there is no such task.
        """
        kinds = list(kinds)
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE tasks SET state = 'running' WHERE id = (SELECT id FROM tasks"
                f" WHERE state = 'pending' AND kind IN ({placeholders(kinds)})"
                " ORDER BY (SELECT coalesce(max(id), 0) FROM tasks AS started"
                " WHERE state != 'pending' AND started.owner = tasks.owner"
                f" AND kind IN ({placeholders(kinds)})), id LIMIT 1) RETURNING *",
                [*kinds, *kinds],
            ).fetchone()
        return None if row is None else Task.from_row(row)

    def finish(self, task: int, result: Mapping[str, Any]) -> None:
        """Mark a running task as done and store its result.

        Raises ``BadInput("task_unknown")`` if it is not running.
        """
        self._complete(task, "done", json.dumps(dict(result)), None)

    def fail(self, task: int, reason: Reason) -> None:
        """Mark a running task as failed.

        Raises ``BadInput("task_unknown")`` if it is not running.
        """
        self._complete(task, "failed", "{}", reason)

    def recover(self) -> None:
        """Mark the tasks that ran when the daemon went down as failed (``task_interrupted``).

        They are not repeated: the client has stopped waiting or submits a new task. To be called
        once, when the daemon starts.
        """
        for row in self._database.read("SELECT id FROM tasks WHERE state = 'running'"):
            self.fail(row["id"], Reason("task_interrupted"))

    def prune(self) -> list[int]:
        """Delete the tasks that ended more than ``RETENTION_S`` ago and return their IDs.

        The time is measured by a clock that only advances. To be called regularly.
        """
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT id, finished FROM tasks WHERE state IN ('done', 'failed')"
            ).fetchall()
            old = [r["id"] for r in rows if self._ended.since(r["id"], r["finished"]) > RETENTION_S]
            connection.executemany("DELETE FROM tasks WHERE id = ?", [(task,) for task in old])
        self._ended.keep({row["id"] for row in rows}.difference(old))
        return old

    def _complete(self, task: int, state: TaskState, result: str, reason: Reason | None) -> None:
        code, params = reason_columns(reason)
        with self._database.write() as connection:
            updated = connection.execute(
                "UPDATE tasks SET state = ?, result = ?, reason = ?, reason_params = ?,"
                " finished = ? WHERE id = ? AND state = 'running'",
                (state, result, code, params, self._now(), task),
            )
            if not updated.rowcount:
                raise BadInput("task_unknown", task=task)


def make_warning(code: str, **params: object) -> dict[str, Any]:
    """Return a warning for the result of a task as JSON; its text is in the message catalogue."""
    return {"code": code, "params": {name: str(value) for name, value in params.items()}}
