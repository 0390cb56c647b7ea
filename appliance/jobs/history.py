"""Search of the jobs by name, state and owner, one page at a time."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.jobs.database import DatabaseClient
from appliance.jobs.models import Job
from appliance.jobs.states import JobState
from appliance.jobs.transitions import placeholders

MAX_PAGE_SIZE = 200
"""Maximum number of jobs on a page."""


@dataclass(frozen=True)
class Page:
    """One page of a search result.

    ``jobs`` are the jobs of page ``number`` (counted from 1), ``total`` is the number of jobs
    found and ``size`` the number of jobs on a full page.
    """

    jobs: list[Job]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // self.size))


class JobHistory(DatabaseClient):
    """Read access to the jobs in the database file ``path``. To be used from one thread.

    Raises ``Fault`` as :class:`~appliance.jobs.store.JobStore` does.
    """

    def page(
        self,
        states: Iterable[JobState] = JobState,
        *,
        words: str = "",
        owners: Sequence[str] | None = None,
        number: int = 1,
        size: int = 20,
    ) -> Page:
        """Return one page of the jobs in any of ``states``, newest first.

        The search matches jobs with every word of ``words`` in their name, in any case and order.
        ``owners`` restricts it to the jobs of these users (``""`` stands for the inbox); ``None``
        includes the jobs of all users. ``size`` is limited to 1 … ``MAX_PAGE_SIZE``. A ``number``
        beyond the last page returns the last page.
        """
        where, values = _criteria([state.value for state in states], owners)
        size = min(max(size, 1), MAX_PAGE_SIZE)
        search_words = _normalize(words).split()
        if search_words:
            ids_found = self._find_ids(where, values, search_words)
            total = len(ids_found)
        else:
            (row,) = self._database.read(f"SELECT count(*) AS total FROM jobs {where}", *values)
            total = int(row["total"])
        number = min(max(number, 1), max(1, -(-total // size)))
        first = (number - 1) * size
        if search_words:
            ids = ids_found[first : first + size]
            where, values, first = f"WHERE id IN ({placeholders(ids)})", list(ids), 0
        rows = self._database.read(
            f"SELECT * FROM jobs WHERE id IN (SELECT id FROM jobs {where} {_NEWEST_FIRST}"
            f" LIMIT ? OFFSET ?) {_NEWEST_FIRST}",
            *values,
            size,
            first,
        )
        return Page([Job.from_row(row) for row in rows], total, number, size)

    def _find_ids(self, where: str, values: list[object], words: list[str]) -> list[int]:
        """Return the IDs of all jobs with every one of ``words`` in their name, newest first."""
        rows = self._database.read(f"SELECT id, stem FROM jobs {where} {_NEWEST_FIRST}", *values)
        # Filter here: SQLite ignores case for ASCII letters only.
        return [
            row["id"]
            for row in rows
            if all(word in _normalize(os.fsdecode(row["stem"])) for word in words)
        ]


_NEWEST_FIRST = "ORDER BY coalesce(finished, created) DESC, id DESC"


def _criteria(states: list[str], owners: Sequence[str] | None) -> tuple[str, list[object]]:
    """Return the condition for jobs in ``states`` of ``owners``, with its values."""
    where, values = f"WHERE state IN ({placeholders(states)})", list[object](states)
    if owners is not None:
        where, values = f"{where} AND owner IN ({placeholders(owners)})", [*values, *owners]
    return where, values


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
