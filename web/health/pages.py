"""Health check and Prometheus metrics."""

from __future__ import annotations

import hmac
import ipaddress

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from appliance.errors import BadInput
from web.health.metrics import collect
from web.home.live import look_once
from web.home.pages import watcher
from web.panel import panel, updating
from web.people.access import is_open

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@is_open
def health() -> Response:
    """Report that the panel is running, and whether an update is being installed.

    The response contains nothing else, because it is public.
    """
    return jsonify(status="updating" if updating() else "ok")


@blueprint.get("/metrics")
@is_open
def metrics() -> Response:
    """Return the metrics. Only this machine and clients with the metrics token have access."""
    if not (_is_local() or _has_token()):
        raise BadInput("not_allowed")
    registry = CollectorRegistry()
    collect(registry, look_once(panel()), watcher().listeners)
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
    wanted = panel().config.panel.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
