"""Telemetry source for NVIDIA boards based on jetson-stats, if the user has installed it.

jetson-stats is licensed under AGPL-3.0, so Lectern neither requires nor ships it: it is imported
only if the configuration sets ``telemetry.source: jtop``. Its values replace those of our own
source, which still provides the values that jetson-stats lacks (trip points, free memory, disk) and
is used alone after the service of jetson-stats has ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from appliance.telemetry.reading import Reading

log = logging.getLogger("lectern.telemetry")

_OFFLINE = -256  # the temperature that jetson-stats reports for an unavailable sensor


def open_jtop() -> Any:
    """Return a running client of the jetson-stats service.

    Raises ``ImportError`` if jetson-stats is not installed and ``JtopException`` if its service is
    not running.
    """
    from jtop import jtop

    client = jtop(interval=1.0)
    client.start()
    return client


class JtopSource:
    """Telemetry source that overrides the readings of ``fallback`` with values of jetson-stats.

    ``connect`` opens a client of jetson-stats.
    """

    def __init__(
        self, fallback: Callable[[], Reading], connect: Callable[[], Any] = open_jtop
    ) -> None:
        self._fallback = fallback
        self._client = connect()

    def __call__(self) -> Reading:
        """Return a new reading."""
        reading = self._fallback()
        if self._client is None:
            return reading
        try:
            if not self._client.ok(spin=True):
                raise ConnectionError("its service has ended")
            return replace(reading, **read_values(self._client))
        except Exception as error:  # a third-party client with its own thread may raise anything
            log.warning("jetson-stats is no longer used: %s", error)
            self._client = None
            return reading

    def close(self) -> None:
        """Stop the thread of the client."""
        if self._client is not None:
            self._client.close()
            self._client = None


def read_values(client: Any) -> dict[str, Any]:
    """Return the fields of a reading that jetson-stats provides; unknown values are omitted."""
    found: dict[str, Any] = {}
    temperatures = {
        name.lower(): float(sensor["temp"])
        for name, sensor in client.temperature.items()
        if sensor.get("online", True) and sensor["temp"] != _OFFLINE
    }
    if temperatures:
        found["temperatures_c"] = temperatures
    power = _power_by_rail(client.power)
    if power:
        found["power_mw"] = power
    gpu: dict[str, Any] = next(iter(client.gpu.values()), {})
    load = gpu.get("status", {}).get("load")
    if load is not None:
        found["gpu_load"] = float(load) / 100
    clock = gpu.get("freq", {}).get("cur")
    if clock is not None:
        found["gpu_mhz"] = float(clock) / 1000  # kHz
    shared = client.memory.get("RAM", {}).get("shared")
    if shared:
        found["gpu_memory_mb"] = float(shared) / 1024  # KB
    if client.nvpmodel is not None:
        found["power_mode"] = str(client.nvpmodel.name)
    fan: dict[str, Any] = next(iter(client.fan.values()), {})
    if fan.get("speed"):
        found["fan_percent"] = float(fan["speed"][0])
    if fan.get("rpm"):
        found["fan_rpm"] = float(fan["rpm"][0])
    return found


def _power_by_rail(power: Mapping[str, Any]) -> dict[str, float]:
    """Return the power in mW by rail; the total is included only if a rail measures it."""
    rails = {name: float(rail["power"]) for name, rail in power.get("rail", {}).items()}
    total = power.get("tot", {})
    if total.get("name"):
        rails[total["name"]] = float(total["power"])
    return rails
