"""Health check and Prometheus metrics."""

from __future__ import annotations

import hmac
import ipaddress

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from appliance.errors import BadInput
from web.context import get_panel, update_in_progress
from web.pages.metrics import collect
from web.security.access import public
from web.services.snapshot import read_snapshot
from web.services.snapshot_poller import get_poller

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def health() -> Response:
    """Report that the panel is running, and whether an update is being installed.

    The response contains nothing else, because it is public.
    """
    return jsonify(status="updating" if update_in_progress() else "ok")


@blueprint.get("/metrics")
@public
def metrics() -> Response:
    """Return the metrics. Only this machine and clients with the metrics token have access."""
    if not (_is_local() or _has_token()):
        raise BadInput("permission_denied")
    panel = get_panel()
    snapshot = read_snapshot(panel.config.root, panel.now, panel.update_marker)
    registry = CollectorRegistry()
    collect(registry, snapshot, get_poller(current_app).subscribers)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    """Return whether the request comes from this machine, and not through a proxy on it."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _has_token() -> bool:
    wanted = get_panel().config.panel.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
