"""The page of the presenter library."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.security.access import role_required
from web.services import presenter_library
from web.services.presenter_library import presenter_view

blueprint = Blueprint("presenters", __name__, url_prefix="/presenters")


@blueprint.get("")
@role_required("teacher")
def index() -> str:
    """Render the page of the presenter library."""
    everybody = [presenter_view(path) for path in presenter_library.list_presenters()]
    return render_template("presenters/index.html", presenters=everybody)


@blueprint.post("/<name>/delete")
@role_required("admin")
def delete(name: str) -> Response:
    """Delete a presenter from the library. This cannot be undone."""
    presenter_library.delete_presenter(name)
    return redirect(url_for("presenters.index"))
