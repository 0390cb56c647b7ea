"""The addresses of the panel, and the URL that is shown to users."""

from __future__ import annotations

import socket

import pytest

from appliance.config import Config, PanelConfig
from appliance.errors import BadInput
from tests.web.served import free_port
from web.addresses import Addresses, find_addresses, is_unspecified


@pytest.mark.parametrize(
    ("ports", "secure", "url"),
    [
        ((8080,), False, "http://box.local:8080"),
        ((8080, 80), False, "http://box.local"),
        ((8080, 80), True, "https://box.local:8080"),
        ((8080, 80, 443), True, "https://box.local"),
        ((443,), True, "https://box.local"),
    ],
)
def test_shortest_url_is_shown(ports: tuple[int, ...], secure: bool, url: str) -> None:
    assert Addresses("0.0.0.0", ports, secure).url_for_name("box.local") == url


def test_host_name_is_used_for_unspecified_addresses() -> None:
    assert Addresses("::", (80,), False).url() == f"http://{socket.gethostname()}"
    assert Addresses("::1", (81,), False).url() == "http://[::1]:81"


def test_every_port_is_bound() -> None:
    assert Addresses("::", (8080, 80), False).bind() == ["[::]:8080", "[::]:80"]
    assert Addresses("0.0.0.0", (8080,), False).bind() == ["0.0.0.0:8080"]


class TestFindAddresses:
    """Instead of ports 80 and 443, two ports are used that the test may bind."""

    @pytest.fixture
    def short(self) -> tuple[int, int]:
        return free_port(), free_port()

    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_default_ports_are_used_if_free(self, host: str, short: tuple[int, int]) -> None:
        port = free_port()
        plain = find_addresses(Config(panel=PanelConfig(host=host, port=port)), short)
        assert plain.ports == (port, short[0])
        secure = find_addresses(
            Config(panel=PanelConfig(host=host, port=port, tls="local-ca")), short
        )
        assert secure.ports == (port, *short)

    def test_port_in_use_is_left_out(self, short: tuple[int, int]) -> None:
        port = free_port()
        with socket.create_server(("0.0.0.0", short[0])):
            found = find_addresses(Config(panel=PanelConfig(port=port)), short)
        assert found.ports == (port,)

    def test_own_default_port_is_not_added_twice(self, short: tuple[int, int]) -> None:
        found = find_addresses(Config(panel=PanelConfig(port=short[0])), short)
        assert found.ports == (short[0],)

    @pytest.mark.parametrize(
        "panel", [{"host": "127.0.0.1"}, {"default_ports": False}, {"host": "localhost"}]
    )
    def test_default_ports_are_optional(
        self, panel: dict[str, object], short: tuple[int, int]
    ) -> None:
        wish = PanelConfig.model_validate({"port": free_port(), **panel})
        assert len(find_addresses(Config(panel=wish), short).ports) == 1

    def test_configured_port_must_be_free(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            panel = PanelConfig(host="127.0.0.1", port=server.getsockname()[1])
            with pytest.raises(BadInput, match="panel_address_unavailable"):
                find_addresses(Config(panel=panel))


@pytest.mark.parametrize(("host", "everywhere"), [("0.0.0.0", True), ("::", True), ("::1", False)])
def test_unspecified_addresses(host: str, everywhere: bool) -> None:
    assert is_unspecified(host) is everywhere
    assert not is_unspecified("box.example")
