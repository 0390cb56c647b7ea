"""Jobs that the current user may see or change, and jobs as the API and the pages show them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from appliance.errors import BadInput
from appliance.jobs.record import Job, Reason, shown
from web.api.operation import Problem
from web.api.schemas import JobView
from web.i18n import language
from web.panel import jobs
from web.people.access import may_see, may_touch, require, seen_by

File = Literal["video", "thumbnail", "subtitles", "report"]
ENDINGS: dict[File, str] = {
    "video": ".mp4",
    "thumbnail": ".jpg",
    "subtitles": ".srt",
    "report": ".report.json",
}
"""Suffix of each result file."""


def owners() -> list[str] | None:
    """Return the owners of the jobs that the current user may see, or ``None`` for all."""
    return seen_by(require("viewer"))


def seen_job(number: int) -> Job:
    """Return a job that the current user may see.

    Raises ``BadInput("job_unknown")`` for any other, so as not to reveal that it exists.
    """
    require("viewer")
    job = jobs().get(number)
    if not may_see(job.owner):
        raise BadInput("job_unknown", job=number)
    return job


def own_job(number: int) -> Job:
    """Return a job that the current user may change. Raises ``job_unknown`` or ``not_allowed``."""
    require("teacher")
    job = seen_job(number)
    if not may_touch(job.owner):
        raise BadInput("not_allowed")
    return job


def file_of(job: Job, kind: File) -> Path | None:
    """Return the path of a result file of the job, or ``None`` if it does not exist (any more)."""
    if job.output is None:
        return None
    path = job.report if kind == "report" else job.output.with_suffix(ENDINGS[kind])
    return path if path is not None and path.is_file() and not path.is_symlink() else None


def view(job: Job) -> JobView:
    """Return the job as the API shows it: with names, without paths."""
    return JobView(
        id=job.id,
        name=shown(job.stem),
        owner=job.owner,
        state=job.state,
        request=job.request.value if job.request else None,
        reason=problem(job.reason),
        stage=job.stage,
        done=job.done,
        total=job.total,
        attempts=job.attempts,
        priority=job.priority,
        created=job.created,
        started=job.started,
        finished=job.finished,
        fetched=job.fetched,
        presenter=shown(job.presenter.name) if job.presenter else None,
        lecture=shown(job.lecture.name) if job.lecture else None,
        output=shown(job.output.name) if job.output else None,
        files=[kind for kind in ENDINGS if file_of(job, kind) is not None],
    )


def problem(reason: Reason | None) -> Problem | None:
    """Return ``reason`` in the user's language."""
    if reason is None:
        return None
    error = reason.error()
    if error is None:
        return Problem(code=reason.code, text=reason.code, cure="")
    return Problem(code=error.code, text=error.text(language()), cure=error.cure(language()))
