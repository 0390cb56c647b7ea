"""Reorder the queue by changing the priorities of its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from appliance.jobs.record import Job

Direction = Literal["up", "down", "first"]


def moved(
    queue: Sequence[Job], job: int, direction: Direction, movable: Callable[[Job], bool]
) -> list[Job]:
    """Return ``queue`` with ``job`` moved among the ``movable`` jobs.

    The other jobs keep their positions: a teacher's jobs only exchange positions with each other,
    and no other user's job is delayed.
    """
    places = [index for index, other in enumerate(queue) if movable(other)]
    own = [queue[index] for index in places]
    at = next((index for index, other in enumerate(own) if other.id == job), None)
    if at is None:
        return list(queue)
    to = {"up": max(at - 1, 0), "down": min(at + 1, len(own) - 1), "first": 0}[direction]
    own.insert(to, own.pop(at))
    result = list(queue)
    for place, other in zip(places, own, strict=True):
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
