"""Looking back: jobs by name, state and owner, a page at a time."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.jobs.record import Job
from appliance.jobs.schema import Tables
from appliance.jobs.states import State
from appliance.jobs.transitions import marks

MAX_SIZE = 200
"""Jobs a page, at most."""


@dataclass(frozen=True)
class Page:
    """``jobs`` are the ``number``-th page, counted from 1, of ``total`` jobs found."""

    jobs: list[Job]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))


class History(Tables):
    """The jobs in the file ``path``, for reading. Belongs to one thread.

    Raises ``Fault`` as :class:`~appliance.jobs.store.JobStore` does.
    """

    def page(
        self,
        states: Iterable[State] = State,
        *,
        words: str = "",
        owners: Sequence[str] | None = None,
        number: int = 1,
        size: int = 20,
    ) -> Page:
        """Jobs in any of ``states``, the latest first.

        All ``words`` must be in a job's name, in any case and order. ``owners``: only those
        people's jobs, "" for the inbox's; ``None`` for everybody's. A ``number`` beyond the last
        page gives the last one.
        """
        wanted = [state.value for state in states]
        found = self._find(wanted, words, owners)
        size = min(max(size, 1), MAX_SIZE)
        number = min(max(number, 1), max(1, -(-len(found) // size)))
        ids = found[(number - 1) * size : number * size]
        rows = self._database.read(f"SELECT * FROM jobs WHERE id IN ({marks(ids)})", *ids)
        jobs = sorted((Job.from_row(row) for row in rows), key=lambda job: ids.index(job.id))
        return Page(jobs, len(found), number, size)

    def _find(self, states: list[str], words: str, owners: Sequence[str] | None) -> list[int]:
        """The numbers of all that fit, in their order."""
        whose = "" if owners is None else f"AND owner IN ({marks(owners)})"
        rows = self._database.read(
            f"SELECT id, stem FROM jobs WHERE state IN ({marks(states)}) {whose}"
            " ORDER BY coalesce(finished, created) DESC, id DESC",
            *states,
            *(owners or ()),
        )
        # SQLite knows no upper and lower case beyond ASCII.
        sought = _plain(words).split()
        return [
            row["id"]
            for row in rows
            if not sought or all(word in _plain(os.fsdecode(row["stem"])) for word in sought)
        ]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
