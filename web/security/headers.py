"""Security headers of every response.

Scripts, styles and images are only loaded from the panel, and never inline. No other site can frame
a page, and no address leaves the device in a ``Referer``.
"""

from __future__ import annotations

from flask import Response, request

from web.context import get_config

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def add_headers(response: Response) -> Response:
    """Add the headers to a response, except for those that the view has set."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    # Not with a local certificate: users would be locked out when it changes.
    if request.is_secure and get_config().panel.tls == "files":
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
