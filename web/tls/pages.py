"""Download of the device's certificate authority, for users who want to trust it."""

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
    """Return the authority's certificate. It is public; users compare its fingerprint."""
    answer = Response(_certificate().public_bytes(Encoding.PEM))
    answer.content_type = "application/x-x509-ca-cert"
    answer.headers["Content-Disposition"] = "attachment; filename=lectern.crt"
    return answer


def fingerprint() -> str:
    """Return the SHA-256 fingerprint of the authority's certificate.

    Returns an empty text if the panel does not use a certificate of this authority.
    """
    return own_certificate(config()).authority().fingerprint if _is_own() else ""


def _certificate() -> x509.Certificate:
    if not _is_own():
        raise BadInput("page_missing")
    return own_certificate(config()).authority().certificate


def _is_own() -> bool:
    return config().panel.tls == "own"
