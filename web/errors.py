"""Show every error as a page, or as JSON ``{code, text, cure}`` to programs."""

from __future__ import annotations

import logging

from flask import (
    Flask,
    Response,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable

from appliance.errors import BadInput, Fault, LecternError
from web.accounts.login_limiter import client_network
from web.context import requested_address
from web.i18n import language

log = logging.getLogger("lectern.panel")

_MAX_SHOWN = 200  # maximum number of characters of a path in the log

STATUS = {
    "body_too_large": 413,
    "disk_full": 507,
    "file_in_use": 409,
    "form_expired": 403,
    "host_not_trusted": 421,
    "result_file_missing": 404,
    "task_unknown": 404,
    "job_unknown": 404,
    "job_not_archived": 409,
    "job_wrong_state": 409,
    "last_admin": 409,
    "login_required": 401,
    "invalid_credentials": 403,
    "low_disk_space": 507,
    "method_not_allowed": 405,
    "permission_denied": 403,
    "page_not_found": 404,
    "too_many_downloads": 503,
    "too_many_live_pages": 503,
    "user_exists": 409,
    "user_unknown": 404,
    "safe_mode": 503,
    "thumbnail_pending": 404,
    "presenter_exists": 409,
    "presenter_unknown": 404,
    "setup_code_wrong": 403,
    "setup_required": 503,
    "database_busy": 503,
    "database_damaged": 503,
    "database_access_denied": 503,
    "database_too_new": 503,
    "https_required": 403,
    "too_many_attempts": 429,
    "too_many_tasks": 429,
    "too_many_queued_jobs": 429,
    "queue_quota_exceeded": 413,
    "upload_busy": 423,
    "upload_checksum_mismatch": 460,
    "too_many_concurrent_uploads": 503,
    "upload_offset_mismatch": 409,
    "upload_quota_exceeded": 413,
    "upload_too_large": 413,
    "upload_too_many": 429,
    "upload_incomplete": 409,
    "upload_unknown": 404,
    "upload_version_unsupported": 412,
}
"""HTTP status by error code. Other codes: 400 for bad input, 500 for a fault."""


def status_of(error: LecternError) -> int:
    """Return the HTTP status of ``error``."""
    return STATUS.get(error.code, 400 if isinstance(error, BadInput) else 500)


def wants_json() -> bool:
    """Return whether the client expects JSON.

    This is the case for the API, for scripts of the panel's pages, and for clients that prefer
    JSON.
    """
    if request.path.startswith("/api/") or request.is_json or "HX-Request" in request.headers:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    return best == "application/json"


def as_json(error: LecternError) -> dict[str, str]:
    """Return ``error`` as the API reports it."""
    return {"code": error.code, "text": error.text(language()), "cure": error.cure(language())}


def error_response(error: LecternError) -> Response:
    """Return the response to a request that failed with ``error``."""
    status = status_of(error)
    if wants_json():
        response = jsonify(as_json(error))
    elif error.code == "login_required" and request.method == "GET":
        return make_response(redirect(url_for("users.login", next=requested_address())))
    elif error.code == "setup_required" and request.method == "GET":
        return make_response(redirect(url_for("users.setup")))
    else:
        response = make_response(render_template("error.html", error=error, status=status))
    response.status_code = status
    set_retry_after(response, error)
    return response


def set_retry_after(response: Response, error: LecternError) -> None:
    """Set the header ``Retry-After`` of a response to too many attempts."""
    if error.code == "too_many_attempts":
        response.headers["Retry-After"] = str(error.details["seconds"])


def register(app: Flask) -> None:
    """Register the error handlers of ``app``."""
    app.register_error_handler(LecternError, _handle_lectern_error)
    app.register_error_handler(HTTPException, _handle_http_error)
    app.register_error_handler(Exception, _handle_unexpected_error)


def _handle_lectern_error(error: LecternError) -> Response:
    if isinstance(error, Fault):
        log.error("%s %s: %s", request.method, _shown_path(), error, extra=_source())
    elif status_of(error) in (401, 403, 421, 429):
        log.warning(
            "refused %s: %s %s: %s",
            request.remote_addr,
            request.method,
            _shown_path(),
            error.code,
            extra=_source(),
        )
    return error_response(error)


def _source() -> dict[str, str]:
    """Return what the log needs to limit the messages about this client."""
    return {"source": client_network(request.remote_addr or "")}


def _shown_path() -> str:
    """Return the path of the request without special characters, and not too long for the log."""
    return ascii(request.path[:_MAX_SHOWN])


def _handle_http_error(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:  # a redirect is not an error
        return make_response(error.get_response())
    response = _handle_lectern_error(_from_http_error(error))
    if isinstance(error, RequestedRangeNotSatisfiable):  # a range beyond the end
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{error.length or '*'}"
    return response


def _from_http_error(error: HTTPException) -> LecternError:
    if error.code == 404:
        return BadInput("page_not_found")
    if error.code == 405:
        return BadInput("method_not_allowed", name=request.method)
    if error.code == 413:
        limit = (request.max_content_length or 0) // 1024
        return BadInput("body_too_large", limit=limit)
    if error.code is not None and error.code < 500:
        return BadInput("bad_request", reason=error.name)
    return Fault("internal_error", reason=error.name)


def _handle_unexpected_error(error: Exception) -> Response:
    if current_app.testing and current_app.config.get("PROPAGATE_EXCEPTIONS"):
        raise error
    log.exception("%s %s", request.method, _shown_path(), extra=_source())
    return error_response(Fault("internal_error", reason=type(error).__name__))
