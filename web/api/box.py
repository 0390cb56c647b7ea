"""The box: how it is, what it measured, what it wrote down, and what may be asked of it."""

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
    """How the box is. ``reading`` is what was measured last, as the telemetry names it."""

    at_work: bool
    updating: bool
    """Whether an update is being installed, after which everything starts anew."""
    version: str | None
    provider: str | None
    model: str | None
    precision: str | None
    holds: list[Problem]
    """Why nothing is started at present."""
    running: int
    queued: int
    paused: int
    waiting: int
    reading: dict[str, Any] | None


class TelemetryQuery(Model):
    """How far back."""

    hours: Annotated[float, Field(gt=0, le=24)] = 1.0


class Telemetry(Model):
    """Readings, the oldest first, thinned."""

    readings: list[dict[str, Any]]


class LogQuery(Model):
    """The lines that hold all ``words`` and are at least of ``level``."""

    file: Literal["lectern.log", "panel.log"] = "lectern.log"
    """The worker's or the panel's, with what was put aside of it."""
    words: Words = ""
    level: Literal["", "debug", "info", "warning", "error"] = ""


class LogView(Model):
    """The last lines that fit, and the files that there are."""

    files: list[str]
    lines: list[str]


class BoxErrand(Model):
    """Something that the worker is asked to do, with what it needs to know."""

    kind: Literal[
        "doctor", "usb_list", "usb_import", "usb_export", "usb_eject", "restart_worker", "power_off"
    ]
    params: Annotated[
        dict[str, Annotated[str, Field(max_length=500)]],
        Field(max_length=10, default_factory=dict),
    ]


class BoxAnswer(Model):
    """What has come of it."""

    id: JobNumber
    kind: str
    state: Literal["asked", "running", "done", "failed"]
    result: dict[str, Any]
    reason: Problem | None


class Prune(Model):
    """Delete ended videos with their sources that are older than ``days``; ``unfetched``: also
    those that nobody has downloaded yet."""

    days: Literal[7, 30, 90, 365]
    unfetched: bool = False


class Pruned(Model):
    """So many were deleted."""

    deleted: int


@blueprint.get("")
@needs("viewer")
@operation("How the box is", answer=BoxView)
def look() -> BoxView:
    """At this moment."""
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
@operation("What was measured", query=TelemetryQuery, answer=Telemetry)
def telemetry(query: TelemetryQuery) -> Telemetry:
    """Temperatures, loads, memory, power, disk."""
    found = readings(config().root, panel().now() - query.hours * 3600)
    return Telemetry(readings=[dataclasses.asdict(reading) for reading in found])


@blueprint.get("/log")
@needs("admin")
@operation("The log's last lines", query=LogQuery, answer=LogView)
def lines(query: LogQuery) -> LogView:
    """The oldest first."""
    root = config().root
    found = find_lines(root, query.file, query.words, query.level)
    return LogView(files=log_files(root), lines=[line.to_text() for line in found])


@blueprint.get("/log/<name>")
@needs("admin")
@operation("A whole log file", produces="text/plain")
def log_file(name: str) -> Response:
    """One of those that the log's lines name."""
    path = log_path(config().root, name)
    log.info("%s downloads the log %s", require("admin").name, name)
    return send_file(path, mimetype="text/plain", as_attachment=True, download_name=f"{name}.txt")


@blueprint.post("/prune")
@needs("admin")
@operation("Make room on the disk", body=Prune, answer=Pruned)
def prune(body: Prune) -> Pruned:
    """For good."""
    return Pruned(deleted=make_room(body.days, spare_unfetched=not body.unfetched))


def make_room(days: int, *, spare_unfetched: bool) -> int:
    """Delete old videos with their sources; gives how many."""
    gone = sweep(jobs(), Policy(days=days, spare_unfetched=spare_unfetched), panel().now())
    log.warning("%s deleted %d jobs of %d days ago", require("admin").name, len(gone), days)
    return len(gone)


@blueprint.post("/errands")
@needs("teacher")
@operation("Ask the worker for something", body=BoxErrand, answer=Asked, status=202)
def ask(body: BoxErrand) -> Asked:
    """Restarting and switching off are the administrators'."""
    number = errands.ask(body.kind, body.params)
    if body.kind in ("restart_worker", "power_off"):
        log.warning("%s asks for %s", require("admin").name, body.kind)
    return Asked(id=number)


@blueprint.get(f"/errands/<{NUMBER}:number>")
@needs("teacher")
@operation("What has come of it", answer=BoxAnswer)
def answer(number: int) -> BoxAnswer:
    """``state`` is ``asked`` or ``running`` until it is done."""
    errand = errands.get(number)
    return BoxAnswer(
        id=errand.id,
        kind=errand.kind,
        state=errand.state,
        result=dict(errand.result),
        reason=problem(errand.reason),
    )
