"""Whether lips that rest shake more in a rendered file than in the real one.

Both files show the same head at the same time. Frames are chosen by the real one alone: nobody
speaks, and the lips do not drift (a mouth that shuts after a word moves, and is no jitter). Over
them, the same measure for both: how far the lips' points move from frame to frame in the face
frame, root mean square, in eye distances. Nothing is smoothed, so it holds the mesh's own noise,
which both share.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.media.probe import probe_presenter
from appliance.score.sound import listen
from appliance.score.tracks import Watcher

Array = npt.NDArray[np.float64]

_LIMIT = 750  # frames that are looked at
_REACH = 3  # frames whose mean is compared across a step, on both sides of it
_DRIFT = 0.01  # eye distances by which these means may differ where lips rest
_LEAST = 5  # steps; fewer say nothing


def lips_of(video: Path) -> Array:
    """The lips (T, 40, 2) of each frame in the face frame, NaN where there is no face."""
    rows: list[Array] = []
    with Watcher(probe_presenter(video)) as watcher:
        for seen in watcher.watch(0, _LIMIT):
            rows.append(np.full((40, 2), np.nan) if seen.face is None else seen.face.lips)
    return np.stack(rows)


def still_steps(lips: Array, silent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Steps (T - 1,) from one frame to the next over which the ``lips`` (T, 40, 2) rest.

    A step's own size does not decide, but the means of the frames before and after it: choosing
    small steps would make any file look calm.
    """
    still = np.zeros(max(len(lips) - 1, 0), np.bool_)
    for step in range(_REACH - 1, len(still) - _REACH + 1):
        before = lips[step - _REACH + 1 : step + 1].mean(axis=0)
        after = lips[step + 1 : step + 1 + _REACH].mean(axis=0)
        drift = np.linalg.norm(after - before, axis=-1).mean()
        # A frame without a face makes this NaN, which is below nothing.
        still[step] = bool(silent[step] and silent[step + 1] and drift < _DRIFT)
    return still


def shaking(lips: Array, steps: npt.NDArray[np.bool_]) -> float | None:
    """Root mean square over the chosen ``steps`` of the mean distance that the lips move."""
    moved = np.linalg.norm(np.diff(lips, axis=0), axis=-1).mean(axis=-1)[steps]
    moved = moved[np.isfinite(moved)]
    return float(np.sqrt(np.mean(moved**2))) if len(moved) >= _LEAST else None


def still_jitter(rendered: Path, real: Path) -> dict[str, float | None]:
    """``jitter`` of the rendered file, ``jitter_source`` of the real one, both over its still
    frames, and ``jitter_ratio``; ``None`` where the clip has too few of them."""
    theirs, ours = lips_of(real), lips_of(rendered)
    frames = min(len(theirs), len(ours))
    info = probe_presenter(real)
    sound = listen(real, info.start_s)
    empty: dict[str, float | None] = dict.fromkeys(("jitter", "jitter_source", "jitter_ratio"))
    if sound is None:
        return empty
    steps = still_steps(theirs[:frames], sound.silent(frames, float(info.fps)))
    steps &= np.isfinite(np.diff(ours[:frames], axis=0)).all(axis=(1, 2))
    one, other = shaking(ours[:frames], steps), shaking(theirs[:frames], steps)
    if one is None or other is None:
        return empty
    ratio = round(one / other, 3) if other > 0 else None
    return {"jitter": round(one, 6), "jitter_source": round(other, 6), "jitter_ratio": ratio}
