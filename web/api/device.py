"""The device: its state, telemetry, logs, background tasks, and deletion of old jobs."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import Field

from appliance.jobs.states import JobState
from web.api.operation import operation
from web.context import get_config, get_job_store, get_panel, get_task_store
from web.schemas import NUMBER, Model, Problem, SearchWords, TaskCreated, TaskView
from web.security.access import current_identity, require_role, role_required
from web.services.cleanup import delete_old_jobs
from web.services.job_access import problem_of
from web.services.log_files import list_log_files, read_lines, send_log
from web.services.snapshot import read_snapshot
from web.services.tasks import DEVICE_TASKS, get_own_task, submit
from web.services.telemetry_charts import telemetry_since

blueprint = Blueprint("api_device", __name__, url_prefix="/api/v1/device")


class DeviceView(Model):
    """Current state of the device."""

    worker_running: bool
    """Whether the daemon is running."""
    updating: bool
    """Whether an update is being installed. The device's services restart afterwards."""
    version: str | None
    """Version of the daemon, or null if unknown."""
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
    """Number of queued jobs."""
    paused: int
    """Number of paused jobs."""
    waiting: int
    """Number of jobs that wait for a missing file."""
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
    """Log to search, with its rotated files: ``lectern.log`` (daemon) or ``panel.log`` (panel)."""
    words: SearchWords = ""
    """Words that a line must contain, separated by spaces, in any case and order."""
    level: Literal["", "debug", "info", "warning", "error"] = ""
    """Lowest level to include; empty for all levels."""


class LogView(Model):
    """The newest matching log lines."""

    files: list[str]
    """Names of the available log files, newest first."""
    lines: list[str]
    """Matching lines, oldest first, at most 400."""


class NewTask(Model):
    """A task for the daemon."""

    kind: Literal[
        "doctor", "usb_list", "usb_import", "usb_export", "usb_eject", "restart_worker", "power_off"
    ]
    """What to do. ``usb_export``, ``restart_worker`` and ``power_off`` need an administrator."""
    params: Annotated[
        dict[str, Annotated[str, Field(max_length=500)]],
        Field(max_length=10, default_factory=dict),
    ]
    """Parameters of the task; which ones depends on ``kind``."""


class PruneRequest(Model):
    """Which ended jobs to delete, together with their videos and source files."""

    days: Literal[7, 30, 90, 365]
    """Delete jobs that ended more than this number of days ago."""
    include_not_downloaded: bool = False
    """Also delete videos that have not been downloaded yet."""


class PruneResult(Model):
    """Result of a deletion."""

    deleted: int
    """Number of jobs deleted."""


@blueprint.get("")
@role_required("viewer")
@operation("Get the state of the device", response=DeviceView)
def show() -> DeviceView:
    """Return the state of the device with the newest telemetry reading."""
    panel = get_panel()
    snapshot = read_snapshot(panel.config.root, panel.now, panel.update_marker)
    daemon = snapshot.daemon
    return DeviceView(
        worker_running=snapshot.daemon_up,
        updating=snapshot.updating,
        version=daemon.version if daemon else None,
        provider=daemon.provider if daemon else None,
        model=daemon.model if daemon else None,
        precision=daemon.precision if daemon else None,
        holds=[problem for hold in snapshot.holds if (problem := problem_of(hold)) is not None],
        running=snapshot.counts[JobState.RUNNING],
        queued=snapshot.counts[JobState.QUEUED],
        paused=snapshot.counts[JobState.PAUSED],
        waiting=snapshot.counts[JobState.WAITING],
        reading=dataclasses.asdict(snapshot.reading) if snapshot.reading else None,
    )


@blueprint.get("/telemetry")
@role_required("viewer")
@operation("Get telemetry readings", query=TelemetryQuery, response=Telemetry)
def telemetry(query: TelemetryQuery) -> Telemetry:
    """Return the telemetry readings of the requested period."""
    found = telemetry_since(get_config().root, get_panel().now() - query.hours * 3600)
    return Telemetry(readings=[dataclasses.asdict(reading) for reading in found])


@blueprint.get("/log")
@role_required("admin")
@operation("Search the log", query=LogQuery, response=LogView)
def find_log_lines(query: LogQuery) -> LogView:
    """Return the newest log lines that match the query."""
    root = get_config().root
    found = read_lines(root, query.file, query.words, query.level)
    return LogView(files=list_log_files(root), lines=[line.to_text() for line in found])


@blueprint.get("/log/<name>")
@role_required("admin")
@operation("Download a log file", produces="text/plain")
def log_file(name: str) -> Response:
    """Return a whole log file as plain text.

    ``name`` is one of the names that the log search returns. Raises ``BadInput("page_not_found")``
    for any other name.
    """
    return send_log(get_config().root, name, require_role("admin").name)


@blueprint.post("/prune")
@role_required("admin")
@operation("Delete old jobs", body=PruneRequest, response=PruneResult)
def prune(body: PruneRequest) -> PruneResult:
    """Delete old jobs with their videos and source files. This cannot be undone."""
    return PruneResult(
        deleted=delete_old_jobs(
            get_job_store(),
            require_role("admin").name,
            body.days,
            keep_not_downloaded=not body.include_not_downloaded,
        )
    )


@blueprint.post("/tasks")
@role_required("teacher")
@operation("Submit a task to the daemon", body=NewTask, response=TaskCreated, status=202)
def submit_task(body: NewTask) -> TaskCreated:
    """Submit a task and return its number.

    Raises ``BadInput("permission_denied")`` if the task needs a higher role than the user has.
    """
    number = submit(current_identity(), get_task_store(), body.kind, body.params, DEVICE_TASKS)
    return TaskCreated(id=number)


@blueprint.get(f"/tasks/<{NUMBER}:number>")
@role_required("teacher")
@operation("Get the state and result of a task", response=TaskView)
def task_result(number: int) -> TaskView:
    """Return the state and result of one of the user's own tasks."""
    task = get_own_task(current_identity(), get_task_store(), number, DEVICE_TASKS)
    return TaskView(
        id=task.id,
        kind=task.kind,
        state=task.state,
        result=dict(task.result),
        reason=problem_of(task.reason),
    )
