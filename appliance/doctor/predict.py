"""What each Orin module should do, by a roofline; nothing here was measured on one.

A frame passes stages that work side by side, so the slowest resource sets the pace:

- **processor**: the CPU time of a frame on x86-64, divided by the cores in use and by how much
  slower a Cortex-A78AE core is at its clock;
- **graphics**: the larger of arithmetic (``2 · MAC / (efficiency · peak)``) and traffic
  (``activations · 2 bytes · 2 / (efficiency · bandwidth)``), plus the launches of a batch;
- **thread**: the part of our own work that one thread does alone;
- **encoder**: x264 is part of the processor's time, the hardware's is not.

``lectern doctor --report`` measures the same stages on a board; :func:`compare` sets them side by
side. Clocks of the power modes are from NVIDIA's module data sheets as remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from appliance.doctor.renderer_cost import SHIPPED, RendererCost
from appliance.doctor.stages import Stages
from appliance.doctor.trial import Trial
from appliance.render.plan import Network, make_plan
from appliance.telemetry.reading import Reading

# CPU milliseconds a frame on one core of an Intel Xeon (AVX-512, 2.3 GHz), threads 1, of pictures
# with a camera's grain (tests.benchmarks.clips). "rest" is the sum of tests.benchmarks.stages that
# are neither codec nor network, in a presenter's first lecture: mesh, look, painting, copy, pose
# (7.8 and 13.0; the mean is taken, as the face's size matters and not the picture's).
_REST_MS = 10.4
CPU_MS = {
    (1280, 720): {"encode": 18.0, "decode": 4.5, "rest": _REST_MS},
    (1920, 1080): {"encode": 44.3, "decode": 11.6, "rest": _REST_MS},
}
_CPU_MACS_A_MS = 35e6  # of the renderer in fp32, in batches of eight: 1.5 ms for 52.5 million
_XEON_GHZ = 2.3
# An A78AE core at the same clock does this share of that core's work: about as much in plain code,
# half in SIMD (128-bit NEON against wide vectors).
_A78_SHARE = 0.65
_CORE_SHARE = 0.85  # of the cores that a pipeline of unequal stages keeps busy
_THREAD_SHARE = 0.6  # of what is neither codec nor network, done by the busiest of our threads

_FLOPS_A_CLOCK = 2048  # dense FP16 of an Ampere SM's tensor cores
_PEAK_SHARE = 0.10  # of it that a network this small reaches
_BANDWIDTH_SHARE = 0.60
_LAUNCH_MS = 0.008
_BATCH = 8

_SYSTEM_MB = 1500  # JetPack without a desktop session
_FILES_MB = 2.7  # of lectern-lite's networks
_MARGIN = 2.0  # a prediction holds when the measurement is within this factor


@dataclass(frozen=True)
class Mode:
    """A power mode: active cores, their GHz, the GPU's GHz, memory GB/s."""

    name: str
    cores: int
    cpu_ghz: float
    gpu_ghz: float
    gb_s: float


@dataclass(frozen=True)
class Module:
    """A module: ``key`` is found in the device tree's model, ``mb`` its memory, ``sms`` its GPU."""

    name: str
    key: str
    mb: int
    sms: int
    nvenc: bool
    modes: tuple[Mode, ...]


MODULES = (
    Module("Orin Nano 4GB", "Orin Nano", 4096, 4, False, (
        Mode("10W", 4, 1.5, 0.625, 34), Mode("25W", 6, 1.5, 0.918, 51),
        Mode("MAXN_SUPER", 6, 1.7, 1.02, 51),
    )),
    Module("Orin Nano 8GB", "Orin Nano", 8192, 8, False, (
        Mode("15W", 6, 1.5, 0.625, 68), Mode("25W", 6, 1.34, 0.918, 102),
        Mode("MAXN_SUPER", 6, 1.7, 1.02, 102),
    )),
    Module("Orin NX 8GB", "Orin NX", 8192, 8, True, (
        Mode("15W", 4, 1.42, 0.612, 102), Mode("20W", 6, 1.5, 0.612, 102),
        Mode("MAXN", 6, 2.0, 0.765, 102),
    )),
    Module("Orin NX 16GB", "Orin NX", 16384, 8, True, (
        Mode("15W", 4, 1.42, 0.612, 102), Mode("25W", 8, 1.5, 0.408, 102),
        Mode("MAXN", 8, 2.0, 0.918, 102),
    )),
    Module("AGX Orin 64GB", "AGX Orin", 65536, 16, True, (
        Mode("15W", 4, 1.11, 0.42, 137), Mode("30W", 8, 1.73, 0.624, 205),
        Mode("MAXN", 12, 2.2, 1.3, 205),
    )),
)  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """Of one module in one mode at one size; times are ms a frame, memory is MiB in
    steps of 50."""

    module: str
    mode: str
    width: int
    height: int
    network_ms: float
    processor_ms: float
    fps: int
    memory_mb: int
    limit: str


