"""Reduces the resource usage of the next attempt after running out of memory, step by step.

Finished chunks stay valid through the first two steps; the third divides the lecture differently.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

from appliance.config import Config
from appliance.errors import Fault
from appliance.jobs.options import with_options

SHORT_CHUNK_S = 5.0

_MARKS = (  # messages of ONNX Runtime, CUDA, OpenCV and NumPy
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
_X264_GAVE_UP = "generic error in an external library"


def relieved(config: Config, relief: int) -> Config:
    """Return ``config`` for an attempt at degrade level ``relief``.

    Level 1 uses the smallest batch, level 2 the CPU instead of the GPU, and level 3 short chunks
    and one encoder thread. Each level includes the previous ones.
    """
    options: dict[str, dict[str, Any]] = {}
    if relief >= 1:
        options["render"] = {"batch": 1, "queue_frames": 1}
    if relief >= 2:
        options["lips"] = {"providers": ["cpu"]}
    if relief >= 3:
        options["render"]["chunk_s"] = min(SHORT_CHUNK_S, config.render.chunk_s)
        options["video"] = {"threads": 1}
    return with_options(config, options) if options else config


def is_shortage(error: BaseException) -> bool:
    """Return whether ``error``, or an exception that caused it, means that memory ran out."""
    return _x264_gave_up(error) or any(_says_so(cause) for cause in _causes(error))


def _x264_gave_up(error: BaseException) -> bool:
    if not isinstance(error, Fault) or error.code != "encoder_failed":
        return False
    return _X264_GAVE_UP in str(error).lower()


def _says_so(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(mark in text for mark in _MARKS)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
