"""Telemetry source for a Jetson that reads ``/sys`` and ``/proc``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from appliance.telemetry.board import PowerMode
from appliance.telemetry.cpu_gpu import Cpu, Gpu, memory_mb, nvmap_mb
from appliance.telemetry.disk import Disk
from appliance.telemetry.power import Fan, OverCurrentCounter, PowerRails
from appliance.telemetry.reading import Reading
from appliance.telemetry.thermal import ThermalZones

_REDETECT_INTERVAL_S = 60.0


class JetsonSource:
    """Telemetry source that reads ``/sys`` and ``/proc`` below ``root``.

    ``folder`` is the root folder of Lectern, the disk of which is measured. Sensors are detected at
    creation and again every minute, because some files (the GPU's clock) appear late after boot and
    an update may rename a power mode.
    """

    def __init__(
        self,
        folder: Path,
        root: Path = Path("/"),
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        device: tuple[int, int] | None = None,
    ) -> None:
        self._folder, self._root, self._now, self._device = folder, root, now, device
        self._monotonic = monotonic
        self._processor = Cpu(root)
        self._over_current = OverCurrentCounter(root)
        self._events = 0
        self._detect_sensors()

    def __call__(self) -> Reading:
        """Read every sensor once."""
        if self._monotonic() - self._detected_at >= _REDETECT_INTERVAL_S:
            self._over_current = OverCurrentCounter(self._root, self._over_current.known)
            self._detect_sensors()
        new_events = self._over_current.count_new()
        self._events += new_events
        temperatures, unreadable_zones = self._thermal.temperatures_c()
        power, unreadable_rails = self._rails.power_mw()
        memory = memory_mb(self._root)
        free, total = self._disk.space_mb()
        return Reading(
            at=self._now(),
            temperatures_c=temperatures,
            trip_points_c=self._thermal.trip_points_c,
            cpu_load=self._processor.load(),
            gpu_load=self._gpu.load(),
            memory_total_mb=memory.get("MemTotal", 0.0),
            memory_available_mb=memory.get("MemAvailable", 0.0),
            gpu_memory_mb=nvmap_mb(self._root, memory),
            power_mw=power,
            power_mode=self._mode.name(),
            fan_percent=self._fan.percent(),
            throttled=new_events > 0 or self._thermal.is_throttling(),
            throttle_events=self._events,
            disk_free_mb=free,
            disk_total_mb=total,
            cpu_mhz=self._processor.mhz(),
            gpu_mhz=self._gpu.mhz(),
            fan_rpm=self._fan.rpm(),
            swap_used_mb=memory.get("SwapTotal", 0.0) - memory.get("SwapFree", 0.0),
            disk_wear_percent=self._disk.wear_percent(),
            disk_written_mb=self._disk.written_mb(),
            unavailable=(
                *(f"zone:{n}" for n in unreadable_zones),
                *(f"rail:{n}" for n in unreadable_rails),
            ),
        )

    def _detect_sensors(self) -> None:
        self._detected_at = self._monotonic()
        self._thermal = ThermalZones(self._root)
        self._gpu = Gpu(self._root)
        self._rails = PowerRails(self._root)
        self._fan = Fan(self._root)
        self._mode = PowerMode(self._root)
        self._disk = Disk(self._folder, self._root, self._device)
