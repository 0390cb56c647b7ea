"""Reorder the queue by changing the priorities of its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from appliance.errors import BadInput, Fault
from appliance.jobs.models import Job
from appliance.jobs.retention import delete_job
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore
from web.context import get_job_store, get_thumbnails
from web.security.access import can_edit
from web.services.job_access import get_editable_job
from web.services.job_creation import remove_empty_folders
from web.services.snapshot import queue_sorted

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
    for place, other in zip(positions, own, strict=True):
        result[place] = other
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


def apply_action(store: JobStore, number: int, action: str) -> None:
    """Apply ``action`` (a key of :data:`ACTIONS`) to the job ``number``.

    Raises ``BadInput``: ``job_unknown`` (also if the user may not see the job),
    ``permission_denied`` (if the user may only see it), ``job_wrong_state``, ``page_not_found``
    (unknown action).
    """
    job = get_editable_job(number)
    do = ACTIONS.get(action)
    if do is None:
        raise BadInput("page_not_found")
    do(store, job)


def _move(direction: Direction) -> Callable[[JobStore, Job], None]:
    def move(store: JobStore, job: Job) -> None:
        if job.state is not JobState.QUEUED:
            raise BadInput("job_wrong_state", job=job.id, state=job.state.value)
        queue = queue_sorted(store.jobs([JobState.QUEUED]))
        order = reordered(queue, job.id, direction, lambda other: can_edit(other.owner))
        for number, priority in priorities(order).items():
            store.set_priority(number, priority)

    return move


ACTIONS: dict[str, Callable[[JobStore, Job], object]] = {
    "cancel": lambda store, job: store.cancel(job.id),
    "pause": lambda store, job: store.pause(job.id),
    "resume": lambda store, job: store.resume(job.id),
    "retry": lambda store, job: store.retry(job.id),
    "up": _move("up"),
    "down": _move("down"),
    "first": _move("first"),
}


def delete_jobs(numbers: list[int]) -> None:
    """Delete ended jobs with their files and thumbnails.

    Raises ``BadInput``: ``job_unknown``, ``permission_denied``, ``job_wrong_state``,
    ``job_not_archived``; ``Fault("output_unwritable")`` if a file cannot be deleted.
    """
    found = [get_editable_job(number) for number in dict.fromkeys(numbers)]
    for job in found:
        if job.state not in (JobState.DONE, JobState.FAILED, JobState.CANCELLED):
            raise BadInput("job_wrong_state", job=job.id, state=job.state.value)
    for job in found:
        files = [path for path in (job.output, job.presenter) if path is not None]
        shown = {
            path: picture for path in files if (picture := get_thumbnails().get(path)) is not None
        }
        try:
            delete_job(get_job_store(), job)
            for path, picture in shown.items():
                if not path.exists():  # library presenters are kept
                    picture.unlink(missing_ok=True)
        except OSError as error:
            raise Fault("output_unwritable", name=job.stem, reason=error.strerror) from error
    remove_empty_folders()
