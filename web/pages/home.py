"""The home page: running, queued and failed jobs."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from web.context import get_job_store, get_panel
from web.pages import home_stream, home_texts
from web.schemas import NUMBER
from web.security.access import allowed_in_safe_mode, current_identity, role_required
from web.services.job_access import get_visible_job
from web.services.job_actions import apply_action
from web.services.snapshot import read_snapshot
from web.services.snapshot_poller import get_poller
from web.services.thumbnails import job_thumbnail

blueprint = Blueprint("home", __name__)


@blueprint.after_app_request
def _refresh_after_change(response: Response) -> Response:
    """Refresh the live pages immediately after a change. Pieces of uploads do not change them."""
    changes = request.method in ("POST", "PATCH", "DELETE") and response.status_code < 400
    if changes and request.blueprint != "uploads":
        get_poller(current_app).refresh_now()
    return response


@blueprint.get("/")
@allowed_in_safe_mode
@role_required("viewer")
def index() -> str:
    """Render the home page, or in safe mode the errors in the config file."""
    panel = get_panel()
    if panel.mistakes:
        return render_template("home/safe_mode.html", mistakes=panel.mistakes)
    snapshot = read_snapshot(panel.config.root, panel.now, panel.update_marker)
    values = home_texts.live_values(snapshot, None, panel.now())
    return render_template(
        "home/index.html",
        part=home_stream.render(snapshot, values, panel.now()),
        viewer_key=home_stream.viewer_key(),
    )


@blueprint.get("/live")
@role_required("viewer")
def stream() -> Response:
    """Return the event stream of the home page."""
    release = home_stream.start_stream(request.remote_addr or "")
    response = Response(
        stream_with_context(home_stream.stream(get_panel(), get_poller(current_app))),
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    response.call_on_close(release)
    return response


@blueprint.get("/live/now")
@role_required("viewer")
def poll() -> Response:
    """Return the current content as JSON, for browsers in which the stream does not work."""
    return jsonify(home_stream.poll(get_panel()))


@blueprint.post(f"/jobs/<{NUMBER}:number>/<action>")
@role_required("teacher")
def apply_action_to_job(number: int, action: str) -> AnyResponse:
    """Pause, resume, cancel, retry or reorder a job."""
    apply_action(current_identity(), get_job_store(), number, action)
    if "HX-Request" in request.headers:
        return make_response("", 204)
    return redirect(url_for("home.index"))


@blueprint.get(f"/jobs/<{NUMBER}:number>/thumbnail")
@role_required("viewer")
def thumbnail(number: int) -> AnyResponse:
    """Return the thumbnail of a job, or redirect to a placeholder."""
    store = get_job_store()
    job = get_visible_job(current_identity(), store, number)
    found = job_thumbnail(store, get_panel().config.root, job)
    if found is None:
        return redirect(url_for("static", name="presenter.svg"))
    response = Response(found, content_type="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=30"
    return response
