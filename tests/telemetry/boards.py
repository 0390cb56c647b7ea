"""Fake ``/sys``, ``/proc`` and ``/etc`` trees of Jetson boards.

Layout and names are those of NVIDIA's kernels (JetPack 5 to 7); the values are invented. A sensor
that is powered down is a pipe without data, which returns the kernel's real error EAGAIN.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

ZONES = ("cpu", "gpu", "cv0", "cv1", "cv2", "soc0", "soc1", "soc2", "tj")
POWERED_DOWN = ("cv0", "cv1", "cv2")


@dataclass(frozen=True)
class Kind:
    """The differences between boards. ``rails`` are (label, mV, mA) of each INA3221."""

    model: str
    release: str
    gpu: str
    rails: tuple[tuple[tuple[str, int, int], ...], ...]
    modes: tuple[str, ...]
    mode: int
    memory_kb: int
    zone: str = "{}-thermal"
    zones: tuple[str, ...] = ZONES
    powered_down: tuple[str, ...] = POWERED_DOWN


_SMALL = ((("VDD_IN", 5008, 1480), ("VDD_CPU_GPU_CV", 5000, 420), ("VDD_SOC", 5000, 288)),)
_R36 = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64"
_R35 = "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64"

NANO = Kind(
    "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
    _R36, "17000000.gpu", _SMALL, ("15W", "25W", "MAXN_SUPER", "7W"), 1, 7802160,
)  # fmt: skip
NX = Kind(
    "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
    _R36, "17000000.gpu", _SMALL, ("MAXN", "10W", "15W", "25W"), 3, 15956380,
    zones=ZONES[:-1],  # its device tree of that release has no tj
)  # fmt: skip
AGX = Kind(
    "NVIDIA Jetson AGX Orin Developer Kit",
    _R36, "17000000.gpu",
    (
        (("VDD_GPU_SOC", 19200, 250), ("VDD_CPU_CV", 19200, 62), ("VIN_SYS_5V0", 5024, 812)),
        (("NC", 0, 0), ("VDDQ_VDD2_1V8AO", 19216, 33), ("NC", 0, 0)),
    ),
    ("MAXN", "15W", "30W", "50W"), 0, 64326428,
)  # fmt: skip
JETPACK_5 = Kind(
    "NVIDIA Orin NX Developer Kit",
    _R35, "17000000.ga10b", _SMALL, ("MAXN", "10W", "15W", "25W"), 2, 15956380, zone="{}-therm",
)  # fmt: skip

BOARDS = {"nano": NANO, "nx": NX, "agx": AGX, "jetpack5": JETPACK_5}


@dataclass
class Board:
    """The files of one board below ``root``; :meth:`close` closes the pipes."""

    root: Path
    kind: Kind
    _pipes: list[int] = field(default_factory=list)

    def write(self, path: str, value: object) -> Path:
        """Write a file."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{value}\n")
        return target

    def power_down(self, path: str) -> None:
        """Make reading a file fail with EAGAIN from now on."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.mkfifo(target)
        self._pipes.append(os.open(target, os.O_RDWR | os.O_NONBLOCK))

    def close(self) -> None:
        """Close the pipes."""
        while self._pipes:
            os.close(self._pipes.pop())

    def zone(self, name: str) -> str:
        """Return the folder of zone ``name``."""
        return f"sys/devices/virtual/thermal/thermal_zone{self.kind.zones.index(name)}"

    def temperature(self, name: str, celsius: float) -> None:
        """Set the temperature of a zone."""
        self.write(f"{self.zone(name)}/temp", round(celsius * 1000))

    def add_clock(self, hertz: int = 612_000_000) -> None:
        """Create the GPU's frequency node, which appears some time after boot."""
        self.write(f"sys/devices/platform/{self.kind.gpu}/of_node/name", "gpu")
        node = f"sys/devices/platform/{self.kind.gpu}/devfreq/{self.kind.gpu}"
        for name, value in (("cur", hertz), ("min", 306_000_000), ("max", 1_020_000_000)):
            self.write(f"{node}/{name}_freq", value)
        (self.root / node / "device").symlink_to("../..")
        link = self.root / "sys/class/devfreq" / self.kind.gpu
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(self.root / node)


