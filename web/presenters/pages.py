"""The page of the library."""

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
    """Everybody in it."""
    everybody = [view(path) for path in library.presenters()]
    return render_template("presenters/index.html", presenters=everybody)


@blueprint.post("/<name>/delete")
@needs("admin")
def delete(name: str) -> Response:
    """For good."""
    library.remove(name)
    return redirect(url_for("presenters.index"))
