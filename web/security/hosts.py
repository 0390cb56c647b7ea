"""Under which names the panel answers.

A page elsewhere may make a browser believe that its own name leads to the box (DNS rebinding); the
request then carries that name. An address, unlike a name, cannot be redirected so, and the box's
address changes with the network: addresses are always taken.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

MDNS_NAMES = ("lectern.local", *(f"lectern-{number}.local" for number in range(2, 10)))
"""What the box may be called on a network without a name server: the first that is not taken."""


def own_names(hostname: str | None = None) -> frozenset[str]:
    """What this machine is called by itself and by mDNS."""
    name = (hostname or socket.gethostname()).casefold()
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local", *MDNS_NAMES})


def is_trusted(host: str, names: Iterable[str]) -> bool:
    """Whether the header ``Host`` is an address, or one of ``names`` (with or without a port)."""
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
