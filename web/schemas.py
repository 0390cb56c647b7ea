"""Request and response models of the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.config import (
    Amplitude,
    AutoOrOff,
    FaceIndex,
    Speed,
    Voice,
    overrides_from_options,
)
from appliance.jobs.states import JobState

RoleName = Literal["viewer", "teacher", "admin"]
"""Role of a user; each one includes the permissions of the roles before it."""

SearchWords = Annotated[str, Field(max_length=200)]
JobNumber = Annotated[int, Field(ge=1, le=2147483647)]
UploadNumber = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]


NUMBER = "int(min=1, max=2147483647)"
"""URL converter for the number of a job, key or task: no number that the database cannot hold."""


class Model(BaseModel):
    """Base class of the request and response models. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Problem(Model):
    """Why a request or a job failed: what happened and how to fix it."""

    code: str
    """Error code."""
    text: str
    """What happened, in the user's language."""
    cure: str
    """How to fix it, in the user's language."""


class CurrentUser(Model):
    """The current user."""

    name: str
    """Name of the user."""
    role: RoleName
    """Each role includes the permissions of the roles before it: viewer, teacher, admin."""


class UploadView(Model):
    """A finished or unfinished upload."""

    id: UploadNumber
    """Number of the upload."""
    name: str
    """Name of the file."""
    kind: Literal["presenter", "audio", "text", "other"]
    """What the file can be used for, by its suffix."""
    length: int
    """Size of the file in bytes."""
    offset: int
    """Number of bytes received. The upload is finished when this equals ``length``."""
    expires: float
    """When the upload is deleted unless more data arrives, in seconds since 1970 (UTC)."""


class UploadList(Model):
    """The user's uploads."""

    uploads: list[UploadView]
    """Uploads, oldest first."""


class FileMaterial(Model):
    """A presenter or a lecture.

    It is either a finished upload or, for presenters only, an entry of the library. Exactly one of
    the two fields must be set.
    """

    upload: UploadNumber | None = None
    """Number of a finished upload."""
    library: Name | None = None
    """Name of a presenter in the library."""


class JobOptions(Model):
    """Options of a job that override the settings of the device. Null keeps the setting."""

    voice: Annotated[Voice, Field(max_length=60)] | None = None
    """Voice that reads a written lecture: ``auto`` or ``espeak:LANGUAGE``."""
    speed: Speed | None = None
    """Speaking rate for a written lecture; 1 is normal."""
    face: FaceIndex | None = None
    """Which face to use if there are several: 0 is the largest steady face, 1 the next smaller
    one."""
    amplitude: Amplitude | None = None
    """Strength of the mouth movement; 1 is normal."""
    personalization: AutoOrOff | None = None
    """``auto``: learn from the presenter's own video how the mouth moves; ``off``: do not."""

    def as_settings(self) -> dict[str, dict[str, Any]]:
        """Return the options that are set, by section and key, in the form that jobs store."""
        return overrides_from_options(self.model_dump())


class NewJobs(Model):
    """Jobs to create: one for each pair of presenter and lecture, at most 100 in all."""

    presenters: Annotated[list[FileMaterial], Field(min_length=1, max_length=20)]
    """Presenters, each of whom delivers every lecture."""
    lectures: Annotated[list[FileMaterial], Field(min_length=1, max_length=50)]
    """Lectures: audio or video recordings, or texts."""
    options: JobOptions = JobOptions()
    """Options of all of these jobs."""
    keep_uploads: bool = False
    """Keep the uploads for further jobs instead of deleting them once the jobs are created."""


class JobView(Model):
    """A job. Times are in seconds since 1970 (UTC)."""

    id: JobNumber
    """Number of the job."""
    name: str
    """Name of the job."""
    owner: str
    """Name of the user who created the job; empty for jobs from the inbox."""
    state: JobState
    """State of the job."""
    request: Literal["cancel", "pause"] | None
    """Request that takes effect after the current chunk, or null."""
    reason: Problem | None
    """Why the job is in its state, for example why it failed, or null."""
    stage: str
    """Current stage of processing."""
    done: int
    """Number of units of the current stage that are finished."""
    total: int
    """Number of units of the current stage; 0 if unknown."""
    attempts: int
    """Number of attempts so far."""
    priority: int
    """Priority in the queue: jobs with higher numbers run first."""
    created: float
    """When the job was created."""
    started: float | None
    """When the job was started, or null."""
    finished: float | None
    """When the job ended, or null."""
    downloaded: float | None
    """When the video was last downloaded, or null."""
    presenter: str | None
    """Name of the presenter's file."""
    lecture: str | None
    """Name of the lecture's file; null while it is missing."""
    output: str | None
    """Name of the finished video; null until it exists."""
    can_retry: bool
    """Whether the job has failed or was cancelled, and another attempt can succeed. A job that
    failed because of a file cannot be retried before the file has changed."""
    files: list[
        Literal["video", "thumbnail", "subtitles", "report", "warnings", "warning_pictures"]
    ]
    """Files that exist. Each one is available at ``/api/v1/jobs/{job}/{file}``, with ``-`` for
    ``_``."""


