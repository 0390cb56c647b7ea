"""The mouth during silence: it should be closed and still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from appliance.score.face_tracks import FaceTracks

_MIN_FRAMES = 5
_OPEN_MOUTH = 0.06  # eye distances: a mouth that shows its teeth
_CLOSED_SHARE = 0.75  # share of the photo's opening
_SMALLEST_QUANTILE = 0.01
_REST_QUANTILE = 0.2
_MAX_REST = 0.07  # eye distances; a mouth that is wider open is not at rest
_MIN_OWN = 25  # frames of the presenter that show how the mouth rests


@dataclass(frozen=True)
class Silence:
    """Mouth openings in silence, in eye distances, measured over ``seconds`` of silence.

    ``misread`` is the part of them that the mesh reports even for a closed mouth (see
    :func:`misread_opening`). ``own_rest`` is the opening below which the presenter's own mouth is
    in a fifth of the frames: some people rest with an open mouth.
    """

    seconds: float
    opening_median: float
    opening_p95: float
    misread: float = 0.0
    own_rest: float = 0.0


@dataclass(frozen=True)
class Jitter:
    """Movement between frames in silence, root mean square, in eye distances.

    ``lips`` is that of the lips' points relative to the head, ``head`` that of eyes and nose in the
    picture. ``ratio`` is lips over head: for a resting face it is about 1, since both then are the
    mesh's own noise; ``None`` if the head does not move at all.
    """

    lips: float
    head: float
    ratio: float | None


def measure_silence(
    tracks: FaceTracks,
    silent: npt.NDArray[np.bool_],
    photo: float | None = None,
    own: npt.NDArray[np.floating] | None = None,
) -> Silence | None:
    """Measure the openings over the ``silent`` frames; ``None`` if there are fewer than five.

    ``photo`` is the mouth opening in the photo that the video was made from, if it was one; ``own``
    are those of the frames of the presenter, NaN is unknown.
    """
    rest = np.nanquantile(own, _REST_QUANTILE) if _is_enough(own) else 0.0
    openings = tracks.opening[silent & np.isfinite(tracks.opening)]
    if len(openings) < _MIN_FRAMES:
        return None
    median = float(np.median(openings))
    return Silence(
        seconds=len(openings) / tracks.fps,
        opening_median=median,
        opening_p95=float(np.percentile(openings, 95)),
        misread=misread_opening(tracks, median, photo) if photo is not None else 0.0,
        own_rest=float(min(rest, _MAX_REST)),
    )


def _is_enough(own: npt.NDArray[np.floating] | None) -> TypeGuard[npt.NDArray[np.floating]]:
    return own is not None and int(np.isfinite(own).sum()) >= _MIN_OWN


def misread_opening(tracks: FaceTracks, resting: float, photo: float) -> float:
    """Return the opening, in eye distances, that the mesh reports for a closed laughing mouth.

    In a photo of a laughing face the cheeks and the corners of the mouth stay where they are when
    the lips are brought together, and the mesh infers an open mouth from them. So if the mouth is
    open in the photo (``photo``) and clearly less open at rest (``resting``), the smallest opening
    in the video is taken as that of the closed mouth; otherwise the result is 0.
    """
    if photo < _OPEN_MOUTH or resting > _CLOSED_SHARE * photo:
        return 0.0
    return float(np.nanquantile(tracks.opening, _SMALLEST_QUANTILE))


def measure_jitter(tracks: FaceTracks, silent: npt.NDArray[np.bool_]) -> Jitter | None:
    """Measure movement between adjacent ``silent`` frames; ``None`` for fewer than five."""
    both = silent.copy()
    both[1:] &= silent[:-1]
    both &= np.isfinite(tracks.lips_moved)
    if int(both.sum()) < _MIN_FRAMES:
        return None
    lips, head = _rms(tracks.lips_moved[both]), _rms(tracks.head_moved[both])
    return Jitter(lips, head, lips / head if head > 0 else None)


def _rms(values: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))
