"""What every answer tells the browser about itself.

Scripts, styles, pictures: only files of the panel, nothing inline. A page is in no other page's
frame and no address leaves the box in a ``Referer``.
"""

from __future__ import annotations

from flask import Response, request

from web.panel import config

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
    """Add the headers; what a page has set itself stays."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    # With a certificate of the box's own it would lock people out when that changes.
    if request.is_secure and config().panel.tls == "files":
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
