"""The device: its state, telemetry, logs, background tasks, and deletion of old jobs."""

from __future__ import annotations

import dataclasses
import logging
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, send_file
from pydantic import Field

from appliance.jobs.retention import Policy, sweep
from web.api.operation import NUMBER, Model, Problem, operation
from web.api.schemas import Asked, JobNumber, Words
from web.box import errands
from web.box.curves import readings
from web.box.log_reader import find_lines, log_files, log_path
from web.home.live import look_once
from web.panel import config, jobs, panel
from web.people.access import needs, require
from web.results.look import problem

log = logging.getLogger("lectern.panel")

blueprint = Blueprint("api_box", __name__, url_prefix="/api/v1/box")


class BoxView(Model):
    """Current state of the device."""

    at_work: bool
    """Whether the worker is running."""
    updating: bool
    """Whether an update is being installed. The device's services restart afterwards."""
    version: str | None
    """Version of the worker, or null if unknown."""
    provider: str | None
    """ONNX Runtime execution provider in use, or null if unknown."""
    model: str | None
    """Name of the lip-sync model in use, or null if unknown."""
    precision: str | None
    """Numeric precision of the model, or null if unknown."""
    holds: list[Problem]
    """Why no job is started at present; empty if jobs may start."""
    running: int
    """Number of running jobs."""
    queued: int
    """Number of queued jobs, counted up to 200."""
    paused: int
    """Number of paused jobs, counted up to 200."""
    waiting: int
    """Number of jobs that wait for a missing file, counted up to 200."""
    reading: dict[str, Any] | None
    """Newest telemetry reading, or null if none was recorded in the last 90 seconds."""


class TelemetryQuery(Model):
    """Period of the requested telemetry."""

    hours: Annotated[float, Field(gt=0, le=24)] = 1.0
    """Length of the requested period in hours; it ends now."""


class Telemetry(Model):
    """Telemetry readings of the requested period."""

    readings: list[dict[str, Any]]
    """Readings, oldest first, thinned evenly to at most 480."""


class LogQuery(Model):
    """Filter for log lines."""

    file: Literal["lectern.log", "panel.log"] = "lectern.log"
    """Log to search, with its rotated files: ``lectern.log`` (worker) or ``panel.log`` (panel)."""
    words: Words = ""
    """Words that a line must contain, separated by spaces, in any case and order."""
    level: Literal["", "debug", "info", "warning", "error"] = ""
    """Lowest level to include; empty for all levels."""


class LogView(Model):
    """The newest matching log lines."""

    files: list[str]
    """Names of the available log files, newest first."""
    lines: list[str]
    """Matching lines, oldest first, at most 400."""


class BoxErrand(Model):
    """A task for the worker."""

    kind: Literal[
        "doctor", "usb_list", "usb_import", "usb_export", "usb_eject", "restart_worker", "power_off"
    ]
    """What to do. ``usb_export``, ``restart_worker`` and ``power_off`` need an administrator."""
    params: Annotated[
        dict[str, Annotated[str, Field(max_length=500)]],
        Field(max_length=10, default_factory=dict),
    ]
    """Parameters of the task; which ones depends on ``kind``."""


class BoxAnswer(Model):
    """State and result of a task."""

    id: JobNumber
    """Number of the task."""
    kind: str
    """What was requested."""
    state: Literal["asked", "running", "done", "failed"]
    """``asked`` until the worker starts the task, then ``running``, at the end ``done`` or
    ``failed``."""
    result: dict[str, Any]
    """Result of the task; its keys depend on ``kind``."""
    reason: Problem | None
    """Why the task failed, otherwise null."""


class Prune(Model):
    """Which ended jobs to delete, together with their videos and source files."""

    days: Literal[7, 30, 90, 365]
    """Delete jobs that ended more than this number of days ago."""
    unfetched: bool = False
    """Also delete videos that have not been downloaded yet."""


