"""Jobs: found, made, changed, forgotten."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from appliance.errors import BadInput, Fault
from appliance.jobs.history import History
from appliance.jobs.retention import discard
from appliance.jobs.states import State
from appliance.jobs.store import store_path
from web.api.operation import NUMBER, operation
from web.api.schemas import (
    JobChange,
    JobList,
    JobNumbers,
    JobPage,
    JobQuery,
    JobView,
    NewJobs,
)
from web.new.material import make_jobs, tidy
from web.panel import config, jobs, pictures
from web.people.access import needs
from web.results.look import own_job, owners, seen_job, view
from web.security.limits import body_limit

blueprint = Blueprint("api_jobs", __name__, url_prefix="/api/v1/jobs")


@blueprint.get("")
@needs("viewer")
@operation("Find jobs, the latest first", query=JobQuery, answer=JobPage)
def find(query: JobQuery) -> JobPage:
    """Teachers find those that they may see, others all."""
    with History(store_path(config().root)) as history:
        page = history.page(
            query.state or State,
            words=query.words,
            owners=owners(),
            number=query.page,
            size=query.size,
        )
    return JobPage(
        jobs=[view(job) for job in page.jobs],
        page=page.number,
        pages=page.pages,
        total=page.total,
    )


@blueprint.post("")
@needs("teacher")
@body_limit(256 * 1024)
@operation("Queue videos: every presenter speaks every lecture", body=NewJobs, answer=JobList)
def make(body: NewJobs) -> JobList:
    """One job for each pair."""
    return JobList(jobs=[view(job) for job in make_jobs(body)])


@blueprint.get(f"/<{NUMBER}:job>")
@needs("viewer")
@operation("One job", answer=JobView)
def look(job: int) -> JobView:
    """As it stands now."""
    return view(seen_job(job))


@blueprint.patch(f"/<{NUMBER}:job>")
@needs("teacher")
@operation("Let a job go earlier or later", body=JobChange, answer=JobView)
def change(job: int, body: JobChange) -> JobView:
    """Its priority."""
    jobs().set_priority(own_job(job).id, body.priority)
    return view(jobs().get(job))


@blueprint.post(f"/<{NUMBER}:job>/cancel")
@needs("teacher")
@operation("Give a job up", answer=JobView)
def cancel(job: int) -> JobView:
    """At once, or after the chunk in hand."""
    return _done(job, jobs().cancel)


@blueprint.post(f"/<{NUMBER}:job>/pause")
@needs("teacher")
@operation("Let a job rest", answer=JobView)
def pause(job: int) -> JobView:
    """At once, or after the chunk in hand."""
    return _done(job, jobs().pause)


@blueprint.post(f"/<{NUMBER}:job>/resume")
@needs("teacher")
@operation("Go on with a paused job", answer=JobView)
def resume(job: int) -> JobView:
    """What it has finished is kept."""
    return _done(job, jobs().resume)


@blueprint.post(f"/<{NUMBER}:job>/retry")
@needs("teacher")
@operation("Try a failed or cancelled job again", answer=JobView)
def retry(job: int) -> JobView:
    """With all its attempts before it."""
    return _done(job, jobs().retry)


@blueprint.delete(f"/<{NUMBER}:job>")
@needs("teacher")
@operation("Delete an ended job, its video and what it was made from")
def delete(job: int) -> None:
    """For good."""
    delete_jobs([job])


@blueprint.post("/delete")
@needs("teacher")
@operation("Delete several ended jobs", body=JobNumbers)
def delete_several(body: JobNumbers) -> None:
    """All of them, or none where one may not be deleted."""
    delete_jobs(body.jobs)


def delete_jobs(numbers: list[int]) -> None:
    """Raises ``BadInput``: ``job_unknown``, ``not_allowed``, ``job_wrong_state``,
    ``job_unsettled``; ``Fault("output_unwritable")`` for a file that cannot be deleted."""
    found = [own_job(number) for number in dict.fromkeys(numbers)]
    for job in found:
        if job.state not in (State.DONE, State.FAILED, State.CANCELLED):
            raise BadInput("job_wrong_state", job=job.id, state=job.state.value)
    for job in found:
        files = [path for path in (job.output, job.presenter) if path is not None]
        shown = {path: picture for path in files if (picture := pictures().of(path)) is not None}
        try:
            discard(jobs(), job)
            for path, picture in shown.items():
                if not path.exists():  # a presenter of the library stays
                    picture.unlink(missing_ok=True)
        except OSError as error:
            raise Fault("output_unwritable", name=job.stem, reason=error.strerror) from error
    tidy()


def _done(number: int, deed: Callable[[int], object]) -> JobView:
    deed(own_job(number).id)
    return view(jobs().get(number))
