"""Estimate the remaining time of the current stage from the progress of the last minute."""

from __future__ import annotations

from collections import deque

from appliance.jobs.record import Job

WINDOW_S = 60.0
_LEAST_S = 4.0  # a shorter observation is not reliable


class Pace:
    """Progress of the running job; ``now`` is in seconds from any origin."""

    def __init__(self) -> None:
        self._key: tuple[int, str] = (0, "")
        self._seen: deque[tuple[float, int]] = deque()

    def left_s(self, job: Job | None, now: float) -> float | None:
        """Return the seconds to the end of the current stage of ``job``, or ``None`` if unknown."""
        if job is None or not job.total:
            self._seen.clear()
            return None
        key = (job.id, job.stage)
        if key != self._key or (self._seen and job.done < self._seen[-1][1]):
            self._key = key
            self._seen.clear()
        if not self._seen or job.done > self._seen[-1][1]:
            self._seen.append((now, job.done))
        while self._seen[-1][0] - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()
        (first, start), (last, end) = self._seen[0], self._seen[-1]
        if last - first < _LEAST_S or end <= start:
            return None
        left = (job.total - end) * (last - first) / (end - start) - (now - last)
        return round(max(left, 0.0) / 5) * 5.0  # coarse, so that the text changes rarely
