"""Power rails, over-current events and the fan of a Jetson, from its hardware monitors."""

from __future__ import annotations

from pathlib import Path

from appliance.system.sysfs import hwmon_folders, list_folders, read_number, read_text

_SHUNT_SUM = 7  # the INA3221's seventh "voltage" is the sum over its shunts, not a rail


class PowerRails:
    """The power rails measured by the INA3221 monitors below ``root``."""

    def __init__(self, root: Path) -> None:
        self._rails: dict[str, tuple[Path, Path]] = {}
        for device in list_folders(root / "sys/bus/i2c/drivers/ina3221"):
            for monitor in list_folders(device / "hwmon", "hwmon"):
                for label in list_folders(monitor, "in"):
                    if label.name.endswith("_label"):
                        self._add(monitor, label)

    def _add(self, monitor: Path, label: Path) -> None:
        channel, name = label.name[2 : -len("_label")], read_text(label)
        if not name or not channel.isdigit() or int(channel) == _SHUNT_SUM or "NC" in name:
            return
        pair = monitor / f"in{channel}_input", monitor / f"curr{channel}_input"
        if name.lower().startswith("sum of") or not all(path.exists() for path in pair):
            return
        self._rails[name] = pair

    def power_mw(self) -> tuple[dict[str, float], list[str]]:
        """Return the power in mW by rail (mV × mA / 1000) and the names of unreadable rails."""
        power: dict[str, float] = {}
        unreadable: list[str] = []
        for name, (voltage, current) in self._rails.items():
            millivolts, milliamperes = read_number(voltage), read_number(current)
            if millivolts is None or milliamperes is None:
                unreadable.append(name)
            else:
                power[name] = millivolts * milliamperes / 1000
        return power, unreadable


class OverCurrentCounter:
    """Counter of the over-current events since its creation.

    The counters of the board start at the last boot, so only their growth counts. ``known`` are the
    counts already read by an earlier instance.
    """

    def __init__(self, root: Path, known: dict[Path, float] | None = None) -> None:
        self._counters = [
            path
            for monitor in hwmon_folders(root).get("soctherm_oc", [])
            for path in list_folders(monitor, "oc")
            if path.name.endswith("_event_cnt")
        ]
        self.known = dict(known or {})
        if known is None:
            self.count_new()

    def count_new(self) -> int:
        """Return the number of events since the last call."""
        new_events = 0.0
        for path in self._counters:
            count = read_number(path)
            if count is None:
                continue
            before = self.known.get(path, count)
            new_events += count - before if count >= before else count  # a counter may be reset
            self.known[path] = count
        return int(new_events)


class Fan:
    """The first fan that is controlled by pulse-width modulation."""

    def __init__(self, root: Path) -> None:
        self._pwm: Path | None = None
        self._rpm: Path | None = None
        monitors = hwmon_folders(root)
        for monitor in (folder for name in sorted(monitors) for folder in monitors[name]):
            if self._pwm is None and (monitor / "pwm1").exists():
                self._pwm = monitor / "pwm1"
            for name in ("rpm", "fan1_input"):
                if self._rpm is None and (monitor / name).exists():
                    self._rpm = monitor / name

    def percent(self) -> float | None:
        """Return the speed that is set, 0 to 100, or ``None`` if unknown."""
        width = read_number(self._pwm) if self._pwm else None
        return None if width is None else width * 100 / 255

    def rpm(self) -> float | None:
        """Return the measured speed in revolutions per minute, or ``None`` if unknown."""
        return read_number(self._rpm) if self._rpm else None
