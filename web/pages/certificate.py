"""Download of the device's certificate authority, for users who want to trust it."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Blueprint, Response

from appliance.errors import BadInput
from web.context import get_config
from web.security.access import public
from web.tls.certificates import local_certificate

blueprint = Blueprint("certificate", __name__)


@blueprint.get("/authority.crt")
@public
def download_authority() -> Response:
    """Return the authority's certificate. It is public; users compare its fingerprint."""
    answer = Response(_certificate().public_bytes(Encoding.PEM))
    answer.content_type = "application/x-x509-ca-cert"
    answer.headers["Content-Disposition"] = "attachment; filename=lectern.crt"
    return answer


def authority_fingerprint() -> str:
    """Return the SHA-256 fingerprint of the authority's certificate.

    Returns an empty text if the panel does not use a certificate of this authority.
    """
    return (
        local_certificate(get_config()).authority().fingerprint if _uses_local_certificate() else ""
    )


def _certificate() -> x509.Certificate:
    if not _uses_local_certificate():
        raise BadInput("page_not_found")
    return local_certificate(get_config()).authority().certificate


def _uses_local_certificate() -> bool:
    return get_config().panel.tls == "own"
