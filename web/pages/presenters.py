"""The page of the presenter library."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.context import get_config, get_job_store
from web.security.access import role_required
from web.services.presenter_library import delete_presenter, list_presenters, presenter_view

blueprint = Blueprint("presenters", __name__, url_prefix="/presenters")


@blueprint.get("")
@role_required("teacher")
def index() -> str:
    """Render the page of the presenter library."""
    presenters = [presenter_view(path) for path in list_presenters(get_config().root)]
    return render_template("presenters/index.html", presenters=presenters)


@blueprint.post("/<name>/delete")
@role_required("admin")
def delete(name: str) -> Response:
    """Delete a presenter from the library. This cannot be undone."""
    delete_presenter(get_job_store(), get_config().root, name)
    return redirect(url_for("presenters.index"))
