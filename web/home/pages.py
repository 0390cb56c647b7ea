"""Home: what runs, what waits, what failed."""

from __future__ import annotations

from flask import Blueprint, render_template

from web.people.access import needs

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@needs("viewer")
def index() -> str:
    """The page."""
    return render_template("home/index.html")
