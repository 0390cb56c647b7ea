"""The page of the device: state, charts, logs and administration."""

from __future__ import annotations

import logging

from flask import (
    Blueprint,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as AnyResponse

from appliance.errors import BadInput, LecternError
from appliance.jobs.daemon import DaemonRecord
from appliance.jobs.errands import Errand
from appliance.jobs.store import store_path
from appliance.logs.line import LEVELS
from web.api.box import log_file, make_room
from web.api.operation import NUMBER
from web.box import errands
from web.box.curves import HOURS, curves, readings, slowdowns
from web.box.engines import refused
from web.box.log_reader import LOGS, find_lines, log_files
from web.home import words
from web.home.live import look_once
from web.i18n import _
from web.panel import panel
from web.people.access import in_safe_mode, needs, require
from web.tls.pages import fingerprint

log = logging.getLogger("lectern.panel")

blueprint = Blueprint("box", __name__, url_prefix="/box")

KEEP_DAYS = (7, 30, 90, 365)
"""Ages in days that the page offers for the deletion of old jobs."""


@blueprint.record_once
def _start(state: BlueprintSetupState) -> None:
    state.app.jinja_env.globals["in_language"] = errands.in_language


@blueprint.get("/")
@in_safe_mode
@needs("viewer")
def index() -> str:
    """Render the device page."""
    snapshot = look_once(panel())
    return render_template(
        "box/index.html",
        view=snapshot,
        facts=_facts(),
        hours=HOURS,
        keep_days=KEEP_DAYS,
        levels=LEVELS,
        logs=LOGS,
        pruned=request.args.get("pruned", type=int),
        fingerprint=fingerprint(),
        now=panel().now(),
    )


@blueprint.get("/curves")
@in_safe_mode
@needs("viewer")
def numbers() -> Response:
    """Return the data of the charts as JSON."""
    hours = request.args.get("hours", type=int)
    if hours not in HOURS:
        raise BadInput("request_bad", reason="hours")
    root, since = panel().config.root, panel().now() - hours * 3600
    return jsonify(curves(readings(root, since), slowdowns(root, since)))


@blueprint.get("/log")
@in_safe_mode
@needs("admin")
def log_lines() -> str:
    """Render the newest log lines that match the search."""
    root, chosen = panel().config.root, request.args
    lines = find_lines(
        root, chosen.get("file", LOGS[0]), chosen.get("words", ""), chosen.get("level", "")
    )
    page = "box/_log.html" if "HX-Request" in request.headers else "box/log.html"
    return render_template(
        page, lines=lines, files=log_files(root), logs=LOGS, levels=LEVELS, chosen=chosen
    )


@blueprint.get("/log/<name>")
@in_safe_mode
@needs("admin")
def download_log(name: str) -> Response:
    """Return a whole log file."""
    return log_file(name=name)


@blueprint.post("/errands/<kind>")
@needs("teacher")
def ask(kind: str) -> AnyResponse:
    """Submit a task to the daemon and redirect to its result, which updates itself."""
    params = {name: value for name, value in request.form.items() if name != "csrf"}
    number = errands.ask(kind, params)
    if kind in ("restart_worker", "power_off"):
        log.warning("%s asks for %s", require("admin").name, kind)
    return redirect(url_for("box.answer", number=number), 303)


@blueprint.get(f"/errands/<{NUMBER}:number>")
@needs("teacher")
def answer(number: int) -> AnyResponse:
    """Render the state and result of a task."""
    errand = errands.get(number)
    page = "box/_errand.html" if "HX-Request" in request.headers else "box/errand.html"
    return make_response(
        render_template(page, errand=errand, lost=errands.is_lost(errand), sticks=_sticks(errand))
    )


@blueprint.post("/prune")
@needs("admin")
def prune() -> AnyResponse:
    """Delete old jobs with their videos and source files. This cannot be undone."""
    days = request.form.get("days", type=int)
    if days not in KEEP_DAYS:
        raise BadInput("request_bad", reason="days")
    gone = make_room(days, spare_unfetched="all" not in request.form)
    return redirect(url_for("box.index", pruned=gone, _anchor="room"))


def _facts() -> list[tuple[str, str]]:
    """Return the known properties of the device as pairs of name and value."""
    facts: list[tuple[str, str]] = []
    try:
        with DaemonRecord(store_path(panel().config.root), now=panel().now) as record:
            daemon = record.read()
    except LecternError:
        daemon = None
    if daemon is not None:
        facts += [
            (_("Version"), daemon.version),
            (_("Compute backend"), words.provider(daemon.provider)),
            *_not_used(refused(panel().config.root, panel().now())),
            (_("Model"), " ".join(part for part in (daemon.model, daemon.precision) if part)),
            (_("Running since"), words.clock(daemon.started, panel().now())),
        ]
    recent = readings(panel().config.root, panel().now() - 600)
    if recent:
        last = recent[-1]
        facts += [
            (_("Power mode"), last.power_mode or ""),
            (_("Fan"), "" if last.fan_percent is None else f"{last.fan_percent:.0f} %"),
            (_("Throttled (temperature or power)"), _("Yes") if last.throttled else _("No")),
            (_("Throttling events since startup"), str(last.throttle_events)),
            (_("Disk"), _disk(last.disk_free_mb, last.disk_total_mb)),
            (
                _("Flash wear"),
                "" if last.disk_worn_percent is None else f"{last.disk_worn_percent:.0f} %",
            ),
        ]
    return [(name, value) for name, value in facts if value]


def _not_used(engines: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (_("{name} is not used", name=words.provider(name)), reason)
        for name, reason in engines.items()
    ]


def _disk(free: float, total: float) -> str:
    return _("{free} free of {total}", free=words.size(free), total=words.size(total))


def _sticks(errand: Errand) -> list[object]:
    sticks = errand.result.get("sticks", []) if errand.kind == "usb_list" else []
    return sticks if isinstance(sticks, list) else []
