"""Find stretches of speech in which the mouth does not move, and of silence in which it does.

Movement is the standard deviation of the opening over a second or so. In real speech it never falls
below a third of its usual size where the sound asks for movement (52 clips of 22 people), and in
real pauses it stays below 0.4 of it, except shortly before speech, when the lips already open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.score.sync import STILL_OPENING

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_WINDOW_S = 1.2
_SPEECH_SHARE = 0.9  # share of a window that must be speech
_ASKED = 0.6  # share of its usual movement that the wanted opening must show in a window
_STILL = 0.25  # share of the usual movement below which a mouth in speech is still
_MOVING = 0.55  # share of the usual movement above which a mouth in silence moves
_MIN_SILENCE_S = 0.4
_LEAD_S = 0.3  # before and after speech, beyond the margin of a pause, in which lips may move


@dataclass(frozen=True)
class MouthActivity:
    """Seconds of speech with a still mouth, and of silence with a moving one.

    ``speech_s`` and ``silence_s`` are the seconds that could be judged, ``movement`` is the usual
    standard deviation of the opening over 1.2 s of speech, in eye distances.
    """

    still_s: float
    speech_s: float
    moving_s: float
    silence_s: float
    movement: float


@dataclass(frozen=True)
class ActivityFlags:
    """The frames in which the mouth is ``still`` in speech, or ``moving`` in silence."""

    still: Flags
    moving: Flags


def measure_activity(
    opening: npt.NDArray[np.floating],
    fps: float,
    speaking: Flags,
    silent: Flags,
    wanted: Array | None,
) -> tuple[MouthActivity, ActivityFlags]:
    """Measure ``opening`` (eye distances, NaN is unknown) where there is speech or silence.

    ``speaking`` and ``silent`` mark frames; ``wanted`` is the opening that the speech asks for, in
    any unit: a window in which it hardly moves is not judged. ``None`` judges all speech.
    """
    count = len(opening)
    length = max(round(_WINDOW_S * fps), 3)
    shown = _window_spread(np.asarray(opening, np.float64), length)
    spoken = _window_mean(speaking.astype(np.float64), length) >= _SPEECH_SHARE
    if wanted is not None:
        asked = _window_spread(wanted, length)
        usual_asked = _quantile(asked[spoken], 0.75)
        spoken &= asked > _ASKED * usual_asked
    spoken &= np.isfinite(shown)
    movement = max(_quantile(shown[spoken], 0.75), STILL_OPENING)
    starts = np.flatnonzero(spoken & (shown < _STILL * movement))
    still = _cover(starts, length, count)
    judged = _cover(np.flatnonzero(spoken), length, count)
    moving = np.zeros(count, np.bool_)
    quiet = np.zeros(count, np.bool_)
    lead = round(_LEAD_S * fps)
    for first, end in _stretches(silent):
        start, stop = first + lead, end - lead
        if not np.isfinite(opening[start:stop]).all() or stop - start < _MIN_SILENCE_S * fps:
            continue
        quiet[start:stop] = True
        window = min(length, stop - start)
        spread = _window_spread(np.asarray(opening[start:stop], np.float64), window)
        moving[start:stop] = _cover(
            np.flatnonzero(spread > _MOVING * movement), window, stop - start
        )
    found = MouthActivity(
        still_s=float(still.sum()) / fps,
        speech_s=float(judged.sum()) / fps,
        moving_s=float(moving.sum()) / fps,
        silence_s=float(quiet.sum()) / fps,
        movement=movement,
    )
    return found, ActivityFlags(still, moving)


def _window_mean(values: Array, length: int) -> Array:
    """Return the mean of each window of ``length`` values, by its first one; NaN with a NaN."""
    if len(values) < length:
        return np.zeros(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, length).mean(axis=1))


def _window_spread(values: Array, length: int) -> Array:
    """Return the standard deviation of each window of ``length`` values, by its first one."""
    if len(values) < length:
        return np.zeros(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, length).std(axis=1))


def _cover(starts: npt.NDArray[np.intp], length: int, count: int) -> Flags:
    """Return ``count`` flags that are set in the windows of ``length`` from ``starts`` on."""
    change = np.zeros(count + 1, np.int64)
    np.add.at(change, starts, 1)
    np.add.at(change, np.minimum(starts + length, count), -1)
    return np.asarray(np.cumsum(change[:-1]) > 0)


def _stretches(flags: Flags) -> list[tuple[int, int]]:
    """Return (first, stop) of each run of set flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _quantile(values: Array, share: float) -> float:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, share)) if len(known) else 0.0
