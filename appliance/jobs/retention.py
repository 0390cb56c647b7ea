"""Retention: deletes the oldest ended jobs and their files to free disk space."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import BadInput
from appliance.jobs.record import Job
from appliance.jobs.states import FINAL, State
from appliance.jobs.store import JobStore

DAY_S = 86_400.0
GB = 1_000_000_000


@dataclass(frozen=True)
class Policy:
    """Limits of age (``days``) and total size (``gb``, 10⁹ bytes); 0 means no limit.

    With ``spare_unfetched``, videos that have not been downloaded are kept despite the limits.
    """

    days: float = 0
    gb: float = 0
    spare_unfetched: bool = True


@dataclass(frozen=True)
class Holding:
    """An ended job, the size of its files in bytes, and whether its video was downloaded."""

    job: Job
    size: int
    taken: bool


def expired(holdings: Iterable[Holding], policy: Policy, now: float) -> list[Job]:
    """Return the jobs to be deleted at the time ``now``, oldest first.

    Jobs that are kept count towards the total size, so other jobs may be deleted because of them.
    """
    oldest_first = sorted(holdings, key=lambda h: (h.job.finished or 0.0, h.job.id))
    total = sum(h.size for h in oldest_first)
    gone: list[Job] = []
    for held in oldest_first:
        job = held.job
        if policy.spare_unfetched and job.state is State.DONE and not held.taken:
            continue
        old = policy.days > 0 and now - (job.finished or 0.0) > policy.days * DAY_S
        too_much = policy.gb > 0 and total > policy.gb * GB
        if old or (too_much and held.size):
            gone.append(job)
            total -= held.size
    return gone


def sweep(store: JobStore, policy: Policy, now: float) -> list[Job]:
    """Delete the expired jobs with their files, and return these jobs.

    Only files that are recorded for a job are deleted, never one that is still in the inbox. A job
    is kept, and retried at the next call, if one of its files cannot be deleted.
    """
    if not policy.days and not policy.gb:
        return []
    unsettled = {job.id for job in store.unsettled()}
    ended = [job for job in store.jobs(FINAL) if job.id not in unsettled]
    holdings = [
        Holding(job, sum(_size(path) for path in _files(store, job)), _is_taken(job))
        for job in ended
    ]
    removed = []
    for job in expired(holdings, policy, now):
        try:
            discard(store, job)
        except OSError:
            continue
        removed.append(job)
    return removed


def discard(store: JobStore, job: Job) -> None:
    """Delete an ended job, its results and its archived source files.

    Raises ``BadInput("job_unsettled")`` while its sources are still in the inbox, and ``OSError``
    for a file that cannot be deleted; the job is then kept.
    """
    if any(job.id == other.id for other in store.unsettled()):
        raise BadInput("job_unsettled", job=job.id)
    for path in _files(store, job):
        path.unlink(missing_ok=True)
    store.remove(job.id)


def _is_taken(job: Job) -> bool:
    """Return whether the result was downloaded from the panel or moved out of the outbox."""
    return job.fetched is not None or job.output is None or not job.output.exists()


def _files(store: JobStore, job: Job) -> list[Path]:
    return [file.path for file in store.files.of(job.id) if file.role != "source"]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
