"""Reduces the resource usage of the next attempt after running out of memory, step by step.

Finished chunks stay valid through the first two steps; the third divides the lecture differently.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

from appliance.config import Config, apply_overrides
from appliance.errors import Fault

DEGRADED_CHUNK_S = 5.0

_MEMORY_ERROR_TEXTS = (  # messages of ONNX Runtime, CUDA, OpenCV and NumPy
    "out of memory",
    "bad allocation",
    "bad_alloc",
    "failed to allocate",
    "unable to allocate",
    "insufficient memory",
    "alloc_failed",
    "cannot allocate memory",
)

# libav's only message when x264 fails; x264 prints the reason, a failed malloc, to the terminal.
# Sizes and settings that x264 would reject are rejected earlier.
_X264_FAILED = "generic error in an external library"


def degraded_config(config: Config, degrade_level: int) -> Config:
    """Return ``config`` for an attempt at degrade level ``degrade_level``.

    Level 1 uses the smallest batch, level 2 the CPU instead of the GPU, and level 3 short chunks
    and one encoder thread. Each level includes the previous ones.
    """
    options: dict[str, dict[str, Any]] = {}
    if degrade_level >= 1:
        options["render"] = {"batch_size": 1, "queue_frames": 1}
    if degrade_level >= 2:
        options["lips"] = {"providers": ["cpu"]}
    if degrade_level >= 3:
        options["render"]["chunk_s"] = min(DEGRADED_CHUNK_S, config.render.chunk_s)
        options["video"] = {"threads": 1}
    return apply_overrides(config, options) if options else config


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error``, or an exception that caused it, means that memory ran out."""
    return _is_x264_failure(error) or any(
        _mentions_memory(cause) for cause in _exception_chain(error)
    )


def _is_x264_failure(error: BaseException) -> bool:
    if not isinstance(error, Fault) or error.code != "encoder_failed":
        return False
    return _X264_FAILED in str(error).lower()


def _mentions_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(mark in text for mark in _MEMORY_ERROR_TEXTS)


def _exception_chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
