"""What the panel asks of the daemon outside the queue: to look at material, to list the sticks.

An errand is asked by one process, claimed and answered by the daemon, and read until it is pruned.
Paths among the parameters and results are text as :func:`os.fsdecode` gives it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from appliance.errors import BadInput
from appliance.jobs.record import Reason, reason_of
from appliance.jobs.schema import Tables
from appliance.jobs.transitions import columns, marks

ErrandState = Literal["asked", "running", "done", "failed"]

KEPT_S = 86_400.0
"""An answer is kept this long."""


@dataclass(frozen=True)
class Errand:
    """An errand as it stood when it was read. Times are seconds since 1970, UTC."""

    id: int
    kind: str
    params: Mapping[str, Any]
    state: ErrandState
    result: Mapping[str, Any]
    reason: Reason | None
    owner: str
    created: float
    finished: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Errand:
        """From a row of ``errands``."""
        return cls(
            id=row["id"],
            kind=row["kind"],
            params=json.loads(row["params"]),
            state=row["state"],
            result=json.loads(row["result"]),
            reason=reason_of(row["reason"], row["reason_params"]),
            owner=row["owner"],
            created=row["created"],
            finished=row["finished"],
        )


class Errands(Tables):
    """The errands of a box, in the same file as its jobs. Belongs to one thread.

    Every method may raise ``Fault`` as :class:`~appliance.jobs.store.JobStore`'s do.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        super().__init__(path)
        self._now = now

    def ask(self, kind: str, params: Mapping[str, Any], owner: str = "") -> int:
        """Ask for something; gives the errand's number."""
        with self._database.write() as connection:
            row = connection.execute(
                "INSERT INTO errands (kind, params, owner, created) VALUES (?, ?, ?, ?)"
                " RETURNING id",
                (kind, json.dumps(dict(params)), owner, self._now()),
            ).fetchone()
        return int(row["id"])

    def get(self, errand: int) -> Errand:
        """One errand. Raises ``BadInput("errand_unknown")``, once it is pruned as well."""
        rows = self._database.read("SELECT * FROM errands WHERE id = ?", errand)
        if not rows:
            raise BadInput("errand_unknown", errand=errand)
        return Errand.from_row(rows[0])

    def waiting(self, kinds: Iterable[str]) -> bool:
        """Whether an errand of any of ``kinds`` is asked for or running."""
        wanted = list(kinds)
        return bool(
            self._database.read(
                "SELECT 1 FROM errands WHERE state IN ('asked', 'running')"
                f" AND kind IN ({marks(wanted)}) LIMIT 1",
                *wanted,
            )
        )

    def claim(self, kinds: Iterable[str]) -> Errand | None:
        """Take the oldest errand of any of ``kinds``, which is then running."""
        wanted = list(kinds)
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE errands SET state = 'running' WHERE id = (SELECT id FROM errands"
                f" WHERE state = 'asked' AND kind IN ({marks(wanted)}) ORDER BY id LIMIT 1)"
                " RETURNING *",
                wanted,
            ).fetchone()
        return None if row is None else Errand.from_row(row)

    def finish(self, errand: int, result: Mapping[str, Any]) -> None:
        """The answer to a running errand."""
        self._end(errand, "done", json.dumps(dict(result)), None)

    def fail(self, errand: int, reason: Reason) -> None:
        """A running errand cannot be done."""
        self._end(errand, "failed", "{}", reason)

    def recover(self) -> None:
        """What ran when the daemon went down has failed: whoever asked no longer waits, or asks
        again. To be called once, by the only daemon."""
        for row in self._database.read("SELECT id FROM errands WHERE state = 'running'"):
            self.fail(row["id"], Reason("errand_interrupted"))

    def prune(self) -> list[int]:
        """Forget errands that ended more than ``KEPT_S`` ago; gives their numbers."""
        with self._database.write() as connection:
            rows = connection.execute(
                "DELETE FROM errands WHERE state IN ('done', 'failed') AND finished < ?"
                " RETURNING id",
                (self._now() - KEPT_S,),
            ).fetchall()
        return [row["id"] for row in rows]

    def _end(self, errand: int, state: ErrandState, result: str, reason: Reason | None) -> None:
        code, params = columns(reason)
        with self._database.write() as connection:
            ended = connection.execute(
                "UPDATE errands SET state = ?, result = ?, reason = ?, reason_params = ?,"
                " finished = ? WHERE id = ? AND state = 'running'",
                (state, result, code, params, self._now(), errand),
            )
            if not ended.rowcount:
                raise BadInput("errand_unknown", errand=errand)