class JobList(Model):
    """Jobs that were created."""

    jobs: list[JobView]
    """The jobs."""


class JobPage(JobList):
    """One page of a list of jobs."""

    page: int
    """Number of this page, from 1."""
    pages: int
    """Number of pages."""
    total: int
    """Number of jobs on all pages."""


class JobQuery(Model):
    """Filter for jobs."""

    words: SearchWords = ""
    """Words that the job's name must contain, separated by spaces, in any case and order."""
    state: tuple[JobState, ...] = ()
    """States to include; empty for all."""
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Number of the page, from 1. A number beyond the last page returns the last page."""
    size: Annotated[int, Field(ge=1, le=200)] = 20
    """Number of jobs on a page."""


class JobNumbers(Model):
    """Several jobs."""

    jobs: Annotated[list[JobNumber], Field(min_length=1, max_length=200)]
    """Numbers of the jobs."""


class JobChange(Model):
    """A change to a job."""

    priority: Annotated[int, Field(ge=-1000, le=1000)]
    """Priority in the queue: jobs with higher numbers run first."""


class Moment(Model):
    """A point of the video that should be checked."""

    at_s: float
    """Position in the video, in seconds."""
    code: str
    """Code of the reason."""
    text: str
    """The reason, in the user's language."""


class LocalizedReason(Model):
    """A reason or warning."""

    code: str
    """Code of the reason."""
    text: str
    """The reason, in the user's language."""


class VerdictReason(LocalizedReason):
    """A reason for the grade of a video."""

    grade: Literal["check", "poor"]
    """The grade that this reason alone would give."""
    start_s: float | None
    """Start of the worst stretch, in seconds; null if it is unknown."""
    stop_s: float | None
    """End of the worst stretch, in seconds; null if it is unknown."""
    picture: int | None
    """Number of the picture that shows it, at ``/api/v1/jobs/{job}/pictures/{picture}``; null
    without one."""


class Verdict(Model):
    """Quality verdict on a finished video."""

    grade: Literal["good", "check", "poor", "not_measured"]
    """``good``, ``check`` (a check is recommended), ``poor``, or ``not_measured`` if a part that
    the verdict needs could not be measured."""
    reasons: list[VerdictReason]
    """Reasons for the grade, the worst first."""
    unmeasured: list[LocalizedReason]
    """What could not be measured."""
    moments: list[Moment]
    """Points of the video that should be checked, at most 5."""
    warnings: list[Moment]
    """Warnings from processing, at most 20."""


class Preflight(Model):
    """Files to check before a job is queued."""

    presenter: FileMaterial
    """The presenter."""
    lecture: FileMaterial | None = None
    """The lecture; null checks the presenter alone."""
    options: JobOptions = JobOptions()
    """Options that the job would have."""


class Preview(Model):
    """A preview of three seconds to render."""

    presenter: FileMaterial
    """The presenter."""
    lecture: FileMaterial
    """The lecture."""
    at_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """Position in the lecture at which the preview starts, in seconds."""
    options: JobOptions = JobOptions()
    """Options that the job would have."""


class TaskCreated(Model):
    """A task that was submitted."""

    id: JobNumber
    """Number of the task, with which its result is requested."""


class TaskView(Model):
    """State and result of a task."""

    id: JobNumber
    """Number of the task."""
    kind: str
    """Kind of the task that was submitted."""
    state: Literal["pending", "running", "done", "failed"]
    """``pending`` until the daemon starts the task, then ``running``, at the end ``done`` or
    ``failed``."""
    result: dict[str, Any]
    """Result of the task; its keys depend on ``kind``."""
    reason: Problem | None
    """Why the task failed, otherwise null."""


class FileTaskView(TaskView):
    """State and result of a preflight, preview or enrolment."""

    warnings: list[LocalizedReason]
    """Problems that were found but do not prevent the job."""
    file: str | None
    """Path of the URL of the image or video; null until it exists."""
