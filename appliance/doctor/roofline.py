"""Predict the speed and memory of each Orin module by a roofline model.

Nothing here was measured on such a module. The stages of a frame run in parallel, so the slowest
resource limits the speed:

- **processor**: the CPU time of a frame on x86-64, multiplied by the slowdown of a Cortex-A78AE
  core at its clock and divided by the cores in use;
- **graphics**: the larger of arithmetic (``2 · MAC / (efficiency · peak)``) and traffic
  (``activations · 2 bytes · 2 / (efficiency · bandwidth)``), plus the kernel launches of a batch;
- **thread**: the part of Lectern's own work that is done by the busiest thread;
- **encoder**: x264 counts as processor time, the hardware encoder does not.

``lectern doctor --report`` measures the same stages on a board; :func:`compare_prediction` compares
them with the prediction. The clocks of the power modes are from NVIDIA's module data sheets, quoted
from memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from appliance.doctor.stage_benchmark import Stages
from appliance.media.picture import VideoFormat
from appliance.render.plan import NetworkFootprint, make_plan
from appliance.telemetry.reading import Reading


class RendererCost(NamedTuple):
    """Cost of a renderer per frame (see ``export_tools.flops``).

    ``macs`` are multiply-accumulates, ``kernels`` the operations that a GPU launches separately,
    ``activations`` the values that these write.
    """

    model: str
    macs: int
    kernels: int
    activations: int


SHIPPED = RendererCost("lectern-lite 0.3", 52494336, 19, 336384)

# CPU ms per frame on one core of an Intel Xeon (AVX-512, 2.3 GHz), one thread, for frames with
# camera noise (tests.benchmarks.clips). "rest" is the sum of the tests.benchmarks.stages that are
# neither codec nor network, in the first lecture of a presenter: mesh, prepare, composite, copy,
# pose (7.8 and 13.0; their mean is used, because the cost depends on the size of the face, not of
# the frame).
_REST_MS = 10.4
CPU_MS = {
    (1280, 720): {"encode": 18.0, "decode": 4.5, "rest": _REST_MS},
    (1920, 1080): {"encode": 44.3, "decode": 11.6, "rest": _REST_MS},
}
_CPU_MACS_PER_MS = 35e6  # renderer in fp32, batches of eight: 1.5 ms for 52.5 million MACs
_XEON_GHZ = 2.3
# Speed of an A78AE core relative to the Xeon core at the same clock: about equal in scalar code,
# half in SIMD code (128-bit NEON instead of wide vectors).
_A78_RELATIVE_SPEED = 0.65
_CORE_UTILIZATION = 0.85  # share of the cores that a pipeline of unequal stages keeps busy
_BUSIEST_THREAD_SHARE = 0.6  # share of the "rest" that the busiest thread does

_FLOPS_PER_CLOCK = 2048  # dense FP16 operations per clock of the tensor cores of an Ampere SM
_PEAK_UTILIZATION = 0.10  # share of the peak that a network this small reaches
_BANDWIDTH_UTILIZATION = 0.60  # share of the memory bandwidth that it reaches
_LAUNCH_MS = 0.008
_BATCH = 8

_OS_MEMORY_MB = 1500  # JetPack without a desktop session
_MODEL_FILES_MB = 2.7  # size of lectern-lite's network files
_TOLERANCE_FACTOR = 2.0  # a prediction holds when the measurement is within this factor


@dataclass(frozen=True)
class PowerModeSpec:
    """A power mode: active cores, CPU and GPU clock in GHz, memory bandwidth in GB/s."""

    name: str
    cores: int
    cpu_ghz: float
    gpu_ghz: float
    bandwidth_gb_s: float


@dataclass(frozen=True)
class OrinModule:
    """An Orin module.

    ``key`` is part of the device tree's model string, ``memory_mb`` is the memory in MiB, ``sms``
    the number of streaming multiprocessors of the GPU.
    """

    name: str
    key: str
    memory_mb: int
    sms: int
    nvenc: bool
    modes: tuple[PowerModeSpec, ...]


MODULES = (
    OrinModule("Orin Nano 4GB", "Orin Nano", 4096, 4, False, (
        PowerModeSpec("10W", 4, 1.5, 0.625, 34), PowerModeSpec("25W", 6, 1.5, 0.918, 51),
        PowerModeSpec("MAXN_SUPER", 6, 1.7, 1.02, 51),
    )),
    OrinModule("Orin Nano 8GB", "Orin Nano", 8192, 8, False, (
        PowerModeSpec("15W", 6, 1.5, 0.625, 68), PowerModeSpec("25W", 6, 1.34, 0.918, 102),
        PowerModeSpec("MAXN_SUPER", 6, 1.7, 1.02, 102),
    )),
    OrinModule("Orin NX 8GB", "Orin NX", 8192, 8, True, (
        PowerModeSpec("15W", 4, 1.42, 0.612, 102), PowerModeSpec("20W", 6, 1.5, 0.612, 102),
        PowerModeSpec("MAXN", 6, 2.0, 0.765, 102),
    )),
    OrinModule("Orin NX 16GB", "Orin NX", 16384, 8, True, (
        PowerModeSpec("15W", 4, 1.42, 0.612, 102), PowerModeSpec("25W", 8, 1.5, 0.408, 102),
        PowerModeSpec("MAXN", 8, 2.0, 0.918, 102),
    )),
    OrinModule("AGX Orin 64GB", "AGX Orin", 65536, 16, True, (
        PowerModeSpec("15W", 4, 1.11, 0.42, 137), PowerModeSpec("30W", 8, 1.73, 0.624, 205),
        PowerModeSpec("MAXN", 12, 2.2, 1.3, 205),
    )),
)  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """The prediction for a module in a power mode at a frame size.

    Times are in ms per frame, memory is in MiB, rounded to 50. ``limit`` names the resource that
    limits the speed: ``processor``, ``thread`` or ``graphics``.
    """

    module: str
    mode: str
    width: int
    height: int
    network_ms: float
    processor_ms: float
    fps: int
    memory_mb: int
    limit: str


def network_ms(module: OrinModule, mode: PowerModeSpec, cost: RendererCost = SHIPPED) -> float:
    """Return the ms per frame of the renderer in FP16 on the GPU, in batches of eight."""
    peak = module.sms * _FLOPS_PER_CLOCK * mode.gpu_ghz * 1e9
    arithmetic = 2 * cost.macs / (_PEAK_UTILIZATION * peak)
    traffic = cost.activations * 2 * 2 / (_BANDWIDTH_UTILIZATION * mode.bandwidth_gb_s * 1e9)
    return 1000 * max(arithmetic, traffic) + _LAUNCH_MS * cost.kernels / _BATCH


def network_cpu_ms(cost: RendererCost = SHIPPED) -> float:
    """Return the ms per frame of the renderer in fp32 on the core of :data:`CPU_MS`."""
    return cost.macs / _CPU_MACS_PER_MS


def slowdown(mode: PowerModeSpec) -> float:
    """Return how many times longer a core takes in ``mode`` than the core of :data:`CPU_MS`."""
    return _XEON_GHZ / (mode.cpu_ghz * _A78_RELATIVE_SPEED)


def predict(
    module: OrinModule,
    mode: PowerModeSpec,
    width: int,
    height: int,
    *,
    gpu: bool = True,
    cost: RendererCost = SHIPPED,
) -> Prediction:
    """Predict speed and memory at ``width`` × ``height``, which must be a key of :data:`CPU_MS`.

    Without ``gpu`` the network runs on the CPU, as it does if no GPU provider passes its self-test.
    """
    costs = CPU_MS[width, height]
    own_ms = costs["rest"] + (0 if gpu else network_cpu_ms(cost))
    work = own_ms + costs["decode"] + (0 if module.nvenc and gpu else costs["encode"])
    processor = work * slowdown(mode) / (mode.cores * _CORE_UTILIZATION)
    thread = _BUSIEST_THREAD_SHARE * own_ms * slowdown(mode)
    graphics = network_ms(module, mode, cost) if gpu else 0.0
    limits = {"processor": processor, "thread": thread, "graphics": graphics}
    plan = make_plan(
        video_format=VideoFormat(width, height, Fraction(25)), duration_s=3600, chunk_s=20,
        queue_frames=4, budget_mb=module.memory_mb, threads=mode.cores,
        network=NetworkFootprint(_MODEL_FILES_MB, 2.0, "tensorrt" if gpu else "cpu"),
    )  # fmt: skip
    return Prediction(
        module.name,
        mode.name,
        width,
        height,
        round(network_ms(module, mode, cost), 2),
        round(processor, 1),
        round(1000 / max(limits.values())),
        round((_OS_MEMORY_MB + plan.estimated_mb) / 50) * 50,
        max(limits, key=limits.__getitem__),
    )


def find_module(
    model: str | None, reading: Reading
) -> tuple[OrinModule, PowerModeSpec | None] | None:
    """Return the module that matches ``model`` (from the device tree) and the memory, and its mode.

    Returns None for an unknown module. The mode is None if it is not one of the module's: a
    prediction for the clocks of another mode could not be compared.
    """
    candidates = [module for module in MODULES if module.key in (model or "")]
    if not candidates:
        return None
    module = min(candidates, key=lambda m: abs(m.memory_mb - reading.memory_total_mb))
    return module, next((m for m in module.modes if m.name == reading.power_mode), None)


def compare_prediction(
    model: str | None,
    reading: Reading,
    stages: Stages,
    networks: Sequence[dict[str, Any]],
    trial: TrialRender | None = None,
) -> dict[str, Any]:
    """Compare prediction and measurement, for the doctor's report.

    Each entry has the predicted and the measured value and whether the prediction ``holds`` (within
    a factor of two). A ``trial`` is compared if its size is a key of :data:`CPU_MS`. The result is
    empty on an unknown module; in an unknown power mode it only lists the known ones.
    """
    found = find_module(model, reading)
    if found is None:
        return {}
    module, mode = found
    if mode is None:
        return {"module": module.name, "mode": None, "modes": [each.name for each in module.modes]}
    costs = CPU_MS[1920, 1080]
    measured: dict[str, tuple[float, float]] = {
        stage: (costs[stage] * slowdown(mode), stages[stage]["cpu_ms"])
        for stage in ("encode", "decode")
        if stage in stages
    }
    for result in networks:
        if result["precision"] == "fp16" and result["provider"] == "tensorrt" and result["ms"]:
            measured["network"] = (network_ms(module, mode), float(result["ms"]))
    rendering = {}
    if trial is not None and (trial.width, trial.height) in CPU_MS:
        prediction = predict(module, mode, trial.width, trial.height, gpu=trial.provider != "cpu")
        rendering = {
            "fps": _compare_values(prediction.fps, trial.fps),
            "memory_mb": _compare_values(prediction.memory_mb, trial.peak_used_mb),
        }
    return {
        "module": module.name,
        "mode": mode.name,
        "stages_ms": {name: _compare_values(*values) for name, values in measured.items()},
        "rendering": rendering,
    }


def _compare_values(predicted: float, measured: float) -> dict[str, Any]:
    return {
        "predicted": round(predicted, 3),
        "measured": round(measured, 3),
        "holds": bool(
            measured and 1 / _TOLERANCE_FACTOR <= predicted / measured <= _TOLERANCE_FACTOR
        ),
    }


@dataclass(frozen=True)
class TrialRender:
    """The measurements of a rendering.

    ``fps`` is the rendering speed in frames per second from the first frame on, ``peak_used_mb``
    the peak memory use of the whole device during the rendering (MiB), ``measurements`` all
    measurements.
    """

    width: int
    height: int
    fps: float
    peak_used_mb: float
    provider: str
    measurements: Mapping[str, Any]
