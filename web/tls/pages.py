"""The box's authority, for who wants to trust it."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Blueprint, Response

from appliance.errors import BadInput
from web.panel import config
from web.people.access import is_open
from web.tls.certificates import own_certificate

blueprint = Blueprint("tls", __name__)


@blueprint.get("/authority.crt")
@is_open
def authority() -> Response:
    """The certificate, which is no secret. Whoever takes it compares its fingerprint."""
    answer = Response(_certificate().public_bytes(Encoding.PEM))
    answer.content_type = "application/x-x509-ca-cert"
    answer.headers["Content-Disposition"] = "attachment; filename=lectern.crt"
    return answer


def fingerprint() -> str:
    """SHA-256 of the authority's certificate; empty where the panel shows none of the box's own."""
    return own_certificate(config()).authority().fingerprint if _is_own() else ""


def _certificate() -> x509.Certificate:
    if not _is_own():
        raise BadInput("page_missing")
    return own_certificate(config()).authority().certificate


def _is_own() -> bool:
    return config().panel.tls == "own"
