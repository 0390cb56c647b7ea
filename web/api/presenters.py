"""The presenter library."""

from __future__ import annotations

import os

from flask import Blueprint, Response

from appliance.errors import BadInput
from web.api.operation import operation
from web.context import get_config, get_job_store, get_task_store, get_thumbnails, get_uploads
from web.presenter_schemas import (
    NewEnrolment,
    NewPresenter,
    NewRecording,
    PresenterList,
    PresenterView,
)
from web.schemas import TaskCreated
from web.security.access import current_identity, role_required
from web.services import presenter_library
from web.services.downloads import send_path
from web.services.presenter_library import presenter_view
from web.services.tasks import FILE_TASKS, submit

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


@blueprint.post("/<name>/recording")
@role_required("teacher")
@operation("Store a recording to learn from", body=NewRecording, response=PresenterView)
def add_recording(name: str, body: NewRecording) -> PresenterView:
    """Store a finished upload as the recording from which is learned how the presenter speaks.

    It replaces an earlier one, and is never shown in a video.
    """
    path = presenter_library.add_recording(
        current_identity(), get_uploads(), get_config().root, body.upload, name
    )
    return presenter_view(path)


@blueprint.delete("/<name>/recording")
@role_required("teacher")
@operation("Delete the recording to learn from")
def remove_recording(name: str) -> None:
    """Delete the recording of a presenter, if there is one."""
    presenter_library.remove_recording(get_config().root, name)


@blueprint.post("/<name>/enrolment")
@role_required("teacher")
@operation("Learn from a presenter", body=NewEnrolment, response=TaskCreated, status=202)
def enrol(name: str, body: NewEnrolment) -> TaskCreated:
    """Request what was learned from a presenter, or learn now.

    Learning takes up to a few minutes; poll ``GET /api/v1/checks/{number}`` for the result.
    """
    path = presenter_library.get_presenter(get_config().root, name)
    params = {"presenter": os.fspath(path), "learn": body.learn}
    return TaskCreated(
        id=submit(current_identity(), get_task_store(), "enrolment", params, FILE_TASKS)
    )


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
