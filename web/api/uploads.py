"""Resumable uploads by the tus protocol, version 1.0.0.

The extensions creation, termination, checksum and expiration are supported; see
https://tus.io/protocols/resumable-upload. A request is checked in this order before any byte is
read or written: user, protocol version, owner of the upload, offset, size, free disk space.
"""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import formatdate

from flask import Blueprint, Response, current_app, request, url_for

from appliance.errors import BadInput
from web.api.operation import Header, documented
from web.context import get_config, get_uploads
from web.security.access import public, require_role, role_required
from web.security.body_limits import body_limit
from web.services.client_limits import two_thirds
from web.uploads.body_reader import (
    ALGORITHMS,
    Checksum,
    ConcurrencyLimit,
    body_blocks,
    deadline,
    time_allowed_s,
)
from web.uploads.models import Limits, Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
PIECE_TYPE = "application/offset+octet-stream"

_NUMBER = r"^[0-9]{1,18}$"
_RESUMABLE = Header("Tus-Resumable", r"^1\.0\.0$")
_LENGTH = Header("Upload-Length", _NUMBER)
_METADATA = Header("Upload-Metadata", r"^filename [A-Za-z0-9+/]+={0,2}$")
_OFFSET = Header("Upload-Offset", _NUMBER)
_CHECKSUM = Header("Upload-Checksum", r"^(crc32|sha1|sha256) [A-Za-z0-9+/]+={0,2}$", required=False)

blueprint = Blueprint("uploads", __name__, url_prefix="/api/v1/uploads")


def get_concurrency_limit() -> ConcurrencyLimit:
    """Return the limit on concurrent uploads of the current application."""
    limit = get_config().uploads.max_concurrent
    found: ConcurrencyLimit = current_app.extensions.setdefault(
        "uploads", ConcurrencyLimit(limit, two_thirds(limit))
    )
    return found


@blueprint.route("", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route("/<number>", methods=["OPTIONS"], provide_automatic_options=False)
@public
def describe(number: str = "") -> Response:
    """Return the capabilities of this server.

    The response is public, because it contains no data of any user.
    """
    response = _tus_response(204)
    response.headers["Tus-Version"] = VERSION
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Max-Size"] = str(Limits.from_config(get_config()).file_bytes)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
    return response


@blueprint.post("", provide_automatic_options=False)
@role_required("teacher")
@documented("Create an upload", _RESUMABLE, _LENGTH, _METADATA, status=201)
def create() -> Response:
    """Create an upload. Its URL is in the header ``Location``."""
    _check_version()
    store = get_uploads()
    name = _metadata().get("filename", "")
    upload = store.create(_owner(), name, _number_header("Upload-Length"))
    response = _tus_response(201, upload)
    response.headers["Location"] = url_for("uploads.show", number=upload.id)
    return response


@blueprint.route("/<number>", methods=["HEAD"], provide_automatic_options=False)
@role_required("teacher")
@documented("Get the offset of an upload", _RESUMABLE, status=200)
def show(number: str) -> Response:
    """Return the number of bytes received in the header ``Upload-Offset``."""
    upload = get_uploads().get(number, _owner())
    response = _tus_response(200, upload)
    response.headers["Upload-Length"] = str(upload.length)
    name = base64.b64encode(upload.name.encode()).decode()
    response.headers["Upload-Metadata"] = f"filename {name}"
    return response


@blueprint.patch("/<number>", provide_automatic_options=False)
@role_required("teacher")
@body_limit(None)
@documented(
    "Append data to an upload", _RESUMABLE, _OFFSET, _CHECKSUM, status=204, accepts=PIECE_TYPE
)
def append_piece(number: str) -> Response:
    """Append the next piece to an upload."""
    _check_version()
    upload = get_uploads().get(number, _owner())
    if request.mimetype != PIECE_TYPE:
        raise BadInput("upload_header_invalid", name="Content-Type")
    offset, length = _number_header("Upload-Offset"), _number_header("Content-Length")
    header = request.headers.get("Upload-Checksum")
    checksum = Checksum(header) if header is not None else None
    environ = request.environ
    with get_concurrency_limit().slot(_owner()), deadline(environ, time_allowed_s(length)):
        piece = body_blocks(environ["wsgi.input"], length)
        return _tus_response(204, get_uploads().append(upload, offset, length, piece, checksum))


@blueprint.delete("/<number>", provide_automatic_options=False)
@role_required("teacher")
@documented("Delete an upload", _RESUMABLE, status=204)
def delete(number: str) -> Response:
    """Delete an upload."""
    _check_version()
    get_uploads().delete(get_uploads().get(number, _owner()))
    return _tus_response(204)


def _owner() -> str:
    return require_role("teacher").name


def _tus_response(status: int, upload: Upload | None = None) -> Response:
    response = Response(status=status)
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    if upload is not None:
        response.headers["Upload-Offset"] = str(upload.offset)
        response.headers["Upload-Expires"] = formatdate(
            get_uploads().expires_at(upload), usegmt=True
        )
    return response


def _check_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise BadInput("upload_version_unsupported")


def _number_header(header: str) -> int:
    """Return the number in a header, of at most 18 digits.

    Raises ``BadInput("upload_header_invalid")`` for anything else; the database cannot hold larger
    numbers.
    """
    value = request.headers.get(header, "")
    if re.fullmatch(r"[0-9]{1,18}", value, re.ASCII) is None:
        raise BadInput("upload_header_invalid", name=header)
    return int(value)


def _metadata() -> dict[str, str]:
    """Parse ``Upload-Metadata``: comma-separated keys with base64 values."""
    values = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _, encoded = pair.strip().partition(" ")
        try:
            values[key] = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError):
            raise BadInput("upload_header_invalid", name="Upload-Metadata") from None
    return values
