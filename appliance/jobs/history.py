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
        state_values = [state.value for state in states]
        ids_found = self._find_ids(state_values, words, owners)
        size = min(max(size, 1), MAX_PAGE_SIZE)
        number = min(max(number, 1), max(1, -(-len(ids_found) // size)))
        ids = ids_found[(number - 1) * size : number * size]
        rows = self._database.read(f"SELECT * FROM jobs WHERE id IN ({placeholders(ids)})", *ids)
        jobs = sorted((Job.from_row(row) for row in rows), key=lambda job: ids.index(job.id))
        return Page(jobs, len(ids_found), number, size)

    def _find_ids(self, states: list[str], words: str, owners: Sequence[str] | None) -> list[int]:
        """Return the IDs of all matching jobs, newest first."""
        owner_filter = "" if owners is None else f"AND owner IN ({placeholders(owners)})"
        rows = self._database.read(
            f"SELECT id, stem FROM jobs WHERE state IN ({placeholders(states)}) {owner_filter}"
            " ORDER BY coalesce(finished, created) DESC, id DESC",
            *states,
            *(owners or ()),
        )
        # Filter here: SQLite ignores case for ASCII letters only.
        search_words = _normalize(words).split()
        return [
            row["id"]
            for row in rows
            if not search_words
            or all(word in _normalize(os.fsdecode(row["stem"])) for word in search_words)
        ]


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
