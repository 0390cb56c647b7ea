"""Map frames of the output to presenter frames: forward, back, forward, without a jump."""

from __future__ import annotations

from typing import NamedTuple


class FrameRun(NamedTuple):
    """A range of neighbouring presenter frames, ``range(start, stop, step)``, with step 1 or -1."""

    start: int
    stop: int
    step: int

    @property
    def frames(self) -> range:
        """The presenter frames in the order in which they are shown."""
        return range(self.start, self.stop, self.step)


def pingpong(t: int, n: int) -> int:
    """Return the presenter frame (0..n-1) of output frame ``t``: 0..n-1, n-2..1, 0..n-1, …

    The first and last frame are shown once per turn; a single frame is repeated. Raises
    ``ValueError`` for ``t < 0`` or ``n < 1``.
    """
    if t < 0 or n < 1:
        raise ValueError(f"no frame {t} in a presenter of {n} frames")
    if n == 1:
        return 0
    phase = t % (2 * n - 2)
    return phase if phase < n else 2 * n - 2 - phase


def frame_runs(a: int, b: int, n: int) -> list[FrameRun]:
    """Return the monotone runs of presenter frames shown by output frames ``a``..``b - 1``.

    Runs are in order and as long as possible: each ends where the direction changes. A presenter of
    one frame has one run per frame. Raises ``ValueError`` for ``a < 0``, ``b < a`` or ``n < 1``.
    """
    if a < 0 or b < a or n < 1:
        raise ValueError(f"no output frames {a}..{b} of a presenter of {n} frames")
    result: list[FrameRun] = []
    t = a
    while t < b:
        first = pingpong(t, n)
        phase = t % max(1, 2 * n - 2)
        forward = phase < n
        # A forward run reaches frame n-1, a backward one frame 1 (frame 0 begins the next turn).
        count = min(b - t, n - first if forward else first)
        step = 1 if forward else -1
        result.append(FrameRun(first, first + step * count, step))
        t += count
    return result
