"""From the times of a video's pictures to one constant frame rate and a number of frames."""

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

_SNAP = 0.0005
"""An average this near (relative) to a usual rate is that rate; 29.97 and 30 are twice as far."""

_HOLE_STEPS = 1.5
"""A picture that stands for more than so many steps of the declared rate has a hole after it."""

_HOLES = 5
"""As many holes, or 1 % of the pictures, are accidents; more are the video's own rhythm."""

_MAX_DENOMINATOR = 1001
_MAX_LAST_PICTURE_S = Fraction(10)
"""A last picture that claims to last longer is taken for a mistake of the recorder."""


def constant_rate(
    pts: NDArray[np.int64],
    last_duration: int,
    time_base: Fraction,
    declared: Fraction | None,
    max_fps: int,
) -> tuple[Fraction, int]:
    """``(fps, frames)`` of pictures shown at ``pts`` (rising, in ``time_base`` s).

    ``fps`` is the average rate, but the ``declared`` or else the nearest usual one when rounded
    times explain the difference, within 1..``max_fps``. ``frames`` cover first picture to end of
    last. Raises ``ValueError`` without pictures.
    """
    if not len(pts):
        raise ValueError("no pictures")
    span = int(pts[-1] - pts[0]) * time_base
    if not span:
        usable = declared is not None and 1 <= declared <= max_fps
        return (declared if usable and declared else Fraction(25)), 1
    average = (len(pts) - 1) / span
    # Times are rounded to the time base: over a short clip that alone moves the average.
    tolerance = max(_SNAP, float(time_base / span))
    steady = _without_holes(pts, time_base, declared) or average
    near = [r for r in _USUAL_RATES if abs(r / average - 1) <= tolerance]
    if declared and any(abs(declared / rate - 1) <= tolerance for rate in (average, steady)):
        rate = declared
    elif near:
        rate = min(near, key=lambda r: abs(r - average))
    else:
        rate = average.limit_denominator(_MAX_DENOMINATOR)
    fps = max(Fraction(1), min(Fraction(max_fps), rate))
    last: Fraction = last_duration * time_base if last_duration > 0 else 1 / rate
    return fps, max(1, round((span + min(last, _MAX_LAST_PICTURE_S)) * fps))


def pictures(packet_pts: NDArray[np.int64], shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """The times of the pictures, from those of all packets and those of the first frames decoded.

    Field-coded H.264 and MPEG-2 bring two packets a picture; ``shown`` gives that away. Packets
    before the first decodable picture do not count. Both are in display order.
    """
    rising: NDArray[np.int64] = np.unique(packet_pts)
    rising = rising[rising >= shown[0]]
    among = int(np.searchsorted(rising, shown[-1]))
    fields = len(shown) > 2 and among >= 1.5 * (len(shown) - 1)
    return rising[::2] if fields else rising


def _without_holes(
    pts: NDArray[np.int64], time_base: Fraction, declared: Fraction | None
) -> Fraction | None:
    """The average rate but for a few holes: dropped or damaged pictures, a paused recorder.

    ``None`` without holes, or with too many to be accidents.
    """
    if not declared:
        return None
    steps = np.diff(pts)
    holes = steps > _HOLE_STEPS / float(declared * time_base)
    count = int(np.count_nonzero(holes))
    if not 0 < count <= max(_HOLES, len(steps) // 100) or count == len(steps):
        return None
    return (len(steps) - count) / (int(steps[~holes].sum()) * time_base)
