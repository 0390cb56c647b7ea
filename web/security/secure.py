"""A panel that encrypts takes nothing in the clear: it says where it is instead."""

from __future__ import annotations

from flask import redirect, request
from werkzeug.wrappers import Response

from appliance.errors import BadInput
from web.panel import panel

TEMPORARY = 307
"""Not for good: browsers would remember it when the owner has long given up encryption."""


def check() -> Response | None:
    """Sends who looks to the encrypted page; raises ``BadInput("tls_needed")`` for a change."""
    addresses = panel().addresses
    if addresses is None or not addresses.secure or request.is_secure:
        return None
    if request.method not in ("GET", "HEAD"):
        raise BadInput("tls_needed")
    # A port that was named reaches us, and speaks both; port 80 may be reached where 443 is not.
    place = f"https://{request.host}" if _has_port(request.host) else addresses.at(request.host)
    return redirect(place + request.full_path.rstrip("?"), TEMPORARY)


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]
