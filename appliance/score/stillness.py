"""The mouth while nobody speaks: it should be shut, and it should be still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.score.tracks import Tracks

_MIN_FRAMES = 5


@dataclass(frozen=True)
class Silence:
    """Openings in silence, in eye distances; ``seconds`` of silence were measured."""

    seconds: float
    opening_median: float
    opening_p95: float


@dataclass(frozen=True)
class Jitter:
    """Frame-to-frame movement in silence, root mean square, in eye distances.

    ``lips`` is that of the lips' points relative to the head, ``head`` that of eyes and nose in
    the picture. ``ratio`` is lips over head: of a resting face that is looked at by the mesh it
    is about 1, since both then are the mesh's own noise; ``None`` if the head does not move at all.
    """

    lips: float
    head: float
    ratio: float | None


def silence(tracks: Tracks, silent: npt.NDArray[np.bool_]) -> Silence | None:
    """Openings over the ``silent`` frames; ``None`` if there are hardly any."""
    openings = tracks.opening[silent & np.isfinite(tracks.opening)]
    if len(openings) < _MIN_FRAMES:
        return None
    return Silence(
        seconds=len(openings) / tracks.fps,
        opening_median=float(np.median(openings)),
        opening_p95=float(np.percentile(openings, 95)),
    )


def jitter(tracks: Tracks, silent: npt.NDArray[np.bool_]) -> Jitter | None:
    """Movement between neighbouring ``silent`` frames; ``None`` if there are hardly any."""
    both = silent.copy()
    both[1:] &= silent[:-1]
    both &= np.isfinite(tracks.lips_moved)
    if int(both.sum()) < _MIN_FRAMES:
        return None
    lips, head = _rms(tracks.lips_moved[both]), _rms(tracks.head_moved[both])
    return Jitter(lips, head, lips / head if head > 0 else None)


def _rms(values: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))
