"""Counts the shipped renderer's cost and writes performance-jetson.md from the model in
``appliance/doctor/predict.py``. It needs the test extra, for onnx.

.venv/bin/python docs/performance_jetson.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from appliance.doctor import renderer_cost
from appliance.doctor.predict import (
    CPU_MS,
    MODULES,
    Mode,
    Module,
    network_cpu_ms,
    network_ms,
    predict,
    slower,
)
from appliance.doctor.renderer_cost import SHIPPED, RendererCost

TARGET = Path(__file__).with_name("performance-jetson.md")
MODEL = Path(__file__).resolve().parents[1] / "models_lite" / "lectern-lite"

_HEAD = """\
# What to expect of a Jetson Orin

**Everything on this page is predicted. Nobody has measured Lectern on a Jetson yet.** The page is
written by `docs/performance_jetson.py` from the model in `appliance/doctor/predict.py`, so that a
board can confirm or refute it:

```sh
sudo lectern doctor --report /tmp/report.json
```

measures the same stages there, renders a short lecture, and writes times, pace and memory beside
the prediction, with `holds` true where the two are within a factor of two. The presenter is the
first of the box's library, so put a video of 1920 × 1080 or 1280 × 720 there, or a photo, which is
rendered at 1920 × 1080. Set one of the power modes below: another's clocks would refute nothing, so
the file then only names them. It names no people, no lectures and no addresses.
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
- The renderer of {model}, counted in its file (`export_tools.cost`): {macs:.1f} million
  multiply-accumulates a frame, {kernels} kernels of 8 µs launch each, shared by a batch of eight,
  which write {activations:.2f} million activations. Peak FP16 is 2048 operations a clock and SM.
- On the Nano, which has no hardware encoder, x264 (`veryfast`) is part of the processor's time; on
  NX and AGX the hardware encodes, if it passes its trial.
- AGX Orin has a mode of 30 W instead of 25 W.
- Memory: the plan's own estimate (`lectern plan`), 1500 MB for the system without a desktop, and
  900 MB for CUDA and TensorRT, which share the memory with everything else.

CPU milliseconds a frame that went in, measured on one core of an x86-64 at 2.3 GHz, threads 1,
FP32 on the processor, pictures with a camera's grain (which makes x264 work hard). The network's
are its multiply-accumulates at 35 million a millisecond, as measured. "The rest" is the sum of our
other stages in a presenter's first lecture (`tests.benchmarks.stages`), the mean of both sizes (7.8
and 13.0, beside other work): the face's size matters for it, not the picture's. From the second
lecture on, the mesh, a third to a half of it, falls away:

| Picture | x264 veryfast | decoder | network | the rest |
|---|---|---|---|---|
{costs}

Clocks, cores and bandwidth of the power modes, as remembered from NVIDIA's data sheets:

| Module | Mode | Cores | CPU GHz | GPU GHz | GB/s | a core is slower by |
|---|---|---|---|---|---|---|
{modes}
"""

_TAIL = """\
## What would refute it

- `stages_ms.network` off by more than two: the share of peak (10 %) is wrong for this network, or
  TensorRT split it; the report's `networks` say which precision and provider ran, and `batch`.
- `stages_ms.encode` or `stages_ms.decode` off by more than two: 0.65 is wrong for SIMD code, or the
  mode has fewer cores or lower clocks than the table says; `reading.cpu_mhz` and `power_mode` tell.
- `rendering.frames_a_second` off by more than two while the stages hold: the stages do not work
  side by side as assumed; `ms_a_frame` of the rendering says which of them the others wait for.
- `rendering.memory_mb` off by more than two: the plan's estimate, the share of CUDA and TensorRT or
  the system's own are wrong; `peak_mb` of the rendering is our process alone.
- All stages off by the same factor while `reading.throttled` is true: the box is too warm or its
  power supply too weak, and the prediction does not apply.
"""


def main() -> None:
    cost = count()
    place = Path(renderer_cost.__file__)
    text = place.read_text(encoding="utf-8")
    values = f'"{cost.model}", {cost.macs}, {cost.kernels}, {cost.activations}'
    text = re.sub(r"(SHIPPED = RendererCost\().*(\))", rf"\g<1>{values}\g<2>", text)
    place.write_text(text, encoding="utf-8")
    TARGET.write_text(page(cost), encoding="utf-8")


def count() -> RendererCost:
    """The shipped renderer's, from its file."""
    from export_tools.cost import measure

    manifest = json.loads((MODEL / "model.json").read_bytes())
    cost = measure(MODEL / manifest["files"]["fp32"]["renderer"]["file"], {"batch": 1})
    name = f"{manifest['name']} {manifest['version'].removesuffix('.0')}"
    return RendererCost(name, cost.macs, cost.kernels, cost.activations)


def page(cost: RendererCost = SHIPPED) -> str:
    """The whole page."""
    costs = "\n".join(
        f"| {w} × {h} | {c['encode']} | {c['decode']} | {network_cpu_ms(cost):.1f} | {c['rest']} |"
        for (w, h), c in CPU_MS.items()
    )
    modes = "\n".join(
        f"| {m.name} | {o.name} | {o.cores} | {o.cpu_ghz} | {o.gpu_ghz} | {o.gb_s:g}"
        f" | {slower(o):.1f} |"
        for m in MODULES
        for o in m.modes
    )
    model = _MODEL.format(
        model=cost.model,
        macs=cost.macs / 1e6,
        activations=cost.activations / 1e6,
        kernels=cost.kernels,
        costs=costs,
        modes=modes,
    )
    return "\n".join([_HEAD, *(_table(w, h, cost) for w, h in CPU_MS), model, _TAIL])


def _table(width: int, height: int, cost: RendererCost) -> str:
    rows = "\n".join(
        _row(module, mode, width, height, cost) for module in MODULES for mode in module.modes
    )
    return (
        f"## {width} × {height}\n\n"
        "| Module | Mode | network FP16, ms | frames a second | limited by |"
        " without GPU, frames a second | memory, MB |\n|---|---|---|---|---|---|---|\n"
        + rows
        + "\n"
    )


def _row(module: Module, mode: Mode, width: int, height: int, cost: RendererCost) -> str:
    with_gpu = predict(module, mode, width, height, cost=cost)
    without = predict(module, mode, width, height, gpu=False, cost=cost)
    fits = "" if with_gpu.memory_mb <= module.mb * 0.9 else " (tight)"
    return (
        f"| {module.name} | {mode.name} | {network_ms(module, mode, cost):.2f} | {with_gpu.fps}"
        f" | {with_gpu.limit} | {without.fps} | {with_gpu.memory_mb}{fits} |"
    )


if __name__ == "__main__":
    main()
