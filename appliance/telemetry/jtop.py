"""NVIDIA boards through jetson-stats, where its owner has installed it.

jetson-stats is AGPL-3.0, so Lectern neither needs nor ships it: it is imported only when the config
asks for ``telemetry.source: jtop``. Its values replace our own reader's, which goes on telling what
jetson-stats does not (trip points, free memory, disk) and takes over when its service ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from appliance.telemetry.reading import Reading

log = logging.getLogger("lectern.telemetry")

_OFFLINE = -256  # jetson-stats' temperature of a sensor that does not answer


def open_jtop() -> Any:
    """A started client of jetson-stats' service.

    Raises ``ImportError`` where it is not installed and ``JtopException`` without its service.
    """
    from jtop import jtop

    client = jtop(interval=1.0)
    client.start()
    return client


class JtopSource:
    """``own`` readings with jetson-stats' values over them; ``connect`` opens its client."""

    def __init__(self, own: Callable[[], Reading], connect: Callable[[], Any] = open_jtop) -> None:
        self._own = own
        self._client = connect()

    def __call__(self) -> Reading:
        """Read once."""
        reading = self._own()
        if self._client is None:
            return reading
        try:
            if not self._client.ok(spin=True):
                raise ConnectionError("its service has ended")
            return replace(reading, **values(self._client))
        except Exception as error:  # a foreign service in a foreign thread: anything may come
            log.warning("jetson-stats is left aside: %s", error)
            self._client = None
            return reading

    def close(self) -> None:
        """End the client's thread."""
        if self._client is not None:
            self._client.close()
            self._client = None


def values(client: Any) -> dict[str, Any]:
    """The fields of a reading that jetson-stats tells; what it does not know is left out."""
    found: dict[str, Any] = {}
    temperatures = {
        name.lower(): float(sensor["temp"])
        for name, sensor in client.temperature.items()
        if sensor.get("online", True) and sensor["temp"] != _OFFLINE
    }
    if temperatures:
        found["temperatures_c"] = temperatures
    power = _power(client.power)
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


def _power(power: Mapping[str, Any]) -> dict[str, float]:
    """mW by rail; the total stands among them only where a rail measures it."""
    rails = {name: float(rail["power"]) for name, rail in power.get("rail", {}).items()}
    total = power.get("tot", {})
    if total.get("name"):
        rails[total["name"]] = float(total["power"])
    return rails
