"""The device's name on a real network (loopback), resolved by another program."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from zeroconf import ServiceBrowser, ServiceStateChange, Zeroconf

from appliance.config import Config, PanelConfig
from web.addresses import Addresses
from web.security.hosts import MDNS_NAMES, own_names
from web.server.mdns import Announcer, addresses_claimed_by, lan_addresses, make_announcer

LOOPBACK = "127.0.0.1"
WAIT_S = 30.0
HERE = Addresses("0.0.0.0", (8080, 80), False)


@pytest.fixture
def other() -> Iterator[Zeroconf]:
    """Another machine."""
    # In a thread of its own it does not take an event loop that a browser's test has left running.
    with ThreadPoolExecutor(1) as thread:
        network = thread.submit(Zeroconf, interfaces=[LOOPBACK]).result()
    yield network
    network.close()


class Seen:
    """The services that a service browser has seen appear and disappear."""

    def __init__(self, network: Zeroconf, kind: str) -> None:
        self._changed = threading.Condition()
        self.there: set[str] = set()
        self._browser = ServiceBrowser(network, kind, handlers=[self._note])

    def _note(
        self,
        zeroconf: Zeroconf,
        service_type: str,
        name: str,
        state_change: ServiceStateChange,
    ) -> None:
        with self._changed:
            gone = state_change is ServiceStateChange.Removed
            (self.there.discard if gone else self.there.add)(name)
            self._changed.notify_all()

    def wait(self, done: Callable[[set[str]], bool]) -> set[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: done(self.there), WAIT_S), self.there
            return set(self.there)


@pytest.fixture
def names() -> tuple[str, str]:
    """Two names that no other test uses at the same time."""
    word = f"lectern-test-{time.monotonic_ns()}"
    return f"{word}.local", f"{word}-2.local"


def announcer(
    names: tuple[str, ...], addresses: Addresses = HERE, address: str = LOOPBACK
) -> Announcer:
    return Announcer(addresses, lambda: {address}, names, interval_s=0.1)


def test_name_and_service_are_announced_and_withdrawn(
    other: Zeroconf, names: tuple[str, str]
) -> None:
    seen = Seen(other, "_http._tcp.local.")
    box = announcer(names)
    try:
        assert box.wait_for(bool, WAIT_S) == names[0]
        assert addresses_claimed_by(other, names[0]) == {LOOPBACK}
        services = seen.wait(lambda there: any(name.startswith("Lectern on ") for name in there))
        found = [other.get_service_info("_http._tcp.local.", name) for name in services]
        assert (80, f"{names[0]}.") in [(info.port, info.server) for info in found if info]
    finally:
        box.close()
    seen.wait(lambda there: not there & services)


def test_name_in_use_is_not_taken(names: tuple[str, str]) -> None:
    first = announcer(names, address="127.0.0.1")
    try:
        assert first.wait_for(bool, WAIT_S) == names[0]
        second = announcer(names, address="127.0.0.2")
        try:
            assert second.wait_for(bool, WAIT_S) == names[1]
            assert first.wait_for(bool, WAIT_S) == names[0]
        finally:
            second.close()
    finally:
        first.close()


def test_one_of_two_simultaneous_claims_yields(names: tuple[str, str]) -> None:
    """Both query before either has the name, as when both are switched on together."""
    announcers = [announcer(names, address=told) for told in ("127.0.0.1", "127.0.0.2")]
    try:
        assert announcers[1].wait_for(lambda name: name == names[1], WAIT_S) == names[1]
        assert announcers[0].wait_for(lambda name: name == names[0], WAIT_S) == names[0]
    finally:
        for box in announcers:
            box.close()


def test_new_address_is_announced(other: Zeroconf, names: tuple[str, str]) -> None:
    """The panel often starts before the network."""
    current: list[set[str]] = [set()]
    box = Announcer(HERE, lambda: current[0], names, interval_s=0.1)
    try:
        assert box.wait_for(bool, 0.3) is None
        current[0] = {LOOPBACK}
        assert box.wait_for(bool, WAIT_S) == names[0]
        assert addresses_claimed_by(other, names[0]) == {LOOPBACK}
        current[0] = set()
        assert box.wait_for(lambda name: name is None, WAIT_S) is None
    finally:
        box.close()


def test_tls_panel_is_announced_as_https(other: Zeroconf, names: tuple[str, str]) -> None:
    seen = Seen(other, "_https._tcp.local.")
    box = announcer(names, Addresses("0.0.0.0", (8080, 443), True))
    try:
        services = seen.wait(bool)
        found = [other.get_service_info("_https._tcp.local.", name) for name in services]
        assert [info.port for info in found if info] == [443]
    finally:
        box.close()


def test_every_mdns_name_is_trusted() -> None:
    assert set(MDNS_NAMES) <= own_names("box")
    assert MDNS_NAMES[:2] == ("lectern.local", "lectern-2.local")


class TestMode:
    def wish(self, mdns: Literal["auto", "always", "never"]) -> Config:
        return Config(panel=PanelConfig(mdns=mdns))

    def test_running_avahi_announces_instead(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with socket.socket(socket.AF_UNIX) as avahi:
            avahi.bind(str(path))
            avahi.listen()
            assert make_announcer(self.wish("auto"), HERE, path) is None

    def test_stale_avahi_socket_is_ignored(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with socket.socket(socket.AF_UNIX) as avahi:
            avahi.bind(str(path))
        here = Addresses("192.0.2.77", (8080,), False)  # unused: nothing is announced for it
        box = make_announcer(self.wish("auto"), here, path)
        assert box is not None
        box.close()

    def test_mode_never_disables_announcing(self, tmp_path: Path) -> None:
        assert make_announcer(self.wish("never"), HERE, tmp_path / "none") is None

    def test_loopback_panel_is_not_announced(self, tmp_path: Path) -> None:
        for host in ("127.0.0.1", "::1", "localhost"):
            here = Addresses(host, (8080,), False)
            assert make_announcer(self.wish("auto"), here, tmp_path / "none") is None


def test_only_reachable_addresses_are_announced() -> None:
    everywhere = lan_addresses("0.0.0.0")
    assert not any(address.startswith("127.") for address in everywhere)
    assert lan_addresses("192.0.2.77") == set()
    for address in everywhere:
        assert lan_addresses(address) == {address}
