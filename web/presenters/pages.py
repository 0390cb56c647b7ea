"""The page of the presenter library."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.api.presenters import view
from web.people.access import needs
from web.presenters import library

blueprint = Blueprint("presenters", __name__, url_prefix="/presenters")


@blueprint.get("")
@needs("teacher")
def index() -> str:
    """Render the page of the presenter library."""
    everybody = [view(path) for path in library.presenters()]
    return render_template("presenters/index.html", presenters=everybody)


@blueprint.post("/<name>/delete")
@needs("admin")
def delete(name: str) -> Response:
    """Delete a presenter from the library. This cannot be undone."""
    library.remove(name)
    return redirect(url_for("presenters.index"))
