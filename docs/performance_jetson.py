"""Writes performance-jetson.md from the model in ``appliance/doctor/predict.py``.

.venv/bin/python docs/performance_jetson.py
"""

from __future__ import annotations

from pathlib import Path

from appliance.doctor.predict import (
    CPU_MS,
    MODULES,
    RENDERER_ACTIVATIONS,
    RENDERER_KERNELS,
    RENDERER_MAC,
    Mode,
    Module,
    network_ms,
    predict,
    slower,
)

TARGET = Path(__file__).with_name("performance-jetson.md")

_HEAD = """\
# What to expect of a Jetson Orin

**Everything on this page is predicted. Nobody has measured Lectern on a Jetson yet.** The page is
written by `docs/performance_jetson.py` from the model in `appliance/doctor/predict.py`, so that a
board can confirm or refute it:

```sh
lectern doctor --report report.json
```

writes the same stages as measured there, beside the prediction, with `holds` true where the two are
within a factor of two. The file names no people, no lectures and no addresses.
"""

_MODEL = """\
## The model

A frame passes stages that work side by side, so the slowest of these sets the pace:

| Resource | Milliseconds a frame |
|---|---|
| processor | CPU time on x86-64 × slowness of a core ÷ (0.85 × cores) |
| thread | 0.6 × the time that is neither codec nor network, × slowness of a core |
| graphics | the larger of 2 · MAC ÷ 10 % of peak FP16 and 4 · activations ÷ 60 % of bandwidth, \
plus launches ÷ 8 |

- A core of the Cortex-A78AE does 0.65 of the work of an Intel Xeon core (AVX-512) at the same
  clock: assumed, between plain code (about 1) and wide SIMD (about 0.5).
- The renderer of lectern-lite 0.2: {mac:.1f} million multiply-accumulates a frame
  (`export_tools.cost`) and {activations:.2f} million activations, in about {kernels} kernels of
  8 µs launch each, shared by a batch of eight. Peak FP16 is 2048 operations a clock and SM.
- On the Nano, which has no hardware encoder, x264 (`veryfast`) is part of the processor's time; on
  NX and AGX the hardware encodes, if it passes its trial.
- AGX Orin has a mode of 30 W instead of 25 W.
- Memory: the plan's own estimate (`lectern plan`), 1500 MB for the system without a desktop, and
  900 MB for CUDA and TensorRT, which share the memory with everything else.

CPU milliseconds a frame that went in, measured on one core of an x86-64 at 2.3 GHz, threads 1,
FP32 on the processor, pictures with a camera's grain (which makes x264 work hard); "the rest" is
the mean of both sizes (13.0 and 9.0), as it does not depend on the size:

| Picture | all | x264 veryfast | decoder | network | the rest |
|---|---|---|---|---|---|
{costs}

Clocks, cores and bandwidth of the power modes, as remembered from NVIDIA's data sheets:

| Module | Mode | Cores | CPU GHz | GPU GHz | GB/s | a core is slower by |
|---|---|---|---|---|---|---|
{modes}
"""

_TAIL = """\
## What would refute it

- `stages.network` off by more than two: the share of peak (10 %) is wrong for this network, or
  TensorRT split it; the report's `networks` say which precision and provider ran, and `batch`.
- `stages.encode` or `stages.decode` off by more than two: 0.65 is wrong for SIMD code, or the mode
  has fewer cores or lower clocks than the table says; `reading.cpu_mhz` and `power_mode` tell.
- All stages off by the same factor while `reading.throttled` is true: the box is too warm or its
  power supply too weak, and the prediction does not apply.
"""


def main() -> None:
    TARGET.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    costs = "\n".join(
        f"| {w} × {h} | {c['total']} | {c['encode']} | {c['decode']} | {c['network']}"
        f" | {c['total'] - c['encode'] - c['decode'] - c['network']:.1f} |"
        for (w, h), c in CPU_MS.items()
    )
    modes = "\n".join(
        f"| {m.name} | {o.name} | {o.cores} | {o.cpu_ghz} | {o.gpu_ghz} | {o.gb_s:g}"
        f" | {slower(o):.1f} |"
        for m in MODULES
        for o in m.modes
    )
    model = _MODEL.format(
        mac=RENDERER_MAC / 1e6,
        activations=RENDERER_ACTIVATIONS / 1e6,
        kernels=RENDERER_KERNELS,
        costs=costs,
        modes=modes,
    )
    return "\n".join([_HEAD, *(_table(w, h) for w, h in CPU_MS), model, _TAIL])


def _table(width: int, height: int) -> str:
    rows = "\n".join(
        _row(module, mode, width, height) for module in MODULES for mode in module.modes
    )
    return (
        f"## {width} × {height}\n\n"
        "| Module | Mode | network FP16, ms | frames a second | limited by |"
        " without GPU, frames a second | memory, MB |\n|---|---|---|---|---|---|---|\n"
        + rows
        + "\n"
    )


def _row(module: Module, mode: Mode, width: int, height: int) -> str:
    with_gpu = predict(module, mode, width, height)
    without = predict(module, mode, width, height, gpu=False)
    fits = "" if with_gpu.memory_mb <= module.mb * 0.9 else " (tight)"
    return (
        f"| {module.name} | {mode.name} | {network_ms(module, mode):.2f} | {with_gpu.fps}"
        f" | {with_gpu.limit} | {without.fps} | {with_gpu.memory_mb}{fits} |"
    )


if __name__ == "__main__":
    main()
