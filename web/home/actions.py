"""What a user can do with a job on the home page."""

from __future__ import annotations

from collections.abc import Callable

from appliance.errors import BadInput
from appliance.jobs.record import Job
from appliance.jobs.states import State
from appliance.jobs.store import JobStore
from web.home.order import Direction, moved, priorities
from web.home.snapshot import in_turn
from web.people.access import may_touch
from web.results.look import own_job


def act(store: JobStore, number: int, action: str) -> None:
    """Apply ``action`` (a key of :data:`ACTIONS`) to the job ``number``.

    Raises ``BadInput``: ``job_unknown`` (also if the user may not see the job), ``not_allowed`` (if
    the user may only see it), ``job_wrong_state``, ``page_missing`` (unknown action).
    """
    job = own_job(number)
    do = ACTIONS.get(action)
    if do is None:
        raise BadInput("page_missing")
    do(store, job)


def _move(direction: Direction) -> Callable[[JobStore, Job], None]:
    def move(store: JobStore, job: Job) -> None:
        if job.state is not State.QUEUED:
            raise BadInput("job_wrong_state", job=job.id, state=job.state.value)
        queue = in_turn(store.jobs([State.QUEUED]))
        order = moved(queue, job.id, direction, lambda other: may_touch(other.owner))
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
