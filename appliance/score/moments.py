"""Find the stretch of the video in which a fault is worst, and the seconds to check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from appliance.score.verdict import Moment, Span, Verdict

Values = npt.NDArray[np.floating]

MOMENTARY = ("face_missing", "open_in_silence", "sync_weak", "mouth_blurred")
"""Reasons of which a single second is clear enough to be checked in a video that is good."""

_MAX_MOMENTS = 5
_MIN_GAP_S = 3
_MERGE_GAP_S = 2  # seconds without the fault that do not end a stretch


def locate(
    verdict: Verdict, fps: float, excess: Mapping[str, Values], overall: tuple[str, ...] = ()
) -> Verdict:
    """Return ``verdict`` with the worst stretch of each reason, and the moments to check.

    ``excess`` is one value per frame by the reason's code, NaN where it was not measured: the frame
    shows the fault if it is more than 1. Moments are seconds whose mean is more than 1, of the
    reasons of the verdict and of ``MOMENTARY``, but not of ``overall``: they hold for all of it.
    """
    codes = {reason.code for reason in verdict.reasons}.union(MOMENTARY).difference(overall)
    reasons = tuple(
        replace(reason, span=_worst_span(fps, excess[reason.code], reason.code in overall))
        if reason.code in excess
        else reason
        for reason in verdict.reasons
    )
    local = {code: values for code, values in excess.items() if code in codes}
    return replace(verdict, reasons=reasons, moments=worst_moments(fps, local))


def _worst_span(fps: float, values: Values, whole: bool) -> Span | None:
    """Return the stretch with the largest sum of excess; all that was measured if ``whole``."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return None
    seconds = [] if whole else sorted((k, mean) for mean, k in _means(fps, values) if mean > 1)
    if not seconds:
        frame = int(known[np.argmax(values[known])])
        return Span(float(known[0]) / fps, float(known[-1] + 1) / fps, frame)
    stretches: list[list[tuple[int, float]]] = [[seconds[0]]]
    for second in seconds[1:]:
        if second[0] - stretches[-1][-1][0] <= _MERGE_GAP_S:
            stretches[-1].append(second)
        else:
            stretches.append([second])
    worst = max(stretches, key=lambda stretch: sum(mean for _, mean in stretch))
    start, stop = worst[0][0], worst[-1][0] + 1
    inside = known[(known >= start * fps) & (known < stop * fps)]
    frame = int(inside[np.argmax(values[inside])])
    return Span(float(start), min(float(stop), len(values) / fps), frame)


def worst_moments(fps: float, excess: Mapping[str, Values]) -> tuple[Moment, ...]:
    """Return up to five seconds, at least three apart, in which a measure is beyond its limit."""
    found = sorted(
        (
            (mean, second, code)
            for code, values in excess.items()
            for mean, second in _means(fps, values)
            if mean > 1
        ),
        key=lambda moment: -moment[0],
    )
    chosen: list[Moment] = []
    for _, second, code in found:
        if len(chosen) < _MAX_MOMENTS and all(abs(second - m.at_s) >= _MIN_GAP_S for m in chosen):
            chosen.append(Moment(float(second), code))
    return tuple(chosen)


def _means(fps: float, values: Values) -> Iterator[tuple[float, int]]:
    """Yield (mean, second) for each second of which enough frames are known."""
    second = (np.arange(len(values)) / fps + 1e-9).astype(np.int64)
    known = np.isfinite(values)
    count = np.bincount(second[known], minlength=1)
    total = np.bincount(second[known], weights=values[known], minlength=1)
    for k in np.flatnonzero(count >= max(fps / 5, 1)):
        yield float(total[k] / count[k]), int(k)
