"""How long ago jobs ended, counted in seconds that cannot be wrong by years.

The age decides what retention deletes, so it must not follow a clock that jumps. The database holds
a counter that advances with the time since the device was switched on. The time for which it was
switched off is added once for every start, if the clock shows a plausible one (at most
``MAX_GAP_S``); otherwise it is not counted, and results are kept longer rather than deleted early.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from appliance.jobs.database import Database
from appliance.jobs.states import FINAL_STATES
from appliance.jobs.transitions import placeholders
from appliance.system.elapsed import MAX_GAP_S, Seconds, plausible_age_s


class JobAges:
    """The ages of the ended jobs in ``database``. To be used from one thread.

    ``now`` returns seconds since 1970, ``since_boot`` the seconds since the device was switched on
    (:func:`~appliance.system.elapsed.boot_time`), ``boot_id`` the ID of this start of the device.
    """

    def __init__(
        self, database: Database, now: Seconds, since_boot: Seconds, boot_id: Callable[[], str]
    ) -> None:
        self._database = database
        self._now, self._since_boot, self._boot_id = now, since_boot, boot_id

    def ages_s(self) -> dict[int, float]:
        """Return the seconds since each ended job ended, by its ID.

        Raises ``Fault`` as :class:`~appliance.jobs.store.JobStore` does.
        """
        states = [state.value for state in FINAL_STATES]
        ended = f"SELECT id FROM jobs WHERE state IN ({placeholders(states)})"
        with self._database.write() as connection:
            is_first = connection.execute("SELECT 1 FROM use_time").fetchone() is None
            used_s = self._advance(connection)
            connection.execute(f"DELETE FROM job_ends WHERE job NOT IN ({ended})", states)
            new = connection.execute(
                f"SELECT id, finished FROM jobs WHERE id IN ({ended})"
                " AND id NOT IN (SELECT job FROM job_ends)",
                states,
            ).fetchall()
            limit_s = float("inf") if is_first and self._is_clock_usual(connection) else MAX_GAP_S
            for row in new:
                age_s = self._now() - (row["finished"] or 0.0)
                age_s = age_s if 0 <= age_s <= limit_s else 0.0
                connection.execute(
                    "INSERT INTO job_ends VALUES (?, ?)", (row["id"], used_s - age_s)
                )
            rows = connection.execute("SELECT job, used_s FROM job_ends").fetchall()
        return {row["job"]: used_s - row["used_s"] for row in rows}

    def _advance(self, connection: sqlite3.Connection) -> float:
        """Advance the counter to the present and return it."""
        now, since_boot, boot = self._now(), self._since_boot(), self._boot_id()
        last = connection.execute("SELECT * FROM use_time").fetchone()
        if last is None:
            used_s, off_since, is_counted = 0.0, now, True
        elif last["boot_id"] == boot and last["since_boot"] <= since_boot:
            used_s = last["used_s"] + since_boot - last["since_boot"]
            off_since, is_counted = last["off_since"], bool(last["is_counted"])
        else:  # the device was switched off
            used_s, off_since, is_counted = last["used_s"] + since_boot, last["clock"], False
        if not is_counted:
            off_s = plausible_age_s(off_since, now - since_boot)
            used_s, is_counted = used_s + off_s, off_s > 0
        connection.execute(
            "INSERT OR REPLACE INTO use_time VALUES (1, ?, ?, ?, ?, ?, ?)",
            (used_s, boot, since_boot, now, off_since, is_counted),
        )
        return used_s

    def _is_clock_usual(self, connection: sqlite3.Connection) -> bool:
        """Return whether the clock agrees with the newest event of the queue."""
        (newest,) = connection.execute("SELECT max(at) FROM events").fetchone()
        return newest is not None and 0 <= self._now() - newest <= MAX_GAP_S
