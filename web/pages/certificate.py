"""Download of the device's certificate authority, for users who want to trust it."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding
from flask import Blueprint, Response

from appliance.errors import BadInput
from web.context import get_config
from web.security.access import public
from web.tls.certificates import local_certificate, uses_local_certificate

blueprint = Blueprint("certificate", __name__)


@blueprint.get("/authority.crt")
@public
def download_authority() -> Response:
    """Return the authority's certificate. It is public; users compare its fingerprint."""
    if not uses_local_certificate(get_config()):
        raise BadInput("page_not_found")
    certificate = local_certificate(get_config()).authority().certificate
    response = Response(certificate.public_bytes(Encoding.PEM))
    response.content_type = "application/x-x509-ca-cert"
    response.headers["Content-Disposition"] = "attachment; filename=lectern.crt"
    return response
