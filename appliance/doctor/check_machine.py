"""Check the hardware, the operating system, the temperature and the clock."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Iterator

from appliance.doctor.context import DoctorContext
from appliance.doctor.finding import Finding, ok, warn
from appliance.inference.session import tensorrt_version
from appliance.system.sysfs import read_text
from appliance.telemetry.board import (
    PowerMode,
    board_model,
    is_jetson,
    jetpack_version,
    l4t_version,
)
from appliance.version import software_version

_SMALL_MEMORY_MB = 3400  # total memory that a 4 GB board reports
_MIN_FREE_MB = 1000  # rendering at 1920 × 1080 takes half of it
# L4T releases in which large allocations fail; fixed in 36.5.
_LARGE_ALLOCATION_BUG_RELEASES = ("36.4.7",)
_LOW_POWER_W = 10
_MIN_HEADROOM_C = 8.0


def check_machine(context: DoctorContext) -> Iterator[Finding]:
    """Report board, operating system and memory; warn about too little memory."""
    memory = context.reading.memory_total_mb
    python = platform.python_version()
    yield ok(
        "machine",
        model=board_model(context.root) or _cpu_model(context) or platform.machine(),
        cores=os.cpu_count() or 1,
        memory=round(memory),
        system=_os_name(context),
        python=python,
        version=software_version(),
    )
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        yield warn("python_untested", python=python)
    if 0 < memory < _SMALL_MEMORY_MB:
        yield warn("memory_small", memory=round(memory))
    if context.reading.memory_available_mb < _MIN_FREE_MB:
        free = round(context.reading.memory_available_mb)
        yield warn("memory_low", free=free, memory=round(memory))


def check_jetson(context: DoctorContext) -> Iterator[Finding]:
    """Check JetPack release and power mode; yields nothing on other devices."""
    if not is_jetson(context.root):
        return
    release, mode = l4t_version(context.root) or "?", context.reading.power_mode or "?"
    tensorrt = tensorrt_version(context.root) or "–"
    yield ok(
        "jetpack",
        jetpack=jetpack_version(release) or "?",
        l4t=release,
        tensorrt=tensorrt,
        mode=mode,
    )
    if release in _LARGE_ALLOCATION_BUG_RELEASES:
        yield warn("l4t_allocation_limit", l4t=release)
    names = PowerMode(context.root).names
    watt = re.match(r"(\d+)W", mode)
    if watt and int(watt[1]) <= _LOW_POWER_W and len(names) > 1:
        modes = ", ".join(f"{number} = {name}" for number, name in sorted(names.items()))
        yield warn("power_mode_low", mode=mode, modes=modes)


def check_heat(context: DoctorContext) -> Iterator[Finding]:
    """Check the hottest temperature zone and whether the clocks are throttled."""
    reading = context.reading
    if reading.throttled:
        yield warn("throttled")
    if reading.hottest is None or reading.headroom_c is None:
        yield ok("temperature_unknown")
        return
    zone, celsius = reading.hottest
    near_limit = reading.headroom_c < _MIN_HEADROOM_C
    finding, code = (warn, "temperature_high") if near_limit else (ok, "temperature")
    yield finding(code, zone=zone, celsius=round(celsius), margin=round(reading.headroom_c))


_MAX_INSTALLED_S = 20 * 365 * 86_400.0  # an installation of this age is not plausible


def check_clock(context: DoctorContext) -> Iterator[Finding]:
    """Check that the clock is plausible; a device without a battery may start in 1970."""
    now = context.now()
    local_time = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    installed = (context.project / "appliance" / "__init__.py").stat().st_mtime
    is_plausible = 0 <= now - installed <= _MAX_INSTALLED_S
    yield ok("clock", time=local_time) if is_plausible else warn("clock_wrong", time=local_time)


def _os_name(context: DoctorContext) -> str:
    release = read_text(context.root / "etc/os-release") or ""
    name = re.search(r'^PRETTY_NAME="?([^"\n]*)', release, re.MULTILINE)
    return f"{name[1] if name else platform.system()} ({platform.machine()})"


def _cpu_model(context: DoctorContext) -> str:
    name = re.search(
        r"^model name\s*:\s*(.+)$", read_text(context.root / "proc/cpuinfo") or "", re.MULTILINE
    )
    return name[1].strip() if name else ""
