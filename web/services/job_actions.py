"""Control, reorder and delete jobs.

The queue is reordered by changing the priorities of its jobs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from appliance.errors import BadInput, Fault
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.models import Job
from appliance.jobs.retention import delete_jobs_together
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore
from web.security.access import Identity
from web.services.job_access import get_editable_job
from web.services.job_creation import remove_empty_folders

Direction = Literal["up", "down", "first"]


def reordered(
    queue: Sequence[Job], job: int, direction: Direction, movable: Callable[[Job], bool]
) -> list[Job]:
    """Return ``queue`` with ``job`` moved among the ``movable`` jobs.

    The other jobs keep their positions: a teacher's jobs only exchange positions with each other,
    and no other user's job is delayed.
    """
    positions = [index for index, other in enumerate(queue) if movable(other)]
    own = [queue[index] for index in positions]
    at = next((index for index, other in enumerate(own) if other.id == job), None)
    if at is None:
        return list(queue)
    to = {"up": max(at - 1, 0), "down": min(at + 1, len(own) - 1), "first": 0}[direction]
    own.insert(to, own.pop(at))
    result = list(queue)
    for position, other in zip(positions, own, strict=True):
        result[position] = other
    return result


def priorities(order: Sequence[Job]) -> dict[int, int]:
    """Return the new priority of each job that must change for the queue to have ``order``.

    Jobs of equal priority run in the order of their numbers, so a priority is raised only if a
    later job has a lower number.
    """
    changes: dict[int, int] = {}
    below: tuple[int, int] | None = None
    floor = min((job.priority for job in order), default=0)
    for job in reversed(order):
        wanted = floor
        if below is not None:
            wanted = below[0] if job.id < below[1] else below[0] + 1
        if wanted != job.priority:
            changes[job.id] = wanted
        below = (wanted, job.id)
    return changes


def apply_action(identity: Identity, store: JobStore, number: int, action: str) -> None:
    """Apply ``action`` (a key of :data:`ACTIONS`) to the job ``number``.

    Raises ``BadInput``: ``job_unknown`` (also if the user may not see the job),
    ``permission_denied`` (if the user may only see it), ``job_wrong_state``, ``page_not_found``
    (unknown action).
    """
    job = get_editable_job(identity, store, number)
    apply = ACTIONS.get(action)
    if apply is None:
        raise BadInput("page_not_found")
    apply(identity, store, job)


def set_job_priority(identity: Identity, store: JobStore, number: int, priority: int) -> None:
    """Set the priority of a job; only administrators can raise it above 0.

    Otherwise a user could keep all others waiting. Raises ``BadInput``: ``job_unknown``,
    ``permission_denied``.
    """
    job = get_editable_job(identity, store, number)
    if priority > max(job.priority, 0):
        identity.require_role("admin")
    store.set_priority(job.id, priority)


Action = Callable[[Identity, JobStore, Job], object]


def _move(direction: Direction) -> Action:
    def move(identity: Identity, store: JobStore, job: Job) -> None:
        if job.state is not JobState.QUEUED:
            raise BadInput("job_wrong_state", job=job.id, state=job.state.value)
        queue = store.order.jobs()
        order = reordered(queue, job.id, direction, lambda other: identity.can_edit(other.owner))
        for number, priority in priorities(order).items():
            store.set_priority(number, priority)

    return move


ACTIONS: dict[str, Action] = {
    "cancel": lambda _identity, store, job: store.cancel(job.id),
    "pause": lambda _identity, store, job: store.pause(job.id),
    "resume": lambda _identity, store, job: store.resume(job.id),
    "retry": lambda _identity, store, job: store.retry(job.id),
    "up": _move("up"),
    "down": _move("down"),
    "first": _move("first"),
}
"""Actions on a job by name: they take the identity, the store and the job."""


def delete_jobs(
    identity: Identity,
    store: JobStore,
    thumbnails: ThumbnailCache,
    root: Path,
    numbers: Iterable[int],
) -> None:
    """Delete ended jobs with their files and thumbnails.

    Nothing is deleted if this raises an error: ``BadInput`` with ``job_unknown``,
    ``permission_denied``, ``job_wrong_state``, or ``job_not_archived`` while the files of a job are
    still being moved, and ``Fault("output_unwritable")`` if a file cannot be deleted.
    """
    jobs = [get_editable_job(identity, store, number) for number in dict.fromkeys(numbers)]
    for job in jobs:
        if job.state not in (JobState.DONE, JobState.FAILED, JobState.CANCELLED):
            raise BadInput("job_wrong_state", job=job.id, state=job.state.value)
    files = {path for job in jobs for path in (job.output, job.presenter) if path is not None}
    cached = {path: thumbnail for path in files if (thumbnail := thumbnails.get(path)) is not None}
    try:
        delete_jobs_together(store, jobs)
    except OSError as error:
        name = Path(error.filename).name if error.filename else ""
        raise Fault("output_unwritable", name=name, reason=error.strerror) from error
    for path, thumbnail in cached.items():
        if not path.exists():  # library presenters are kept
            with contextlib.suppress(OSError):  # only a cache
                thumbnail.unlink(missing_ok=True)
    remove_empty_folders(root)
