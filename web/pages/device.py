"""The page of the device: state, charts, logs and administration."""

from __future__ import annotations

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
from werkzeug.wrappers import Response as AnyResponse

from appliance.errors import BadInput, LecternError
from appliance.inference.results import recent_failures
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.store import store_path
from appliance.jobs.tasks import Task
from appliance.logs.line import LEVELS
from web.context import get_job_store, get_panel, get_task_store
from web.i18n import _
from web.schemas import NUMBER
from web.security.access import (
    allowed_in_safe_mode,
    current_identity,
    require_role,
    role_required,
)
from web.services import formatting
from web.services.cleanup import delete_old_jobs
from web.services.log_files import LOGS, list_log_files, read_lines, send_log
from web.services.snapshot import read_snapshot
from web.services.tasks import (
    DEVICE_TASKS,
    get_own_task,
    has_timed_out,
    submit,
)
from web.services.telemetry_charts import PERIODS_H, build_charts, telemetry_since, throttled_spans
from web.tls.certificates import authority_fingerprint

blueprint = Blueprint("device", __name__, url_prefix="/device")

KEEP_DAYS = (7, 30, 90, 365)
"""Ages in days that the page offers for the deletion of old jobs."""


@blueprint.get("/")
@allowed_in_safe_mode
@role_required("viewer")
def index() -> str:
    """Render the device page."""
    panel = get_panel()
    return render_template(
        "device/index.html",
        view=read_snapshot(panel.config.root, panel.now, panel.update_marker),
        properties=_device_properties(),
        hours=PERIODS_H,
        max_age_days=KEEP_DAYS,
        levels=LEVELS,
        logs=LOGS,
        deleted=request.args.get("deleted", type=int),
        fingerprint=authority_fingerprint(panel.config),
        now=panel.now(),
    )


@blueprint.get("/charts")
@allowed_in_safe_mode
@role_required("viewer")
def chart_data() -> Response:
    """Return the data of the charts as JSON."""
    hours = request.args.get("hours", type=int)
    if hours not in PERIODS_H:
        raise BadInput("bad_request", reason="hours")
    panel = get_panel()
    root, since = panel.config.root, panel.now() - hours * 3600
    return jsonify(build_charts(telemetry_since(root, since), throttled_spans(root, since)))


@blueprint.get("/log")
@allowed_in_safe_mode
@role_required("admin")
def log_lines() -> str:
    """Render the newest log lines that match the search."""
    root, chosen = get_panel().config.root, request.args
    lines = read_lines(
        root, chosen.get("file", LOGS[0]), chosen.get("words", ""), chosen.get("level", "")
    )
    page = "device/_log.html" if "HX-Request" in request.headers else "device/log.html"
    return render_template(
        page, lines=lines, files=list_log_files(root), logs=LOGS, levels=LEVELS, chosen=chosen
    )


@blueprint.get("/log/<name>")
@allowed_in_safe_mode
@role_required("admin")
def download_log(name: str) -> Response:
    """Return a whole log file."""
    return send_log(get_panel().config.root, name, require_role("admin").name)


@blueprint.post("/tasks/<kind>")
@role_required("teacher")
def submit_task(kind: str) -> AnyResponse:
    """Submit a task to the daemon and redirect to its result, which updates itself."""
    params = {name: value for name, value in request.form.items() if name != "csrf"}
    number = submit(current_identity(), get_task_store(), kind, params, DEVICE_TASKS)
    return redirect(url_for("device.show_task", number=number), 303)


@blueprint.get(f"/tasks/<{NUMBER}:number>")
@role_required("teacher")
def show_task(number: int) -> AnyResponse:
    """Render the state and result of a task."""
    task = get_own_task(current_identity(), get_task_store(), number, DEVICE_TASKS)
    page = "device/_task.html" if "HX-Request" in request.headers else "device/task.html"
    lost = has_timed_out(task, get_panel().now())
    return make_response(render_template(page, task=task, lost=lost, drives=_usb_drives(task)))


@blueprint.post("/prune")
@role_required("admin")
def prune() -> AnyResponse:
    """Delete old jobs with their videos and source files. This cannot be undone."""
    days = request.form.get("days", type=int)
    if days not in KEEP_DAYS:
        raise BadInput("bad_request", reason="days")
    deleted = delete_old_jobs(
        get_job_store(),
        require_role("admin").name,
        days,
        keep_not_downloaded="include_not_downloaded" not in request.form,
    )
    return redirect(url_for("device.index", deleted=deleted, _anchor="disk-space"))


def _device_properties() -> list[tuple[str, str]]:
    """Return the known properties of the device as pairs of name and value."""
    panel = get_panel()
    root, now = panel.config.root, panel.now()
    properties: list[tuple[str, str]] = []
    try:
        with DaemonStatusStore(store_path(root), now=panel.now) as record:
            daemon = record.read()
    except LecternError:
        daemon = None
    if daemon is not None:
        properties += [
            (_("Version"), daemon.version),
            (_("Inference provider"), formatting.provider_name(daemon.provider)),
            *_unused_providers(recent_failures(root, now)),
            (_("Model"), " ".join(part for part in (daemon.model, daemon.precision) if part)),
            (_("Running since"), formatting.format_time(daemon.started, now)),
        ]
    recent = telemetry_since(root, now - 600)
    if recent:
        last = recent[-1]
        properties += [
            (_("Power mode"), last.power_mode or ""),
            (_("Fan"), "" if last.fan_percent is None else f"{last.fan_percent:.0f} %"),
            (_("Throttled (temperature or power)"), _("Yes") if last.throttled else _("No")),
            (_("Throttling events since startup"), str(last.throttle_events)),
            (_("Disk"), _disk_text(last.disk_free_mb, last.disk_total_mb)),
            (
                _("Flash wear"),
                "" if last.disk_wear_percent is None else f"{last.disk_wear_percent:.0f} %",
            ),
        ]
    return [(name, value) for name, value in properties if value]


def _unused_providers(failures: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (_("{name} is not used", name=formatting.provider_name(name)), reason)
        for name, reason in failures.items()
    ]


def _disk_text(free: float, total: float) -> str:
    return _(
        "{free} free of {total}",
        free=formatting.format_size(free),
        total=formatting.format_size(total),
    )


def _usb_drives(task: Task) -> list[object]:
    drives = task.result.get("drives", []) if task.kind == "usb_list" else []
    return drives if isinstance(drives, list) else []
