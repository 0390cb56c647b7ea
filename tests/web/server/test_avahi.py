"""The service file of Avahi, with a stand-in for Avahi's folder and socket."""

from __future__ import annotations

import socket
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import Config, PanelConfig
from appliance.errors import BadInput
from tests.web.served import free_port
from web.addresses import Addresses, find_addresses
from web.server.avahi import render_service, write_service_file
from web.server.mdns import make_announcer


@pytest.fixture
def avahi(tmp_path: Path) -> Iterator[Path]:
    """The socket of a running daemon."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        yield path


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "services"
    folder.mkdir()
    return folder / "lectern.service"


def settings(folder: Path, **panel: object) -> Path:
    path = folder / "config.yaml"
    lines = [f"  {key}: {value}\n" for key, value in {"default_ports": "false", **panel}.items()]
    path.write_text(f"root: {folder / 'box'}\npanel:\n" + "".join(lines))
    return path


def announced(service: Path) -> tuple[str | None, str | None]:
    found = xml.parse(service).find("service")
    assert found is not None
    return found.findtext("type"), found.findtext("port")


def test_service_file_has_the_configured_port(tmp_path: Path, service: Path, avahi: Path) -> None:
    for _ in range(2):  # the second time, the settings have changed
        port = free_port()
        write_service_file(settings(tmp_path, port=port), service, avahi)
        assert announced(service) == ("_http._tcp", str(port))
    assert [path.name for path in service.parent.iterdir()] == ["lectern.service"]
    assert service.stat().st_mode & 0o777 == 0o644


def test_tls_panel_is_announced_as_https() -> None:
    kinds = [render_service(Addresses("::", (8080, *short), True)) for short in ((), (80, 443))]
    found = [xml.fromstring(text).find("service") for text in kinds]
    assert [
        (each.findtext("type"), each.findtext("port")) for each in found if each is not None
    ] == [("_https._tcp", "8080"), ("_https._tcp", "443")]


@pytest.mark.parametrize("panel", [{"mdns": "never"}, {"mdns": "always"}, {"host": "127.0.0.1"}])
def test_stale_service_file_is_removed(
    tmp_path: Path, service: Path, avahi: Path, panel: dict[str, str]
) -> None:
    service.write_text("of an earlier start")
    write_service_file(settings(tmp_path, port=free_port(), **panel), service, avahi)
    assert not service.exists()


def test_panel_announces_itself_without_avahi(tmp_path: Path, service: Path) -> None:
    service.write_text("of an earlier start")
    write_service_file(settings(tmp_path, port=free_port()), service, tmp_path / "nobody")
    assert not service.exists()


def test_avahi_and_panel_never_both_announce(tmp_path: Path, service: Path, avahi: Path) -> None:
    config = Config(panel=PanelConfig(port=free_port(), default_ports=False))
    write_service_file(settings(tmp_path, port=config.panel.port), service, avahi)
    assert service.exists()
    assert make_announcer(config, find_addresses(config), avahi) is None


def test_panel_that_cannot_listen_is_not_announced(
    tmp_path: Path, service: Path, avahi: Path
) -> None:
    service.write_text("of an earlier start")
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match="panel_address_unavailable"):
            write_service_file(settings(tmp_path, port=port), service, avahi)
    assert not service.exists()


def test_without_avahi_nothing_is_written(tmp_path: Path, avahi: Path) -> None:
    write_service_file(settings(tmp_path), tmp_path / "no-folder" / "lectern.service", avahi)
    assert not (tmp_path / "no-folder").exists()
