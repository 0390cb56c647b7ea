"""Which reader fits this machine and the config."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from appliance.config import Config
from appliance.telemetry.board import is_jetson
from appliance.telemetry.host import HostSource
from appliance.telemetry.jtop import JtopSource, open_jtop
from appliance.telemetry.reading import Reading
from appliance.telemetry.sysfs import SysfsSource

log = logging.getLogger("lectern.telemetry")

Source = Callable[[], Reading]


def find_source(
    config: Config,
    root: Path = Path("/"),
    *,
    connect: Callable[[], object] = open_jtop,
) -> Source:
    """A reader of this machine, called once a reading.

    ``telemetry.source`` decides: ``auto`` is our own reader of ``root`` on a Jetson and psutil
    elsewhere; ``jtop`` is jetson-stats (opened by ``connect``), or what ``auto`` gives, with a
    warning in the log, where that is not installed or its service does not run.
    """
    wanted = config.telemetry.source
    if wanted == "host" or (wanted == "auto" and not is_jetson(root)):
        return HostSource(config.root)
    own = SysfsSource(config.root, root)
    if wanted != "jtop":
        return own
    try:
        return JtopSource(own, connect)
    except Exception as error:  # ImportError, or whatever a foreign service raises
        reason = next(iter(str(error).splitlines()), repr(error))
        log.warning("jetson-stats cannot be used: %s", reason)
        return own if is_jetson(root) else HostSource(config.root)
