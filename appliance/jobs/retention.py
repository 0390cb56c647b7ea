"""Retention: deletes the oldest ended jobs and their files to free disk space."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import BadInput
from appliance.jobs.models import Job
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import JobStore

log = logging.getLogger("lectern")

DAY_S = 86_400.0
GB = 1_000_000_000


@dataclass(frozen=True)
class RetentionPolicy:
    """Limits of age (``max_age_days``) and total size (``max_total_gb``, 10⁹ bytes); 0: no limit.

    With ``keep_undownloaded``, videos that have not been downloaded are kept despite the limits.
    """

    max_age_days: float = 0
    max_total_gb: float = 0
    keep_undownloaded: bool = True


@dataclass(frozen=True)
class StoredJob:
    """An ended job, its age and the size of its files, and whether its video was downloaded.

    ``age_s`` is in seconds, ``size`` in bytes.
    """

    job: Job
    size: int
    downloaded: bool
    age_s: float


def expired_jobs(stored_jobs: Iterable[StoredJob], policy: RetentionPolicy) -> list[Job]:
    """Return the jobs to be deleted, oldest first.

    Jobs that are kept count towards the total size, so other jobs may be deleted because of them.
    """
    oldest_first = sorted(stored_jobs, key=lambda stored: (-stored.age_s, stored.job.id))
    total = sum(stored.size for stored in oldest_first)
    expired: list[Job] = []
    for stored in oldest_first:
        job = stored.job
        if policy.keep_undownloaded and job.state is JobState.DONE and not stored.downloaded:
            continue
        old = policy.max_age_days > 0 and stored.age_s > policy.max_age_days * DAY_S
        too_much = policy.max_total_gb > 0 and total > policy.max_total_gb * GB
        if old or (too_much and stored.size):
            expired.append(job)
            total -= stored.size
    return expired


def delete_expired(store: JobStore, policy: RetentionPolicy) -> list[Job]:
    """Delete the expired jobs with their files, and return these jobs.

    Only files that are recorded for a job are deleted, never one that is still in the inbox. A job
    is kept, and retried at the next call, if one of its files cannot be deleted. Ages are those of
    :mod:`appliance.jobs.ages`; call this regularly, also without limits, so that they are counted.
    """
    ages_s = store.ages.ages_s()
    if not policy.max_age_days and not policy.max_total_gb:
        return []
    unarchived = {job.id for job in store.unarchived()}
    ended_jobs = [job for job in store.jobs(FINAL_STATES) if job.id not in unarchived]
    stored_jobs = [
        StoredJob(
            job,
            sum(_size(path) for path in _deletable_files(store, job)),
            _is_downloaded(job),
            ages_s.get(job.id, 0.0),
        )
        for job in ended_jobs
    ]
    removed = []
    for job in expired_jobs(stored_jobs, policy):
        try:
            delete_job(store, job)
        except OSError:
            continue
        removed.append(job)
    return removed


def delete_job(store: JobStore, job: Job) -> None:
    """Delete one ended job. See :func:`delete_jobs_together`."""
    delete_jobs_together(store, [job])


def delete_jobs_together(store: JobStore, jobs: Sequence[Job]) -> None:
    """Delete ended jobs, their results and their archived source files: all of them or none.

    Files are renamed first, then the jobs are removed, then the files are deleted. So an error
    changes nothing, and after a power cut in between, the same call completes the work. Raises
    ``BadInput``: ``job_not_archived`` while sources of a job are still in the inbox, and what
    :meth:`JobStore.remove_all` raises; and ``OSError`` for a file that cannot be deleted.
    """
    unarchived = {job.id for job in store.unarchived()}
    for job in jobs:
        if job.id in unarchived:
            raise BadInput("job_not_archived", job=job.id)
    files = [path for job in jobs for path in _deletable_files(store, job)]
    renamed: list[Path] = []
    try:
        for path in files:
            if path.is_dir() and not path.is_symlink():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            with contextlib.suppress(FileNotFoundError):  # deleted by hand, or renamed before
                path.rename(_doomed(path))
                renamed.append(path)
        store.remove_all([job.id for job in jobs])
    except BaseException:
        for path in reversed(renamed):
            with contextlib.suppress(OSError):  # the first error is reported
                _doomed(path).rename(path)
        raise
    for path in files:
        try:
            _doomed(path).unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s was not deleted: %s", _doomed(path), error)


def _doomed(path: Path) -> Path:
    """Return the hidden name, in the same folder, of a file that is about to be deleted."""
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".{digest}.deleted")


def _is_downloaded(job: Job) -> bool:
    """Return whether the result was downloaded from the panel or moved out of the outbox."""
    return job.downloaded is not None or job.output is None or not job.output.exists()


def _deletable_files(store: JobStore, job: Job) -> list[Path]:
    return [file.path for file in store.files.for_job(job.id) if file.role != "source"]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
