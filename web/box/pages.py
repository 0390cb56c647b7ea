"""Box: how it is, what it wrote down, and what an administrator may do with it."""

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
"""The choices of pruning."""


@blueprint.record_once
def _start(state: BlueprintSetupState) -> None:
    state.app.jinja_env.globals["in_language"] = errands.in_language


@blueprint.get("/")
@in_safe_mode
@needs("viewer")
def index() -> str:
    """The page."""
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
    """The charts' columns."""
    hours = request.args.get("hours", type=int)
    if hours not in HOURS:
        raise BadInput("request_bad", reason="hours")
    root, since = panel().config.root, panel().now() - hours * 3600
    return jsonify(curves(readings(root, since), slowdowns(root, since)))


@blueprint.get("/log")
@in_safe_mode
@needs("admin")
def log_lines() -> str:
    """The log's last lines that fit."""
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
    """A whole log file."""
    return log_file(name=name)


@blueprint.post("/errands/<kind>")
@needs("teacher")
def ask(kind: str) -> AnyResponse:
    """Ask the daemon for something; the answer comes by itself into the page."""
    params = {name: value for name, value in request.form.items() if name != "csrf"}
    number = errands.ask(kind, params)
    if kind in ("restart_worker", "power_off"):
        log.warning("%s asks for %s", require("admin").name, kind)
    return redirect(url_for("box.answer", number=number), 303)


@blueprint.get(f"/errands/<{NUMBER}:number>")
@needs("teacher")
def answer(number: int) -> AnyResponse:
    """What has come of it."""
    errand = errands.get(number)
    page = "box/_errand.html" if "HX-Request" in request.headers else "box/errand.html"
    return make_response(
        render_template(page, errand=errand, lost=errands.is_lost(errand), sticks=_sticks(errand))
    )


@blueprint.post("/prune")
@needs("admin")
def prune() -> AnyResponse:
    """Delete old videos with their sources."""
    days = request.form.get("days", type=int)
    if days not in KEEP_DAYS:
        raise BadInput("request_bad", reason="days")
    gone = make_room(days, spare_unfetched="all" not in request.form)
    return redirect(url_for("box.index", pruned=gone, _anchor="room"))


def _facts() -> list[tuple[str, str]]:
    """What the box is, a name and a value each; what is not known is left out."""
    facts: list[tuple[str, str]] = []
    try:
        with DaemonRecord(store_path(panel().config.root), now=panel().now) as record:
            daemon = record.read()
    except LecternError:
        daemon = None
    if daemon is not None:
        facts += [
            (_("Version"), daemon.version),
            (_("Computes with"), words.provider(daemon.provider)),
            *_not_used(refused(panel().config.root, panel().now())),
            (_("Model"), " ".join(part for part in (daemon.model, daemon.precision) if part)),
            (_("At work since"), words.clock(daemon.started, panel().now())),
        ]
    recent = readings(panel().config.root, panel().now() - 600)
    if recent:
        last = recent[-1]
        facts += [
            (_("Power mode"), last.power_mode or ""),
            (_("Fan"), "" if last.fan_percent is None else f"{last.fan_percent:.0f} %"),
            (_("Slowed down by heat or power"), _("yes") if last.throttled else _("no")),
            (_("Times slowed down since the start"), str(last.throttle_events)),
            (_("Disk"), _disk(last.disk_free_mb, last.disk_total_mb)),
            (
                _("Flash worn"),
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
