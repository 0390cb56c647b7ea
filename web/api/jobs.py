"""List, create, control and delete jobs."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from appliance.jobs.states import JobState
from web.api.operation import operation
from web.context import get_config, get_job_store, get_thumbnails, get_uploads
from web.schemas import NUMBER, JobChange, JobList, JobNumbers, JobPage, JobQuery, JobView, NewJobs
from web.security.access import current_identity, role_required
from web.security.body_limits import body_limit
from web.services.job_access import find_jobs, get_editable_job, get_visible_job, job_view
from web.services.job_actions import delete_jobs, set_job_priority
from web.services.job_creation import create_jobs

blueprint = Blueprint("api_jobs", __name__, url_prefix="/api/v1/jobs")


@blueprint.get("")
@role_required("viewer")
@operation("List jobs, newest first", query=JobQuery, response=JobPage)
def list_jobs(query: JobQuery) -> JobPage:
    """Return one page of the jobs that the user may see.

    Teachers see their own jobs and, if the settings allow it, those from the inbox. Viewers and
    administrators see all jobs.
    """
    page = find_jobs(
        current_identity(),
        get_config().root,
        query.state or JobState,
        words=query.words,
        page=query.page,
        size=query.size,
    )
    return JobPage(
        jobs=[job_view(job) for job in page.jobs],
        page=page.number,
        pages=page.pages,
        total=page.total,
    )


@blueprint.post("")
@role_required("teacher")
@body_limit(256 * 1024)
@operation("Create a job for each pair of presenter and lecture", body=NewJobs, response=JobList)
def create(body: NewJobs) -> JobList:
    """Queue one job for each pair of presenter and lecture."""
    jobs = create_jobs(current_identity(), get_job_store(), get_uploads(), get_config(), body)
    return JobList(jobs=[job_view(job) for job in jobs])


@blueprint.get(f"/<{NUMBER}:job>")
@role_required("viewer")
@operation("Get a job", response=JobView)
def show(job: int) -> JobView:
    """Return the current state of a job."""
    return job_view(get_visible_job(current_identity(), get_job_store(), job))


@blueprint.patch(f"/<{NUMBER}:job>")
@role_required("teacher")
@operation("Change the priority of a job", body=JobChange, response=JobView)
def set_priority(job: int, body: JobChange) -> JobView:
    """Set the priority of a job.

    Only administrators can place a job before those of other users: with a priority above 0.
    """
    store = get_job_store()
    set_job_priority(current_identity(), store, job, body.priority)
    return job_view(store.get(job))


@blueprint.post(f"/<{NUMBER}:job>/cancel")
@role_required("teacher")
@operation("Cancel a job", response=JobView)
def cancel(job: int) -> JobView:
    """Cancel a job, immediately or, if it is running, after the current chunk."""
    return _apply(job, get_job_store().cancel)


@blueprint.post(f"/<{NUMBER}:job>/pause")
@role_required("teacher")
@operation("Pause a job", response=JobView)
def pause(job: int) -> JobView:
    """Pause a job, immediately or, if it is running, after the current chunk."""
    return _apply(job, get_job_store().pause)


@blueprint.post(f"/<{NUMBER}:job>/resume")
@role_required("teacher")
@operation("Resume a paused job", response=JobView)
def resume(job: int) -> JobView:
    """Resume a paused job. Finished chunks are kept."""
    return _apply(job, get_job_store().resume)


@blueprint.post(f"/<{NUMBER}:job>/retry")
@role_required("teacher")
@operation("Retry a failed or cancelled job", response=JobView)
def retry(job: int) -> JobView:
    """Queue the job again with its full number of attempts."""
    return _apply(job, get_job_store().retry)


@blueprint.delete(f"/<{NUMBER}:job>")
@role_required("teacher")
@operation("Delete an ended job, its video and its source files")
def delete(job: int) -> None:
    """Delete the job and its files. This cannot be undone."""
    _delete([job])


@blueprint.post("/delete")
@role_required("teacher")
@operation("Delete several ended jobs", body=JobNumbers)
def delete_selected(body: JobNumbers) -> None:
    """Delete several ended jobs with their files. This cannot be undone.

    Nothing is deleted if one of them is unknown, may not be changed by the user, or has not ended.
    """
    _delete(body.jobs)


def _apply(number: int, action: Callable[[int], object]) -> JobView:
    """Apply ``action`` to a job that the user may change, and return the job afterwards."""
    store = get_job_store()
    action(get_editable_job(current_identity(), store, number).id)
    return job_view(store.get(number))


def _delete(numbers: list[int]) -> None:
    delete_jobs(current_identity(), get_job_store(), get_thumbnails(), get_config().root, numbers)
