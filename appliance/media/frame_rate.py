"""Derive one constant frame rate and a number of frames from the frame times of a video."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_USUAL_RATES = tuple(
    Fraction(rate)
    for rate in (
        "24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60",
        "15", "12", "10", "25/2", "20",
    )
)  # fmt: skip

_SNAP_TOLERANCE = 0.0005
"""Largest relative difference between an average and the usual rate that it is rounded to; 29.97
and 30 are twice as far apart."""

_PAL = Fraction(25)
_MIN_FPS = Fraction(24000, 1001)
"""The slowest rate at which lips are shown; a syllable takes a sixth of a second."""

_GAP_STEPS = 1.5
"""Distance of two frames above which there is a gap between them, in steps of the declared rate."""

_MAX_GAPS = 5
"""Up to this many gaps, or 1 % of the frames, are treated as dropped frames; more are treated as a
variable frame rate."""

_MAX_DENOMINATOR = 1001
_MAX_LAST_FRAME_S = Fraction(10)
"""Longest accepted duration of the last frame; a longer one is a mistake of the recorder."""


def constant_rate(
    pts: NDArray[np.int64],
    last_duration: int,
    time_base: Fraction,
    declared: Fraction | None,
    max_fps: int,
) -> tuple[Fraction, int]:
    """Return ``(fps, frames)`` for frames shown at ``pts`` (rising, in units of ``time_base`` s).

    ``fps`` is the average rate, limited to 1..``max_fps``. A rate below 24 is multiplied, because
    lips need more frames than a slow presenter has. Where rounding of the times explains the
    difference, it is the ``declared`` rate instead, or else the nearest usual rate. ``frames``
    cover the time from the start of the first frame to the end of the last. ``last_duration`` is in
    units of ``time_base``; 0 means unknown. Raises ``ValueError`` if ``pts`` is empty.
    """
    if not len(pts):
        raise ValueError("no frames")
    span = int(pts[-1] - pts[0]) * time_base
    if not span:
        usable = declared is not None and 1 <= declared <= max_fps
        return (declared if usable and declared else Fraction(25)), 1
    average = (len(pts) - 1) / span
    # Times are rounded to the time base, which shifts the average of a short clip.
    tolerance = max(_SNAP_TOLERANCE, float(time_base / span))
    rate_ignoring_gaps = _rate_ignoring_gaps(pts, time_base, declared) or average
    near = [r for r in _USUAL_RATES if abs(r / average - 1) <= tolerance]
    if declared and any(
        abs(declared / rate - 1) <= tolerance for rate in (average, rate_ignoring_gaps)
    ):
        rate = declared
    elif near:
        rate = min(near, key=lambda r: abs(r - average))
    else:
        rate = average.limit_denominator(_MAX_DENOMINATOR)
    fps = _smooth_rate(max(Fraction(1), min(Fraction(max_fps), rate)), max_fps)
    last: Fraction = last_duration * time_base if last_duration > 0 else 1 / rate
    return fps, max(1, round((span + min(last, _MAX_LAST_FRAME_S)) * fps))


def _smooth_rate(fps: Fraction, max_fps: int) -> Fraction:
    """Return the rate at which a video of ``fps`` is shown.

    Frames are repeated, evenly if that is possible at no more than 30 frames a second.
    """
    if fps >= _MIN_FPS:
        return fps
    multiple = fps * -(-_MIN_FPS // fps)
    if (_PAL / fps).denominator == 1 or multiple > 30:
        multiple = _PAL
    return multiple if multiple <= max_fps else fps


def picture_times(
    packet_pts: NDArray[np.int64], decoded_pts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the frame times, given those of all packets and of the first decoded frames.

    Field-coded H.264 and MPEG-2 have two packets per frame, which ``decoded_pts`` reveals. Packets
    before the first decodable frame do not count. Both arguments are in display order.
    """
    pts: NDArray[np.int64] = np.unique(packet_pts)
    pts = pts[pts >= decoded_pts[0]]
    packets_between = int(np.searchsorted(pts, decoded_pts[-1]))
    fields = len(decoded_pts) > 2 and packets_between >= 1.5 * (len(decoded_pts) - 1)
    return pts[::2] if fields else pts


def _rate_ignoring_gaps(
    pts: NDArray[np.int64], time_base: Fraction, declared: Fraction | None
) -> Fraction | None:
    """Return the average rate without gaps from dropped or damaged frames or a paused recorder.

    Returns ``None`` if there are no gaps, or too many to be dropped frames.
    """
    if not declared:
        return None
    steps = np.diff(pts)
    gaps = steps > _GAP_STEPS / float(declared * time_base)
    count = int(np.count_nonzero(gaps))
    if not 0 < count <= max(_MAX_GAPS, len(steps) // 100) or count == len(steps):
        return None
    return (len(steps) - count) / (int(steps[~gaps].sum()) * time_base)
