"""Announce the panel through Avahi with a service file that exists while the panel runs.

systemd runs this as root before the panel (``lectern-panel.service``), so that the file follows the
settings, and removes the file after the panel has stopped. The panel is announced either by Avahi
or by itself (:mod:`web.server.mdns`), never by both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from appliance.errors import BadInput
from appliance.files.atomic import write_text
from web.addresses import Addresses, find_addresses
from web.server.lenient_config import read_config_leniently
from web.server.mdns import AVAHI, avahi_announces

SERVICE = Path("/etc/avahi/services/lectern.service")

_TEXT = """\
<?xml version="1.0" standalone='no'?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<!-- Written by lectern-panel.service at every start, from the settings. -->
<service-group>
  <name replace-wildcards="yes">Lectern on %h</name>
  <service>
    <type>{kind}</type>
    <port>{port}</port>
    <txt-record>path=/</txt-record>
  </service>
</service-group>
"""


def render_service(addresses: Addresses) -> str:
    """Return the service file for Avahi (``man avahi.service``) with the panel's preferred port."""
    kind = "_https._tcp" if addresses.secure else "_http._tcp"
    return _TEXT.format(kind=kind, port=addresses.port)


def write_service_file(config: Path | None, service: Path = SERVICE, avahi: Path = AVAHI) -> None:
    """Write ``service`` from the settings in ``config``.

    Removes it if Avahi is not to announce the panel, and does nothing if Avahi's folder does not
    exist. Raises ``BadInput("panel_address_unavailable")`` if the panel cannot listen, and
    ``OSError``.
    """
    if not service.parent.is_dir():
        return
    service.unlink(missing_ok=True)
    settings, _ = read_config_leniently(config)
    if avahi_announces(settings, avahi):
        text = render_service(find_addresses(settings))
        write_text(service, text, mode=0o644)


def main() -> int:
    """Write the service file. Returns exit status 0, or 1 after an error message on stderr."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    try:
        write_service_file(parser.parse_args().config)
    except (BadInput, OSError) as error:
        print(f"lectern: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
