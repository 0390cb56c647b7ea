"""The library of presenters."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_file, url_for

from appliance.errors import BadInput
from appliance.jobs.record import shown
from web.api.operation import operation
from web.api.schemas import NewPresenter, PresenterInLibrary, Presenters
from web.panel import pictures
from web.people.access import needs
from web.presenters import library

blueprint = Blueprint("api_presenters", __name__, url_prefix="/api/v1/presenters")


@blueprint.get("")
@needs("viewer")
@operation("Who is in the library", answer=Presenters)
def all_of_them() -> Presenters:
    """By name."""
    return Presenters(presenters=[view(path) for path in library.presenters()])


@blueprint.post("")
@needs("teacher")
@operation("Put a finished upload into the library", body=NewPresenter, answer=PresenterInLibrary)
def add(body: NewPresenter) -> PresenterInLibrary:
    """Under its own name, or a new one."""
    return view(library.add(body.upload, body.name))


@blueprint.delete("/<name>")
@needs("admin")
@operation("Delete a presenter from the library")
def remove(name: str) -> None:
    """For good; a presenter whom a job still needs stays."""
    library.remove(name)


@blueprint.get("/<name>/thumbnail")
@needs("viewer")
@operation("A presenter's picture", produces="image/jpeg")
def thumbnail(name: str) -> Response:
    """As soon as the box has looked at the presenter once."""
    picture = pictures().of(library.find(name))
    if picture is None:
        raise BadInput("picture_awaited", name=name)
    return send_file(picture, mimetype="image/jpeg", conditional=True)


def view(path: Path) -> PresenterInLibrary:
    """As the API tells it."""
    return PresenterInLibrary(
        name=shown(path.stem),
        file=shown(path.name),
        bytes=path.stat().st_size,
        photo=path.suffix.casefold() in library.PHOTOS,
        thumbnail=url_for("api_presenters.thumbnail", name=shown(path.stem)),
    )
