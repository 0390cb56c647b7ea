"""The presenter library."""

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
@operation("List the presenters of the library", answer=Presenters)
def all_of_them() -> Presenters:
    """Return the presenters of the library, sorted by name."""
    return Presenters(presenters=[view(path) for path in library.presenters()])


@blueprint.post("")
@needs("teacher")
@operation("Add a finished upload to the library", body=NewPresenter, answer=PresenterInLibrary)
def add(body: NewPresenter) -> PresenterInLibrary:
    """Add a finished upload to the library, under its own name or a new one."""
    return view(library.add(body.upload, body.name))


@blueprint.delete("/<name>")
@needs("admin")
@operation("Delete a presenter from the library")
def remove(name: str) -> None:
    """Delete a presenter from the library. This cannot be undone.

    Raises ``BadInput("file_claimed")`` while an unfinished job needs the presenter.
    """
    library.remove(name)


@blueprint.get("/<name>/thumbnail")
@needs("viewer")
@operation("Get the thumbnail of a presenter", produces="image/jpeg")
def thumbnail(name: str) -> Response:
    """Return the thumbnail as JPEG.

    Raises ``BadInput("picture_awaited")`` until the device has checked the presenter once.
    """
    picture = pictures().of(library.find(name))
    if picture is None:
        raise BadInput("picture_awaited", name=name)
    return send_file(picture, mimetype="image/jpeg", conditional=True)


def view(path: Path) -> PresenterInLibrary:
    """Return a presenter as the API shows it."""
    return PresenterInLibrary(
        name=shown(path.stem),
        file=shown(path.name),
        bytes=path.stat().st_size,
        photo=path.suffix.casefold() in library.PHOTOS,
        thumbnail=url_for("api_presenters.thumbnail", name=shown(path.stem)),
    )