def make_board(root: Path, kind: Kind, *, clock: bool = True, pipes: bool = True) -> Board:
    """Build the tree of ``kind`` below ``root``.

    Without ``clock``, the GPU's frequency node is missing; without ``pipes``, the zones that are
    powered down are missing.
    """
    board = Board(root, kind)
    _thermal(board, pipes)
    for number, rails in enumerate(kind.rails):
        _power_monitor(board, number, rails)
    _cooling(board)
    board.write(f"sys/devices/platform/{kind.gpu}/load", 735)
    if clock:
        board.add_clock()
    for core in range(6):
        board.write(f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", 1190400 + core)
    board.write("proc/stat", "cpu  1000 0 500 8000 300 0 200 0 0 0\ncpu0 1 2 3 4")
    board.write("proc/device-tree/model", kind.model + "\0")
    board.write("etc/nv_tegra_release", kind.release)
    board.write(
        "proc/meminfo",
        f"MemTotal:       {kind.memory_kb} kB\nMemFree:         1024000 kB\n"
        "MemAvailable:    4096000 kB\nBuffers:           81920 kB\nCached:          2048000 kB\n"
        "SReclaimable:      64000 kB\nSwapCached:            0 kB\nSwapTotal:       3901072 kB\n"
        "SwapFree:        3645072 kB\nNvMapMemFree:      28672 kB\nNvMapMemUsed:     524288 kB\n"
        "HugePages_Total:       0",
    )
    modes = "".join(
        f"< POWER_MODEL ID={number} NAME={name} >\nCPU_ONLINE CORE_0 1\n"
        for number, name in enumerate(kind.modes)
    )
    board.write("etc/nvpmodel.conf", f"# comment\n{modes}< PM_CONFIG DEFAULT=0 >")
    board.write("var/lib/nvpmodel/status", f"pmode:{kind.mode:04d}\nfmode:fanNull")
    return board


def _thermal(board: Board, pipes: bool) -> None:
    kind = board.kind
    for number, name in enumerate(kind.zones):
        if name in kind.powered_down and not pipes:
            continue
        written = name if kind.zone == "{}-thermal" or name == "tj" else name.upper()
        board.write(f"{board.zone(name)}/type", kind.zone.format(written))
        if name in kind.powered_down:
            board.power_down(f"{board.zone(name)}/temp")
        else:
            board.temperature(name, 45 + number + 0.5)
        trips = ((99000, "passive"), (104500, "critical"), (70000, "active"), (99000, "passive"))
        for trip, (at, kind_of_trip) in enumerate(trips):
            board.write(f"{board.zone(name)}/trip_point_{trip}_type", kind_of_trip)
            board.write(f"{board.zone(name)}/trip_point_{trip}_temp", at)
    for number, (kind_, state) in enumerate(
        (("pwm-fan", 3), ("cpufreq-cpu0", 0), ("gpu-throttle-alert", 0), ("hot-surface-alert", 1))
    ):
        folder = f"sys/devices/virtual/thermal/cooling_device{number}"
        board.write(f"{folder}/type", kind_)
        board.write(f"{folder}/cur_state", state)


def _power_monitor(board: Board, number: int, rails: tuple[tuple[str, int, int], ...]) -> None:
    device = f"sys/bus/i2c/devices/1-004{number}"
    board.write(f"{device}/name", "ina3221")
    hwmon = f"{device}/hwmon/hwmon{number + 1}"
    for channel, (label, volts, amperes) in enumerate(rails, start=1):
        board.write(f"{hwmon}/in{channel}_label", label)
        board.write(f"{hwmon}/in{channel}_input", volts)
        board.write(f"{hwmon}/curr{channel}_input", amperes)
    board.write(f"{hwmon}/in7_label", "sum of shunt voltages")
    board.write(f"{hwmon}/in7_input", 12)
    driver = board.root / "sys/bus/i2c/drivers/ina3221"
    driver.mkdir(parents=True, exist_ok=True)
    (driver / f"1-004{number}").symlink_to(board.root / device)
    (driver / "module").mkdir(exist_ok=True)


def _cooling(board: Board) -> None:
    monitors = {
        10: {"name": "soctherm_oc", "oc1_event_cnt": 4, "oc2_event_cnt": 0, "oc3_event_cnt": 7},
        11: {"name": "pwmfan", "pwm1": 102},
        12: {"name": "pwm_tach", "rpm": 2100},
        13: {"name": "nvme", "temp1_label": "Composite", "temp1_input": 38850,
             "temp1_crit": 84850, "temp1_max": 81850},
    }  # fmt: skip
    for number, files in monitors.items():
        for name, value in files.items():
            board.write(f"sys/class/hwmon/hwmon{number}/{name}", value)
