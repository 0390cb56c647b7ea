"""Redirect requests without encryption to HTTPS, if the panel uses TLS."""

from __future__ import annotations

from flask import redirect, request
from werkzeug.wrappers import Response

from appliance.errors import BadInput
from web.panel import panel

TEMPORARY = 307
"""A temporary redirect: browsers would remember a permanent one after TLS has been switched off."""


def check() -> Response | None:
    """Redirect to HTTPS. Raises ``BadInput("tls_needed")`` for methods other than GET and HEAD."""
    addresses = panel().addresses
    if addresses is None or not addresses.secure or request.is_secure:
        return None
    if request.method not in ("GET", "HEAD"):
        raise BadInput("tls_needed")
    # A port in the URL is reachable and serves both; with port 80, port 443 may not be served.
    place = f"https://{request.host}" if _has_port(request.host) else addresses.at(request.host)
    return redirect(place + request.full_path.rstrip("?"), TEMPORARY)


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]
