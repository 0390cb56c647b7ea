"""Redirect requests without encryption to HTTPS, if the panel uses TLS."""

from __future__ import annotations

from flask import redirect, request
from werkzeug.wrappers import Response

from appliance.errors import BadInput
from web.context import get_panel, requested_address

TEMPORARY_REDIRECT = 307
"""A temporary redirect: browsers would remember a permanent one after TLS has been switched off."""


def redirect_to_https() -> Response | None:
    """Redirect to HTTPS.

    Raises ``BadInput("https_required")`` for methods other than GET and HEAD.
    """
    addresses = get_panel().addresses
    if addresses is None or not addresses.secure or request.is_secure:
        return None
    if request.method not in ("GET", "HEAD"):
        raise BadInput("https_required")
    # A port in the URL is reachable and serves both; with port 80, port 443 may not be served.
    base_url = (
        f"https://{request.host}"
        if _has_port(request.host)
        else addresses.url_for_name(request.host)
    )
    return redirect(base_url + requested_address(), TEMPORARY_REDIRECT)


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]
