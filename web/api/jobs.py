"""List, create, control and delete jobs."""

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
@operation("List jobs, newest first", query=JobQuery, answer=JobPage)
def find(query: JobQuery) -> JobPage:
    """Return one page of the jobs that the user may see.

    Teachers see their own jobs and, if the settings allow it, those from the inbox. Viewers and
    administrators see all jobs.
    """
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
@operation("Create a job for each pair of presenter and lecture", body=NewJobs, answer=JobList)
def make(body: NewJobs) -> JobList:
    """Queue one job for each pair of presenter and lecture."""
    return JobList(jobs=[view(job) for job in make_jobs(body)])


@blueprint.get(f"/<{NUMBER}:job>")
@needs("viewer")
@operation("Get a job", answer=JobView)
def look(job: int) -> JobView:
    """Return the current state of a job."""
    return view(seen_job(job))


@blueprint.patch(f"/<{NUMBER}:job>")
@needs("teacher")
@operation("Change the priority of a job", body=JobChange, answer=JobView)
def change(job: int, body: JobChange) -> JobView:
    """Set the priority of a job."""
    jobs().set_priority(own_job(job).id, body.priority)
    return view(jobs().get(job))


@blueprint.post(f"/<{NUMBER}:job>/cancel")
@needs("teacher")
@operation("Cancel a job", answer=JobView)
def cancel(job: int) -> JobView:
    """Cancel a job, immediately or, if it is running, after the current chunk."""
    return _done(job, jobs().cancel)


@blueprint.post(f"/<{NUMBER}:job>/pause")
@needs("teacher")
@operation("Pause a job", answer=JobView)
def pause(job: int) -> JobView:
    """Pause a job, immediately or, if it is running, after the current chunk."""
    return _done(job, jobs().pause)


@blueprint.post(f"/<{NUMBER}:job>/resume")
@needs("teacher")
@operation("Resume a paused job", answer=JobView)
def resume(job: int) -> JobView:
    """Resume a paused job. Finished chunks are kept."""
    return _done(job, jobs().resume)


@blueprint.post(f"/<{NUMBER}:job>/retry")
@needs("teacher")
@operation("Retry a failed or cancelled job", answer=JobView)
def retry(job: int) -> JobView:
    """Queue the job again with its full number of attempts."""
    return _done(job, jobs().retry)


@blueprint.delete(f"/<{NUMBER}:job>")
@needs("teacher")
@operation("Delete an ended job, its video and its source files")
def delete(job: int) -> None:
    """Delete the job and its files. This cannot be undone."""
    delete_jobs([job])


@blueprint.post("/delete")
@needs("teacher")
@operation("Delete several ended jobs", body=JobNumbers)
def delete_several(body: JobNumbers) -> None:
    """Delete several ended jobs with their files. This cannot be undone.

    Nothing is deleted if one of them is unknown, may not be changed by the user, or has not ended.
    """
    delete_jobs(body.jobs)


def delete_jobs(numbers: list[int]) -> None:
    """Delete ended jobs with their files and thumbnails.

    Raises ``BadInput``: ``job_unknown``, ``not_allowed``, ``job_wrong_state``, ``job_unsettled``;
    ``Fault("output_unwritable")`` if a file cannot be deleted.
    """
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
                if not path.exists():  # library presenters are kept
                    picture.unlink(missing_ok=True)
        except OSError as error:
            raise Fault("output_unwritable", name=job.stem, reason=error.strerror) from error
    tidy()


def _done(number: int, deed: Callable[[int], object]) -> JobView:
    """Apply ``deed`` to a job that the user may change, and return the job afterwards."""
    deed(own_job(number).id)
    return view(jobs().get(number))
