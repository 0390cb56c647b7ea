"""The current user, the user's uploads, and the OpenAPI document."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, Response, current_app, jsonify

from web.api.document import PREFIX, document
from web.api.operation import operation
from web.api.schemas import Me, Uploaded, Uploads
from web.people.access import is_open, needs, require
from web.uploads.tus import uploads

blueprint = Blueprint("api", __name__, url_prefix=PREFIX)


@blueprint.get("/openapi.json")
@is_open
def openapi() -> Response:
    """Return the OpenAPI document. It is public, because it contains no data of any user."""
    try:
        number = version("lectern")
    except PackageNotFoundError:
        number = "0+unknown"
    return jsonify(document(current_app, number))


@blueprint.get("/me")
@needs("viewer")
@operation("Get the current user", answer=Me)
def me() -> Me:
    """Return the user of the session or of the API key."""
    person = require("viewer")
    return Me(name=person.name, role=person.role.value)


@blueprint.get("/uploads", provide_automatic_options=False)
@needs("teacher")
@operation("List the user's uploads", answer=Uploads)
def my_uploads() -> Uploads:
    """Return the user's uploads, finished ones and those that can be continued."""
    store = uploads()
    return Uploads(
        uploads=[
            Uploaded(
                id=upload.id,
                name=upload.name,
                kind=upload.kind.value,
                length=upload.length,
                offset=upload.offset,
                expires=store.expires(upload),
            )
            for upload in store.of(require("teacher").name)
        ]
    )
