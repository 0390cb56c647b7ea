"""The home page: running, queued and failed jobs."""

from __future__ import annotations

from typing import cast

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
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as AnyResponse

from web.api.operation import NUMBER
from web.home import live, words
from web.home.actions import act
from web.home.picture import picture_of
from web.home.snapshot import Looker
from web.home.watcher import Watcher
from web.panel import EXTENSION, Panel, jobs, panel
from web.people.access import in_safe_mode, may_see, may_touch, needs
from web.results.look import seen_job

blueprint = Blueprint("home", __name__)

_WATCHER = "lectern.home"


@blueprint.record_once
def _start(state: BlueprintSetupState) -> None:
    here: Panel = state.app.extensions[EXTENSION]
    state.app.extensions[_WATCHER] = Watcher(
        lambda: Looker(here.config.root, here.now, here.update_marker), closing=here.closing.is_set
    )
    state.app.jinja_env.globals["words"] = words
    state.app.jinja_env.tests |= {"seen": may_see, "touchable": may_touch}


def watcher() -> Watcher:
    """Return the poller that all live pages share."""
    return cast(Watcher, current_app.extensions[_WATCHER])


@blueprint.after_app_request
def _look_at_once(response: Response) -> Response:
    """Refresh the live pages immediately after a change. Pieces of uploads do not change them."""
    changes = request.method in ("POST", "PATCH", "DELETE") and response.status_code < 400
    if changes and request.blueprint != "uploads":
        watcher().poke()
    return response


@blueprint.get("/")
@in_safe_mode
@needs("viewer")
def index() -> str:
    """Render the home page, or in safe mode the errors in the config file."""
    if panel().mistakes:
        return render_template("home/safe_mode.html", mistakes=panel().mistakes)
    here = panel()
    snapshot = live.look_once(here)
    values = words.tick(snapshot, None, here.now())
    return render_template(
        "home/index.html",
        part=live.render(snapshot, values, here.now()),
        tick=values,
        reader=live.reader(),
    )


@blueprint.get("/live")
@needs("viewer")
def follow() -> Response:
    """Return the event stream of the home page."""
    live.admit(panel(), watcher())
    return Response(
        stream_with_context(live.stream(panel(), watcher())),
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@blueprint.get("/live/now")
@needs("viewer")
def poll() -> Response:
    """Return the current content as JSON, for browsers in which the stream does not work."""
    return jsonify(live.poll(panel()))


@blueprint.post(f"/jobs/<{NUMBER}:number>/<action>")
@needs("teacher")
def change(number: int, action: str) -> AnyResponse:
    """Pause, resume, cancel, retry or reorder a job."""
    act(jobs(), number, action)
    if "HX-Request" in request.headers:
        return make_response("", 204)
    return redirect(url_for("home.index"))


@blueprint.get(f"/jobs/<{NUMBER}:number>/picture")
@needs("viewer")
def picture(number: int) -> AnyResponse:
    """Return the thumbnail of a job, or redirect to a placeholder."""
    found = picture_of(jobs(), panel().config.root, seen_job(number))
    if found is None:
        return redirect(url_for("static", name="presenter.svg"))
    response = Response(found, content_type="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=30"
    return response