def network_ms(module: Module, mode: Mode, cost: RendererCost = SHIPPED) -> float:
    """The renderer in FP16 on the GPU, a frame of a batch of eight."""
    peak = module.sms * _FLOPS_A_CLOCK * mode.gpu_ghz * 1e9
    arithmetic = 2 * cost.macs / (_PEAK_SHARE * peak)
    traffic = cost.activations * 2 * 2 / (_BANDWIDTH_SHARE * mode.gb_s * 1e9)
    return 1000 * max(arithmetic, traffic) + _LAUNCH_MS * cost.kernels / _BATCH


def network_cpu_ms(cost: RendererCost = SHIPPED) -> float:
    """The renderer in fp32 on the core of :data:`CPU_MS`, a frame."""
    return cost.macs / _CPU_MACS_A_MS


def slower(mode: Mode) -> float:
    """How many times longer a core of this module takes than the one in :data:`CPU_MS`."""
    return _XEON_GHZ / (mode.cpu_ghz * _A78_SHARE)


def predict(
    module: Module,
    mode: Mode,
    width: int,
    height: int,
    *,
    gpu: bool = True,
    cost: RendererCost = SHIPPED,
) -> Prediction:
    """Pace and memory at ``width`` × ``height`` (a key of :data:`CPU_MS`).

    Without ``gpu`` the network runs on the processor, as it does when no provider passes.
    """
    costs = CPU_MS[width, height]
    own = costs["rest"] + (0 if gpu else network_cpu_ms(cost))
    work = own + costs["decode"] + (0 if module.nvenc and gpu else costs["encode"])
    processor = work * slower(mode) / (mode.cores * _CORE_SHARE)
    thread = _THREAD_SHARE * own * slower(mode)
    graphics = network_ms(module, mode, cost) if gpu else 0.0
    limits = {"processor": processor, "thread": thread, "graphics": graphics}
    plan = make_plan(
        width=width, height=height, fps=Fraction(25), duration_s=3600, chunk_s=20,
        queue_frames=4, budget_mb=module.mb, threads=mode.cores,
        network=Network(_FILES_MB, 2.0, "tensorrt" if gpu else "cpu"),
    )  # fmt: skip
    return Prediction(
        module.name,
        mode.name,
        width,
        height,
        round(network_ms(module, mode, cost), 2),
        round(processor, 1),
        round(1000 / max(limits.values())),
        round((_SYSTEM_MB + plan.estimated_mb) / 50) * 50,
        max(limits, key=limits.__getitem__),
    )


def find_module(model: str | None, reading: Reading) -> tuple[Module, Mode | None] | None:
    """The module that the device tree and the memory tell of, and its mode, if that is one of
    :data:`MODULES`: another mode's clocks would refute nothing."""
    fitting = [module for module in MODULES if module.key in (model or "")]
    if not fitting:
        return None
    module = min(fitting, key=lambda m: abs(m.mb - reading.memory_total_mb))
    return module, next((m for m in module.modes if m.name == reading.power_mode), None)


def compare(
    model: str | None,
    reading: Reading,
    stages: Stages,
    networks: Sequence[dict[str, Any]],
    trial: Trial | None = None,
) -> dict[str, Any]:
    """Predicted beside measured, for the doctor's report; empty on a machine not predicted, and
    only the modes that are where the board is in none of them.

    Each entry says what was predicted, what was measured and whether it ``holds`` (within a factor
    of two). A ``trial`` is compared where its size is one of :data:`CPU_MS`.
    """
    found = find_module(model, reading)
    if found is None:
        return {}
    module, mode = found
    if mode is None:
        return {"module": module.name, "mode": None, "modes": [each.name for each in module.modes]}
    costs = CPU_MS[1920, 1080]
    measured: dict[str, tuple[float, float]] = {
        stage: (costs[stage] * slower(mode), stages[stage]["cpu_ms"])
        for stage in ("encode", "decode")
        if stage in stages
    }
    for verdict in networks:
        if verdict["precision"] == "fp16" and verdict["provider"] == "tensorrt" and verdict["ms"]:
            measured["network"] = (network_ms(module, mode), float(verdict["ms"]))
    rendering = {}
    if trial is not None and (trial.width, trial.height) in CPU_MS:
        said = predict(module, mode, trial.width, trial.height, gpu=trial.provider != "cpu")
        rendering = {
            "frames_a_second": _beside(said.fps, trial.fps),
            "memory_mb": _beside(said.memory_mb, trial.used_mb),
        }
    return {
        "module": module.name,
        "mode": mode.name,
        "stages_ms": {name: _beside(*values) for name, values in measured.items()},
        "rendering": rendering,
    }


def _beside(said: float, seen: float) -> dict[str, Any]:
    return {
        "predicted": round(said, 3),
        "measured": round(seen, 3),
        "holds": bool(seen and 1 / _MARGIN <= said / seen <= _MARGIN),
    }
