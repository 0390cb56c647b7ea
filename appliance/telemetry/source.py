"""Selects the telemetry source for the machine and the configuration."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from appliance.config import SourceName
from appliance.telemetry.board import is_jetson
from appliance.telemetry.host import HostSource
from appliance.telemetry.jetson import JetsonSource
from appliance.telemetry.jtop import JtopSource, open_jtop
from appliance.telemetry.reading import Reading

log = logging.getLogger("lectern.telemetry")

TelemetrySource = Callable[[], Reading]


def select_source(
    name: SourceName,
    folder: Path,
    root: Path = Path("/"),
    *,
    connect: Callable[[], object] = open_jtop,
) -> TelemetrySource:
    """Return the telemetry source for this machine, a function that returns a new reading.

    ``name`` is the setting ``telemetry.source``: ``auto`` is our own source, which reads ``/sys``
    below ``root``, on a Jetson and psutil elsewhere; ``sysfs`` and ``host`` select one of these.
    ``jtop`` is jetson-stats (opened by ``connect``); if it is not installed or its service is not
    running, a warning is logged and ``auto`` is used. ``folder`` is on the disk to measure.
    """
    if name == "host" or (name == "auto" and not is_jetson(root)):
        return HostSource(folder)
    sysfs_source = JetsonSource(folder, root)
    if name != "jtop":
        return sysfs_source
    try:
        return JtopSource(sysfs_source, connect)
    except Exception as error:  # ImportError, or any exception of a third-party client
        reason = next(iter(str(error).splitlines()), repr(error))
        log.warning("jetson-stats cannot be used: %s", reason)
        return sysfs_source if is_jetson(root) else HostSource(folder)
