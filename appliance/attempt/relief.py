"""What the next attempt does with less after memory ran out: step by step, until it fits.

Finished chunks stay good through the first two steps; the third cuts the lecture anew.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

from appliance.config import Config
from appliance.errors import Fault
from appliance.jobs.options import with_options

SHORT_CHUNK_S = 5.0

_MARKS = (  # how ONNX Runtime, CUDA, OpenCV and NumPy say it
    "out of memory",
    "bad allocation",
    "bad_alloc",
    "failed to allocate",
    "unable to allocate",
    "insufficient memory",
    "alloc_failed",
    "cannot allocate memory",
)

# All that libav says when x264 gives up, which tells its reason, a malloc that failed, to the
# terminal alone. Sizes and settings that it would refuse do not come as far as this.
_X264_GAVE_UP = "generic error in an external library"


def relieved(config: Config, relief: int) -> Config:
    """``config`` after ``relief`` shortages: the smallest batch, then the processor instead of the
    graphics unit, then short chunks and one encoder thread. Later steps keep the earlier ones."""
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
    """Whether ``error``, or what it was raised from, says that memory ran out."""
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
