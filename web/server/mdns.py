"""Announce the device as ``lectern.local`` by mDNS where Avahi does not run.

A name is claimed after a query for other devices that have it (RFC 6762, 8). Two devices that start
at the same time may both claim it; the one with the higher address then takes the next name.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from appliance.config import Config
from web.addresses import Addresses
from web.security.hosts import MDNS_NAMES

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

log = logging.getLogger("lectern.panel")

CHECK_INTERVAL_S = 60.0
"""Interval in seconds at which changed addresses and conflicting names are detected."""

QUERY_TIMEOUT_S = 1.5
"""Seconds to wait for the answer to a query for a name: three queries 250 ms apart, and time for
sleeping devices to wake up (RFC 6762, 8.1)."""

AVAHI = Path("/run/avahi-daemon/socket")
_NON_LAN_PREFIXES = ("br-", "docker", "l4tbr", "lo", "tap", "tun", "veth", "virbr", "wg")

Interfaces = Callable[[], set[str]]


class Announcer:
    """Announces the panel at ``addresses`` until it is closed.

    ``interfaces`` returns the IPv4 addresses of the network interfaces to use. All work is done in
    one thread.
    """

    def __init__(
        self,
        addresses: Addresses,
        interfaces: Interfaces,
        names: Iterable[str] = MDNS_NAMES,
        interval_s: float = CHECK_INTERVAL_S,
    ) -> None:
        self._addresses, self._interfaces = addresses, interfaces
        self._names, self._interval_s = tuple(names), interval_s
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._name: str | None = None
        self._thread = threading.Thread(target=self._run, name="mdns", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Withdraw the announcement and end the thread."""
        self._closing.set()
        self._thread.join(5)

    def wait_for(self, wanted: Callable[[str | None], bool], timeout: float) -> str | None:
        """Return the announced name when ``wanted`` accepts it, or after ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: wanted(self._name), timeout)
            return self._name

    def _run(self) -> None:
        while not self._closing.is_set():
            own_addresses = self._interfaces()
            try:
                if own_addresses:
                    self._announce(own_addresses)
                else:
                    self._closing.wait(self._interval_s)
            except Exception as error:  # an error on the network must not end the thread
                log.warning("mDNS announcement failed: %s", error)
                self._closing.wait(self._interval_s)

    def _announce(self, own_addresses: set[str]) -> None:
        """Announce the panel until the addresses change or another device has the name."""
        from zeroconf import Zeroconf

        network = Zeroconf(interfaces=sorted(own_addresses))
        try:
            name = next(
                (n for n in self._names if not addresses_claimed_by(network, n) - own_addresses),
                None,
            )
            if name is None:
                raise OSError("all of its names are in use")
            network.register_service(self._service(name, own_addresses), allow_name_change=True)
            self._set_announced(name)
            while not self._closing.wait(self._interval_s) and self._interfaces() == own_addresses:
                others = addresses_claimed_by(network, name) - own_addresses
                if others and min(map(_number, others)) < min(map(_number, own_addresses)):
                    log.warning("the name %s is also used by %s", name, ", ".join(others))
                    break
        finally:
            network.close()  # sends a goodbye packet
            self._set_announced(None)

    def _service(self, name: str, own_addresses: set[str]) -> ServiceInfo:
        from zeroconf import ServiceInfo

        kind = "_https._tcp.local." if self._addresses.secure else "_http._tcp.local."
        shown = f"Lectern on {socket.gethostname().partition('.')[0]}"[:63]
        return ServiceInfo(
            kind,
            f"{shown}.{kind}",
            port=self._addresses.port,
            properties={"path": "/"},
            server=f"{name}.",
            parsed_addresses=sorted(own_addresses),
        )

    def _set_announced(self, name: str | None) -> None:
        if name is not None:
            log.info("the panel is also at %s", self._addresses.url_for_name(name))
        with self._changed:
            self._name = name
            self._changed.notify_all()


def make_announcer(config: Config, addresses: Addresses, avahi: Path = AVAHI) -> Announcer | None:
    """Return an announcer if the settings ask for one and it can run, otherwise ``None``."""
    mode = config.panel.mdns
    if mode == "never" or avahi_announces(config, avahi):
        return None
    try:
        import zeroconf  # noqa: F401
    except ImportError:
        if mode == "always":
            log.warning("panel.mdns needs the package zeroconf, which is not installed")
        return None
    if mode == "auto" and _is_loopback(addresses.host):
        return None
    return Announcer(addresses, lambda: lan_addresses(addresses.host))


def avahi_announces(config: Config, avahi: Path = AVAHI) -> bool:
    """Return whether Avahi announces the panel (:mod:`web.server.avahi`)."""
    panel = config.panel
    return panel.mdns == "auto" and not _is_loopback(panel.host) and _is_avahi_running(avahi)


def lan_addresses(host: str) -> set[str]:
    """Return the IPv4 addresses at which others reach a server that listens at ``host``."""
    found = {
        entry.address
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family is socket.AF_INET and not name.startswith(_NON_LAN_PREFIXES)
    }
    return found if host in ("0.0.0.0", "::") else found & {host}


def addresses_claimed_by(network: Zeroconf, name: str) -> set[str]:
    """Return the addresses that are announced for ``name`` on the network."""
    from zeroconf import AddressResolverIPv4  # type: ignore[attr-defined]  # not in its __all__

    resolver = AddressResolverIPv4(f"{name}.")
    resolver.request(network, QUERY_TIMEOUT_S * 1000)
    return set(resolver.parsed_addresses())


def _is_avahi_running(avahi: Path) -> bool:
    """Return whether Avahi is running; its socket alone may be left over."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(avahi))
        except OSError:
            return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _number(address: str) -> int:
    return int(ipaddress.ip_address(address))
