"""What goes in and out of the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from appliance.jobs.states import State
from web.api.operation import Model, Problem

Words = Annotated[str, Field(max_length=200)]
JobNumber = Annotated[int, Field(ge=1, le=2147483647)]
UploadNumber = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Me(Model):
    """Who asks."""

    name: str
    role: Literal["viewer", "teacher", "admin"]


class Uploaded(Model):
    """A file that has come, or is still coming."""

    id: UploadNumber
    name: str
    kind: Literal["presenter", "sound", "text", "other"]
    length: int
    offset: int
    expires: float


class Uploads(Model):
    """The asking person's uploads."""

    uploads: list[Uploaded]


class PresenterInLibrary(Model):
    """Somebody who can speak any lecture. ``thumbnail`` is an address."""

    name: str
    file: str
    bytes: int
    photo: bool
    thumbnail: str


class Presenters(Model):
    """The library."""

    presenters: list[PresenterInLibrary]


class NewPresenter(Model):
    """Put a finished upload into the library, under ``name`` or its own."""

    upload: UploadNumber
    name: Name | None = None


class Material(Model):
    """A finished upload, or (for a presenter) a name of the library: one of the two."""

    upload: UploadNumber | None = None
    library: Name | None = None


class JobOptions(Model):
    """What may differ from the box's own settings."""

    voice: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    """Who reads a text: auto, or espeak:LANGUAGE."""
    speed: Annotated[float, Field(ge=0.5, le=2)] | None = None
    face: Annotated[int, Field(ge=0, le=20)] | None = None
    """0: the largest steady face; 1: the next smaller one."""
    amplitude: Annotated[float, Field(ge=0, le=2)] | None = None

    def as_settings(self) -> dict[str, dict[str, Any]]:
        """By section and key, as a job's options are kept."""
        given = {
            ("speech", "voice"): self.voice,
            ("speech", "speed"): self.speed,
            ("face", "index"): self.face,
            ("lips", "amplitude"): self.amplitude,
        }
        settings: dict[str, dict[str, Any]] = {}
        for (section, key), value in given.items():
            if value is not None:
                settings.setdefault(section, {})[key] = value
        return settings


class NewJobs(Model):
    """Every presenter speaks every lecture: a job for each pair."""

    presenters: Annotated[list[Material], Field(min_length=1, max_length=20)]
    lectures: Annotated[list[Material], Field(min_length=1, max_length=50)]
    options: JobOptions = JobOptions()
    keep_uploads: bool = False
    """Leave the uploads there for further jobs."""


class JobView(Model):
    """A job. Times are seconds since 1970, UTC. ``done`` of ``total`` are units of ``stage``."""

    id: JobNumber
    name: str
    owner: str
    state: State
    request: Literal["cancel", "pause"] | None
    reason: Problem | None
    stage: str
    done: int
    total: int
    attempts: int
    priority: int
    created: float
    started: float | None
    finished: float | None
    fetched: float | None
    presenter: str | None
    lecture: str | None
    output: str | None
    files: list[Literal["video", "thumbnail", "subtitles", "report"]]
    """What can be got at ``/api/v1/jobs/{id}/…``."""


class JobList(Model):
    """Jobs that were made or changed."""

    jobs: list[JobView]


class JobPage(JobList):
    """The ``page``-th of ``pages`` pages of ``total`` jobs."""

    page: int
    pages: int
    total: int


class JobQuery(Model):
    """Which jobs."""

    words: Words = ""
    state: tuple[State, ...] = ()
    """Any of these; none: all."""
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    size: Annotated[int, Field(ge=1, le=200)] = 20


class JobNumbers(Model):
    """Several jobs."""

    jobs: Annotated[list[JobNumber], Field(min_length=1, max_length=200)]


class JobChange(Model):
    """Who goes first: the higher number."""

    priority: Annotated[int, Field(ge=-1000, le=1000)]


class Moment(Model):
    """A second of the video that is worth a look."""

    at_s: float
    code: str
    text: str


class Sentence(Model):
    """A reason in plain words."""

    code: str
    text: str


class Verdict(Model):
    """What a finished video is worth, in the reader's language."""

    grade: Literal["good", "check", "poor"] | None
    reasons: list[Sentence]
    moments: list[Moment]
    warnings: list[Moment]


class Preflight(Model):
    """Look at material before it is queued; without ``lecture`` at the presenter alone."""

    presenter: Material
    lecture: Material | None = None
    options: JobOptions = JobOptions()


class Preview(Model):
    """Three seconds of lip-sync from ``at_s`` on."""

    presenter: Material
    lecture: Material
    at_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    options: JobOptions = JobOptions()


class Asked(Model):
    """The number under which the answer will be found."""

    id: JobNumber


class ErrandView(Model):
    """An answer, as far as it is there."""

    id: JobNumber
    kind: str
    state: Literal["asked", "running", "done", "failed"]
    result: dict[str, Any]
    warnings: list[Sentence]
    reason: Problem | None
    file: str | None
    """The address of the picture or video that belongs to it."""
