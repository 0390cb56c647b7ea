"""Load and clock of the CPU and the GPU of a Jetson, and their shared memory."""

from __future__ import annotations

from pathlib import Path

from appliance.system.sysfs import list_folders, read_number, read_text

_GPU_LOAD_PATHS = (
    "sys/devices/platform/bus@0/17000000.gpu/load",  # JetPack 6 and 7
    "sys/devices/platform/17000000.gpu/load",
    "sys/devices/platform/17000000.ga10b/load",  # JetPack 5
    "sys/devices/platform/gpu.0/load",
)
_GPU_CLOCK_NAMES = ("17000000.gpu", "17000000.ga10b", "17000000.gv11b")


class Cpu:
    """Load of the CPU over all cores, and the clock of the fastest core."""

    def __init__(self, root: Path) -> None:
        self._stat = root / "proc/stat"
        cores = list_folders(root / "sys/devices/system/cpu", "cpu")
        clocks = [core / "cpufreq/scaling_cur_freq" for core in cores if core.name[3:].isdigit()]
        self._clocks = [path for path in clocks if path.exists()]
        self._before = self._read_ticks()

    def load(self) -> float:
        """Return the load of all cores since the last call, 0 to 1."""
        now, before = self._read_ticks(), self._before
        self._before = now
        total = now[1] - before[1]
        return min(max((now[0] - before[0]) / total, 0.0), 1.0) if total > 0 else 0.0

    def mhz(self) -> float | None:
        """Return the clock of the fastest core in MHz, or ``None`` if unknown."""
        clocks = [value for value in map(read_number, self._clocks) if value is not None]
        return max(clocks) / 1000 if clocks else None

    def _read_ticks(self) -> tuple[float, float]:
        """Return the busy and the total ticks since boot.

        The line is ``cpu user nice system idle iowait irq softirq steal``. The fourth and fifth
        values are idle time; values after these eight are already included in the first two.
        """
        line = (read_text(self._stat) or "").partition("\n")[0].split()
        try:
            ticks = [float(word) for word in line[1:9]]
        except ValueError:
            return 0.0, 0.0
        return sum(ticks) - sum(ticks[3:5]), sum(ticks)


class Gpu:
    """The integrated GPU of a Jetson; its files in ``/sys`` may appear some time after boot."""

    def __init__(self, root: Path) -> None:
        self._load = next((root / p for p in _GPU_LOAD_PATHS if (root / p).exists()), None)
        devfreq = root / "sys/class/devfreq"
        self._clock = next((devfreq / n for n in _GPU_CLOCK_NAMES if (devfreq / n).exists()), None)

    def load(self) -> float | None:
        """Return the load, 0 to 1 (the kernel reports it per mille), or ``None`` if unknown."""
        value = read_number(self._load) if self._load else None
        return None if value is None else value / 1000

    def mhz(self) -> float | None:
        """Return the clock in MHz (the kernel reports it in Hz), or ``None`` if unknown."""
        value = read_number(self._clock / "cur_freq") if self._clock else None
        return None if value is None else value / 1e6


def memory_mb(root: Path) -> dict[str, float]:
    """Return ``/proc/meminfo`` in MiB by name; NVIDIA's kernels add ``NvMapMemUsed``."""
    found: dict[str, float] = {}
    for line in (read_text(root / "proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[0].isdigit():
            found[name] = int(words[0]) / 1024
    return found


def nvmap_mb(root: Path, memory: dict[str, float]) -> float | None:
    """Return the MiB that NvMap has allocated for the GPU, or ``None`` if unknown.

    It is read from ``memory`` (see :func:`memory_mb`), else from debugfs, which only root can read.
    """
    if memory.get("NvMapMemUsed"):
        return memory["NvMapMemUsed"]
    for line in (read_text(root / "sys/kernel/debug/nvmap/iovmm/clients") or "").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "total" and words[1][:-1].isdigit():
            return int(words[1][:-1]) / 1024  # 12345K
    return memory.get("NvMapMemUsed")
