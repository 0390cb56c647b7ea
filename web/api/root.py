"""The current user, the user's uploads, and the OpenAPI document."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, Response, current_app, jsonify

from web.api.openapi import PREFIX, build_document
from web.api.operation import operation
from web.context import get_uploads
from web.schemas import CurrentUser, UploadList, UploadView
from web.security.access import public, require_role, role_required

blueprint = Blueprint("api", __name__, url_prefix=PREFIX)


@blueprint.get("/openapi.json")
@public
def openapi() -> Response:
    """Return the OpenAPI document. It is public, because it contains no data of any user."""
    try:
        number = version("lectern")
    except PackageNotFoundError:
        number = "0+unknown"
    return jsonify(build_document(current_app, number))


@blueprint.get("/me")
@role_required("viewer")
@operation("Get the current user", response=CurrentUser)
def me() -> CurrentUser:
    """Return the user of the session or of the API key."""
    user = require_role("viewer")
    return CurrentUser(name=user.name, role=user.role.value)


@blueprint.get("/uploads", provide_automatic_options=False)
@role_required("teacher")
@operation("List the user's uploads", response=UploadList)
def list_uploads() -> UploadList:
    """Return the user's uploads, finished ones and those that can be continued."""
    store = get_uploads()
    return UploadList(
        uploads=[
            UploadView(
                id=upload.id,
                name=upload.name,
                kind=upload.kind.value,
                length=upload.length,
                offset=upload.offset,
                expires=store.expires_at(upload),
            )
            for upload in store.list_for(require_role("teacher").name)
        ]
    )
