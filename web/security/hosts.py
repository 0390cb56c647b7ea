"""Names under which the panel can be reached, as a protection against DNS rebinding.

Another site can make a browser resolve the site's name to the device; the request then contains
that name. An IP address cannot be redirected like this and changes with the network, so addresses
are always accepted.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

MDNS_NAMES = ("lectern.local", *(f"lectern-{number}.local" for number in range(2, 10)))
"""Names of the device on a network without a name server; it takes the first one that is free."""


def own_names(hostname: str | None = None) -> frozenset[str]:
    """Return the names of this machine: its host name and its mDNS names."""
    name = (hostname or socket.gethostname()).casefold()
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local", *MDNS_NAMES})


def is_trusted(host: str, names: Iterable[str]) -> bool:
    """Return whether the header ``Host`` is an address or one of ``names``.

    A port may follow.
    """
    bare, port = _split(host)
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        return False
    try:
        ipaddress.ip_address(bare.strip("[]"))
        return True
    except ValueError:
        return bare.casefold().rstrip(".") in {name.casefold() for name in names}


def _split(host: str) -> tuple[str, str]:
    if host.startswith("["):
        bare, _, rest = host.partition("]")
        return bare + "]", rest.removeprefix(":")
    bare, _, port = host.partition(":")
    return bare, port
