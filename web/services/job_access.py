"""Jobs that a user may see or change, and jobs as the API and the pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from appliance.errors import BadInput
from appliance.files.names import MAX_VERDICT_PICTURES, verdict_picture_suffix
from appliance.jobs.history import JobHistory, Page
from appliance.jobs.models import Job, Reason, display_name
from appliance.jobs.retry import can_retry
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path
from appliance.system.regular_file import is_regular
from web.i18n import language
from web.schemas import JobView, Problem
from web.security.access import Identity

ResultKind = Literal["video", "thumbnail", "subtitles", "report", "warnings", "warning_pictures"]
SUFFIXES: dict[ResultKind, str] = {
    "video": ".mp4",
    "thumbnail": ".jpg",
    "subtitles": ".srt",
    "report": ".report.json",
    "warnings": ".warnings.txt",
    "warning_pictures": ".warnings.jpg",
}
"""Suffix of each result file."""


def find_jobs(
    identity: Identity,
    root: Path,
    states: Iterable[JobState],
    *,
    words: str,
    page: int,
    size: int,
) -> Page:
    """Return a page of the jobs that the user may see, newest first.

    ``words`` are words that the job's name must contain. Pages are numbered from 1; a number beyond
    the last page returns the last page. Raises ``BadInput("login_required")``.
    """
    identity.require_role("viewer")
    with JobHistory(store_path(root)) as history:
        return history.page(
            states, words=words, owners=identity.visible_owners(), number=page, size=size
        )


def get_visible_job(identity: Identity, store: JobStore, number: int) -> Job:
    """Return a job that the user may see.

    Raises ``BadInput("job_unknown")`` for any other, so as not to reveal that it exists.
    """
    identity.require_role("viewer")
    job = store.get(number)
    if not identity.can_view(job.owner):
        raise BadInput("job_unknown", job=number)
    return job


def get_editable_job(identity: Identity, store: JobStore, number: int) -> Job:
    """Return a job that the user may change.

    Raises ``BadInput``: ``job_unknown`` or ``permission_denied``.
    """
    identity.require_role("teacher")
    job = get_visible_job(identity, store, number)
    if not identity.can_edit(job.owner):
        raise BadInput("permission_denied")
    return job


def result_file(job: Job, kind: ResultKind) -> Path | None:
    """Return the path of a result file of the job, or ``None`` if it does not exist (any more)."""
    if job.output is None:
        return None
    path = job.report if kind == "report" else job.output.with_suffix(SUFFIXES[kind])
    return path if path is not None and is_regular(path) else None


def verdict_picture(job: Job, number: int) -> Path | None:
    """Return the path of picture ``number`` of the verdict, or ``None`` if it does not exist."""
    if job.output is None or not 1 <= number <= MAX_VERDICT_PICTURES:
        return None
    path = job.output.with_suffix(verdict_picture_suffix(number))
    return path if path.is_file() and not path.is_symlink() else None


def existing_pictures(job: Job) -> list[int]:
    """Return the numbers of the verdict's pictures that exist."""
    numbers = range(1, MAX_VERDICT_PICTURES + 1)
    return [number for number in numbers if verdict_picture(job, number) is not None]


def job_view(job: Job) -> JobView:
    """Return the job as the API shows it: with names, without paths."""
    return JobView(
        id=job.id,
        name=display_name(job.stem),
        owner=job.owner,
        state=job.state,
        request=job.request.value if job.request else None,
        reason=problem_of(job.reason),
        stage=job.stage,
        done=job.done,
        total=job.total,
        attempts=job.attempts,
        priority=job.priority,
        created=job.created,
        started=job.started,
        finished=job.finished,
        downloaded=job.downloaded,
        presenter=display_name(job.presenter.name) if job.presenter else None,
        lecture=display_name(job.lecture.name) if job.lecture else None,
        output=display_name(job.output.name) if job.output else None,
        can_retry=can_retry(job),
        files=[kind for kind in SUFFIXES if result_file(job, kind) is not None],
    )


def problem_of(reason: Reason | None) -> Problem | None:
    """Return ``reason`` in the user's language."""
    if reason is None:
        return None
    error = reason.to_error()
    if error is None:
        return Problem(code=reason.code, text=reason.code, cure="")
    return Problem(code=error.code, text=error.text(language()), cure=error.cure(language()))
