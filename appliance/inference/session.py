"""Open a network on TensorRT, CUDA or the CPU, with options that suit a small device."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import onnxruntime as ort

from appliance.inference.golden import MAX_BATCH
from appliance.telemetry.board import l4t_version

PROVIDER_NAMES = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_SEVERITY_ERROR = 3  # ONNX Runtime's log level for errors: its warnings are not useful to users
_TENSORRT_LIBRARY = re.compile(r"libnvinfer\.so\.(\d+\.\d+\.\d+)$")
_LIBRARY_FOLDERS = ("usr/lib/aarch64-linux-gnu", "usr/lib/x86_64-linux-gnu")


class Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used here."""

    def get_inputs(self) -> list[Any]: ...
    def get_outputs(self) -> list[Any]: ...
    def run(self, outputs: list[str] | None, inputs: Mapping[str, Any]) -> list[Any]: ...


@dataclass(frozen=True)
class SessionSettings:
    """How to open a network.

    ``threads`` is the number of CPU threads. ``memory_mb`` is the GPU memory that it may use, in
    MiB. ``cache`` is the folder of the engines that TensorRT builds (``None``: they are built each
    time); their names begin with ``prefix``. ``precision`` is that of the file.
    """

    threads: int = 1
    memory_mb: int = 512
    cache: Path | None = None
    prefix: str = "network"
    precision: str = "fp32"


@dataclass(frozen=True)
class RuntimeVersions:
    """The software versions for which a TensorRT engine is valid."""

    l4t: str = ""
    tensorrt: str = ""
    onnxruntime: str = field(default_factory=lambda: str(ort.__version__))

    @classmethod
    def find(cls, root: Path = Path("/")) -> RuntimeVersions:
        """Return the versions of this device, read below ``root``."""
        return cls(l4t_version(root) or "", tensorrt_version(root))

    def __str__(self) -> str:
        parts = ("l4t", self.l4t), ("trt", self.tensorrt), ("ort", self.onnxruntime)
        return "-".join(f"{name}{value}" for name, value in parts if value)


def tensorrt_version(root: Path = Path("/")) -> str:
    """Return the installed version of TensorRT, as in ``10.3.0``; an empty string without it."""
    for folder in _LIBRARY_FOLDERS:
        for path in sorted((root / folder).glob("libnvinfer.so.*"), reverse=True):
            match = _TENSORRT_LIBRARY.search(path.name)
            if match:
                return match[1]
    return ""


def available() -> list[str]:
    """Return our names of the providers that this ONNX Runtime lists.

    A listed provider need not work.
    """
    listed = ort.get_available_providers()
    return [name for name, provider in PROVIDER_NAMES.items() if provider in listed]


def open_session(path: Path, provider: str, settings: SessionSettings) -> Session:
    """Open the ONNX file ``path`` on ``provider`` alone.

    Raises the errors of ONNX Runtime, and ``RuntimeError`` if it silently used another provider.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.log_severity_level = _SEVERITY_ERROR
    # Threads that spin between frames would take processor time from the encoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if provider == "tensorrt" and settings.cache is not None:
        settings.cache.mkdir(parents=True, exist_ok=True)
    # Operators that TensorRT does not support run on CUDA, and those that CUDA does not on the CPU.
    preference = list(PROVIDER_NAMES)[list(PROVIDER_NAMES).index(provider) :]
    usable = [name for name in preference if PROVIDER_NAMES[name] in ort.get_available_providers()]
    chosen = [(PROVIDER_NAMES[name], provider_options(name, path, settings)) for name in usable]
    session = ort.InferenceSession(str(path), options, providers=chosen)
    session.disable_fallback()
    if session.get_providers()[:1] != [PROVIDER_NAMES[provider]]:
        raise RuntimeError("ONNX Runtime could not start it")
    opened: Session = session
    return opened


def provider_options(name: str, path: Path, settings: SessionSettings) -> dict[str, str]:
    """Return ONNX Runtime's options for one provider.

    See ONNX Runtime's references of its TensorRT and CUDA execution providers.
    """
    if name == "cuda":
        return {
            "gpu_mem_limit": str(settings.memory_mb << 20),
            "arena_extend_strategy": "kSameAsRequested",
            "cudnn_conv_algo_search": "HEURISTIC",
        }
    if name != "tensorrt":
        return {}
    options = {
        "trt_fp16_enable": str(int(settings.precision != "fp32")),
        "trt_int8_enable": str(int(settings.precision == "int8")),  # needed for QDQ models, too
        "trt_max_workspace_size": str(max(settings.memory_mb // 2, 64) << 20),
        **_shape_profile(path),
    }
    if settings.cache is not None:
        options |= {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(settings.cache),
            "trt_engine_cache_prefix": settings.prefix,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(settings.cache),
        }
    return options


def _shape_profile(path: Path) -> dict[str, str]:
    """Return the shape profile of one engine for batches of 1 to 8.

    It is empty if another axis than the batch is variable.
    """
    session = ort.InferenceSession(str(path), providers=[PROVIDER_NAMES["cpu"]])
    entries = [(i.name, i.shape) for i in session.get_inputs()]
    if any(not isinstance(size, int) for _, shape in entries for size in shape[1:]):
        return {}

    def shapes_for(rows: int) -> str:
        return ",".join(
            f"{name}:" + "x".join(str(s) if isinstance(s, int) else str(rows) for s in shape)
            for name, shape in entries
        )

    return {
        "trt_profile_min_shapes": shapes_for(1),
        "trt_profile_opt_shapes": shapes_for(MAX_BATCH),
        "trt_profile_max_shapes": shapes_for(MAX_BATCH),
    }


def remove_stale_engines(folder: Path, versions: RuntimeVersions) -> None:
    """Remove the engines that were built for other software versions."""
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.is_dir() and entry.name != str(versions):
                shutil.rmtree(entry, ignore_errors=True)
