"""CSRF protection: every change must come from one of the panel's own pages.

A browser with a session sends the token of the session, in the form's field ``csrf`` or the header
``X-CSRF-Token``. Before the sign-in the field must equal a separate cookie. If the browser sends
the site of origin, it must be the panel's. Browsers do not add the header ``Authorization`` by
themselves, so API clients that send a token in it are exempt.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Response, g, request

from appliance.errors import BadInput
from web.security.access import current_identity

COOKIE = "lectern_csrf"
FIELD, HEADER = "csrf", "X-CSRF-Token"
_SAFE = {"GET", "HEAD", "OPTIONS"}


def csrf_token() -> str:
    """Return the token for the page's forms."""
    if current_identity().csrf:
        return current_identity().csrf
    if "form_token" not in g:
        g.form_token = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
    token: str = g.form_token
    return token


def check_token() -> None:
    """Raise ``BadInput("form_expired")`` for a change that may have been forged by another site."""
    if request.method in _SAFE or current_identity().by_token:
        return
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc.casefold() != request.host.casefold()
    ):
        raise BadInput("form_expired")
    expected = current_identity().csrf or request.cookies.get(COOKIE, "")
    given = request.headers.get(HEADER)
    if given is None and request.mimetype in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ):
        given = request.form.get(FIELD)
    if not expected or not hmac.compare_digest((given or "").encode(), expected.encode()):
        raise BadInput("form_expired")


def set_form_cookie(response: Response) -> Response:
    """Set the cookie with which the forms of a browser without a session are compared."""
    token = g.get("form_token")
    if token and token != request.cookies.get(COOKIE):
        response.set_cookie(
            COOKIE, token, httponly=True, samesite="Strict", secure=request.is_secure, path="/"
        )
    return response
