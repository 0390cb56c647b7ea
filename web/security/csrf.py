"""Every change must come from our own page.

A signed-in browser sends its sign-in's token, in the form's field ``csrf`` or the header
``X-CSRF-Token``; before the sign-in, the field must equal a cookie of its own. Where the browser
says which site a request comes from, that must be ours. Tokens in the header ``Authorization`` are
not sent by browsers on their own, so API clients with one are exempt.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Response, g, request

from appliance.errors import BadInput
from web.people.access import caller

COOKIE = "lectern_form"
FIELD, HEADER = "csrf", "X-CSRF-Token"
_SAFE = {"GET", "HEAD", "OPTIONS"}


def csrf_token() -> str:
    """The token for the page's forms."""
    if caller().csrf:
        return caller().csrf
    if "form_token" not in g:
        g.form_token = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
    token: str = g.form_token
    return token


def check() -> None:
    """Raises ``BadInput("form_stale")`` for a change that may be somebody else's doing."""
    if request.method in _SAFE or caller().by_token:
        return
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc.casefold() != request.host.casefold()
    ):
        raise BadInput("form_stale")
    expected = caller().csrf or request.cookies.get(COOKIE, "")
    given = request.headers.get(HEADER)
    if given is None and request.mimetype in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ):
        given = request.form.get(FIELD)
    if not expected or not hmac.compare_digest((given or "").encode(), expected.encode()):
        raise BadInput("form_stale")


def remember(response: Response) -> Response:
    """Give a browser without a sign-in the cookie that its forms are compared with."""
    token = g.get("form_token")
    if token and token != request.cookies.get(COOKIE):
        response.set_cookie(
            COOKIE, token, httponly=True, samesite="Strict", secure=request.is_secure, path="/"
        )
    return response