class Pruned(Model):
    """Result of a deletion."""

    deleted: int
    """Number of jobs deleted."""


@blueprint.get("")
@needs("viewer")
@operation("Get the state of the device", answer=BoxView)
def look() -> BoxView:
    """Return the state of the device with the newest telemetry reading."""
    now = look_once(panel())
    daemon = now.daemon
    return BoxView(
        at_work=now.daemon_up,
        updating=now.updating,
        version=daemon.version if daemon else None,
        provider=daemon.provider if daemon else None,
        model=daemon.model if daemon else None,
        precision=daemon.precision if daemon else None,
        holds=[told for hold in now.holds if (told := problem(hold)) is not None],
        running=len(now.running),
        queued=len(now.queue),
        paused=len(now.paused),
        waiting=len(now.waiting),
        reading=dataclasses.asdict(now.reading) if now.reading else None,
    )


@blueprint.get("/telemetry")
@needs("viewer")
@operation("Get telemetry readings", query=TelemetryQuery, answer=Telemetry)
def telemetry(query: TelemetryQuery) -> Telemetry:
    """Return the telemetry readings of the requested period."""
    found = readings(config().root, panel().now() - query.hours * 3600)
    return Telemetry(readings=[dataclasses.asdict(reading) for reading in found])


@blueprint.get("/log")
@needs("admin")
@operation("Search the log", query=LogQuery, answer=LogView)
def lines(query: LogQuery) -> LogView:
    """Return the newest log lines that match the query."""
    root = config().root
    found = find_lines(root, query.file, query.words, query.level)
    return LogView(files=log_files(root), lines=[line.to_text() for line in found])


@blueprint.get("/log/<name>")
@needs("admin")
@operation("Download a log file", produces="text/plain")
def log_file(name: str) -> Response:
    """Return a whole log file as plain text.

    ``name`` is one of the names that the log search returns. Raises ``BadInput("page_missing")``
    for any other name.
    """
    path = log_path(config().root, name)
    log.info("%s downloads the log %s", require("admin").name, name)
    return send_file(path, mimetype="text/plain", as_attachment=True, download_name=f"{name}.txt")


@blueprint.post("/prune")
@needs("admin")
@operation("Delete old jobs", body=Prune, answer=Pruned)
def prune(body: Prune) -> Pruned:
    """Delete old jobs with their videos and source files. This cannot be undone."""
    return Pruned(deleted=make_room(body.days, spare_unfetched=not body.unfetched))


def make_room(days: int, *, spare_unfetched: bool) -> int:
    """Delete jobs that ended more than ``days`` days ago, with their files.

    Returns the number of deleted jobs. ``spare_unfetched`` keeps videos that have not been
    downloaded yet.
    """
    gone = sweep(jobs(), Policy(days=days, spare_unfetched=spare_unfetched), panel().now())
    log.warning("%s deleted %d jobs of %d days ago", require("admin").name, len(gone), days)
    return len(gone)


@blueprint.post("/errands")
@needs("teacher")
@operation("Submit a task to the worker", body=BoxErrand, answer=Asked, status=202)
def ask(body: BoxErrand) -> Asked:
    """Submit a task and return its number.

    Raises ``BadInput("not_allowed")`` if the task needs a higher role than the user has.
    """
    number = errands.ask(body.kind, body.params)
    if body.kind in ("restart_worker", "power_off"):
        log.warning("%s asks for %s", require("admin").name, body.kind)
    return Asked(id=number)


@blueprint.get(f"/errands/<{NUMBER}:number>")
@needs("teacher")
@operation("Get the state and result of a task", answer=BoxAnswer)
def answer(number: int) -> BoxAnswer:
    """Return the state and result of one of the user's own tasks."""
    errand = errands.get(number)
    return BoxAnswer(
        id=errand.id,
        kind=errand.kind,
        state=errand.state,
        result=dict(errand.result),
        reason=problem(errand.reason),
    )
