"""The addresses at which the panel listens, and the URL that users type."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

from appliance.config import Config
from appliance.errors import BadInput

HTTP, HTTPS = 80, 443
"""Default ports, which users need not type."""

PROXIES = ("127.0.0.1", "::1")
"""Addresses of proxies on this device, whose requests come from many clients."""


@dataclass(frozen=True)
class Addresses:
    """The addresses of the panel: ``ports`` of ``host``, the configured port first.

    With ``secure`` every port serves TLS, and plain HTTP requests are only redirected there.
    """

    host: str
    ports: tuple[int, ...]
    secure: bool

    @property
    def port(self) -> int:
        """The port to send users to: the default port if the panel listens there."""
        default = HTTPS if self.secure else HTTP
        return default if default in self.ports else self.ports[0]

    def url_for_name(self, name: str) -> str:
        """Return the panel's URL on a machine that is called ``name`` (or ``[IPv6]``)."""
        scheme, default = ("https", HTTPS) if self.secure else ("http", HTTP)
        return f"{scheme}://{name}" if self.port == default else f"{scheme}://{name}:{self.port}"

    def url(self) -> str:
        """Return the panel's URL as users on the network would type it."""
        return self.url_for_name(
            socket.gethostname() if is_unspecified(self.host) else _bracketed(self.host)
        )

    def bind(self) -> list[str]:
        """Return the values of gunicorn's setting ``bind``."""
        return [f"{_bracketed(self.host)}:{port}" for port in self.ports]


def find_addresses(config: Config, default_ports: tuple[int, int] = (HTTP, HTTPS)) -> Addresses:
    """Return the addresses at which the panel can listen.

    ``default_ports`` are the default ports of HTTP and HTTPS. Raises
    ``BadInput("panel_address_unavailable")`` if the panel cannot listen at ``panel.port``; a
    default port is left out if it is in use or not permitted.
    """
    given = config.panel
    try:
        try_to_bind(given.host, given.port)
    except OSError as error:  # gunicorn would try five times and exit without a message
        reason = error.strerror or str(error)
        name = f"{given.host}:{given.port}"
        raise BadInput("panel_address_unavailable", name=name, reason=reason) from error
    secure = given.tls != "none"
    ports = [given.port]
    if given.default_ports and is_unspecified(given.host):
        wanted = default_ports if secure else default_ports[:1]
        ports += [port for port in wanted if port != given.port and _is_free(given.host, port)]
    return Addresses(given.host, tuple(ports), secure)


def is_unspecified(host: str) -> bool:
    """Return whether ``host`` is the unspecified address (all addresses of this machine)."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def try_to_bind(host: str, port: int) -> None:
    """Bind a socket to the address and close it. Raises ``OSError`` if that is impossible."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _is_free(host: str, port: int) -> bool:
    try:
        try_to_bind(host, port)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EPERM):
            return False
        raise
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
