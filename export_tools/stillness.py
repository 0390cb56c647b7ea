"""Measure whether resting lips shake more in a rendered file than in the real one.

Both files show the same head at the same time. The frames are selected by the real file alone:
silence, and no drift of the lips (a mouth that closes after a word moves, but this is not jitter).
For both files the measure is the movement of the lip points from frame to frame in the face frame:
root mean square, in eye distances. Nothing is smoothed, so it includes the noise of the mesh, which
is the same for both.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.media.probe import probe_presenter
from appliance.score.face_tracks import VideoTracker
from appliance.score.speech_activity import detect_speech

Array = npt.NDArray[np.float64]

_MAX_FRAMES = 750  # frames that are measured
_MEAN_FRAMES = 3  # frames on each side of a step whose means are compared
_MAX_DRIFT = 0.01  # largest difference of these means for resting lips, eye distances
_MIN_STEPS = 5  # smallest number of steps for a result


def track_lips(video: Path) -> Array:
    """Return the lips (T, 40, 2) of each frame in the face frame, NaN without a face."""
    rows: list[Array] = []
    with VideoTracker(probe_presenter(video)) as tracker:
        for frame in tracker.track(0, _MAX_FRAMES):
            rows.append(np.full((40, 2), np.nan) if frame.face is None else frame.face.lips)
    return np.stack(rows)


def still_steps(lips: Array, silent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which steps (T - 1,) between frames have resting ``lips`` (T, 40, 2) and silence.

    The criterion is the difference between the means before and after a step, not the size of the
    step: selecting small steps would make any file appear still.
    """
    still = np.zeros(max(len(lips) - 1, 0), np.bool_)
    for step in range(_MEAN_FRAMES - 1, len(still) - _MEAN_FRAMES + 1):
        before = lips[step - _MEAN_FRAMES + 1 : step + 1].mean(axis=0)
        after = lips[step + 1 : step + 1 + _MEAN_FRAMES].mean(axis=0)
        drift = np.linalg.norm(after - before, axis=-1).mean()
        # Without a face the drift is NaN, and the comparison is False.
        still[step] = bool(silent[step] and silent[step + 1] and drift < _MAX_DRIFT)
    return still


def rms_movement(lips: Array, steps: npt.NDArray[np.bool_]) -> float | None:
    """Return the root mean square over ``steps`` of the mean movement of the lips.

    Returns None for fewer than five steps.
    """
    moved = np.linalg.norm(np.diff(lips, axis=0), axis=-1).mean(axis=-1)[steps]
    moved = moved[np.isfinite(moved)]
    return float(np.sqrt(np.mean(moved**2))) if len(moved) >= _MIN_STEPS else None


def still_jitter(rendered: Path, real: Path) -> dict[str, float | None]:
    """Return ``jitter`` of the rendered file, ``jitter_source`` of the real one, and their ratio.

    Both are measured over the still frames of the real file. The values are None if there are too
    few of them. The key of the ratio is ``jitter_ratio``.
    """
    real_lips, rendered_lips = track_lips(real), track_lips(rendered)
    frames = min(len(real_lips), len(rendered_lips))
    info = probe_presenter(real)
    speech = detect_speech(real, info.start_s)
    empty: dict[str, float | None] = dict.fromkeys(("jitter", "jitter_source", "jitter_ratio"))
    if speech is None:
        return empty
    steps = still_steps(real_lips[:frames], speech.silent(frames, float(info.fps)))
    steps &= np.isfinite(np.diff(rendered_lips[:frames], axis=0)).all(axis=(1, 2))
    jitter, source_jitter = (
        rms_movement(rendered_lips[:frames], steps),
        rms_movement(real_lips[:frames], steps),
    )
    if jitter is None or source_jitter is None:
        return empty
    ratio = round(jitter / source_jitter, 3) if source_jitter > 0 else None
    return {
        "jitter": round(jitter, 6),
        "jitter_source": round(source_jitter, 6),
        "jitter_ratio": ratio,
    }
