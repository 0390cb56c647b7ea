"""The presenter library."""

from __future__ import annotations

from flask import Blueprint, Response

from appliance.errors import BadInput
from web.api.operation import operation
from web.context import get_config, get_job_store, get_thumbnails, get_uploads
from web.schemas import NewPresenter, PresenterList, PresenterView
from web.security.access import current_identity, role_required
from web.services import presenter_library
from web.services.downloads import send_path
from web.services.presenter_library import presenter_view

blueprint = Blueprint("api_presenters", __name__, url_prefix="/api/v1/presenters")


@blueprint.get("")
@role_required("viewer")
@operation("List the presenters of the library", response=PresenterList)
def list_presenters() -> PresenterList:
    """Return the presenters of the library, sorted by name."""
    return PresenterList(
        presenters=[
            presenter_view(path) for path in presenter_library.list_presenters(get_config().root)
        ]
    )


@blueprint.post("")
@role_required("teacher")
@operation("Add a finished upload to the library", body=NewPresenter, response=PresenterView)
def add_presenter(body: NewPresenter) -> PresenterView:
    """Add a finished upload to the library, under its own name or a new one."""
    path = presenter_library.add_presenter(
        current_identity(), get_uploads(), get_config().root, body.upload, body.name
    )
    return presenter_view(path)


@blueprint.delete("/<name>")
@role_required("admin")
@operation("Delete a presenter from the library")
def delete_presenter(name: str) -> None:
    """Delete a presenter from the library. This cannot be undone.

    Raises ``BadInput("file_in_use")`` while an unfinished job needs the presenter.
    """
    presenter_library.delete_presenter(get_job_store(), get_config().root, name)


@blueprint.get("/<name>/thumbnail")
@role_required("viewer")
@operation("Get the thumbnail of a presenter", produces="image/jpeg")
def thumbnail(name: str) -> Response:
    """Return the thumbnail as JPEG.

    Raises ``BadInput("thumbnail_pending")`` until the device has checked the presenter once.
    """
    found = get_thumbnails().get(presenter_library.get_presenter(get_config().root, name))
    if found is None:
        raise BadInput("thumbnail_pending", name=name)
    return send_path(found, "image/jpeg")
