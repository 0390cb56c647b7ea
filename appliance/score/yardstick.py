"""Compare the look of the moved mouth with the presenter's own frames, which are the yardstick.

A lip is too pale, or the inside of the mouth too bright, if it is so by two standard deviations
against the twelve of the presenter's frames whose mouth has the nearest opening and width: a wide
smile is paler than a closed mouth. Of real frames, measured against other frames of the same
person, 5 % are beyond that (median of 40 halves of clips), and 25 % in the worst clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.score.mouth_look import LookTrack, MouthLook

Array = npt.NDArray[np.float64]
Track32 = npt.NDArray[np.float32]

DEVIATIONS = 2.0
"""Standard deviations by which a frame must differ to count."""

_NEIGHBOURS = 12
_MIN_FRAMES = 25  # with fewer frames of the presenter, the spreads are those of a typical person
_MAX_FRAMES = 600
# Least standard deviations: the mesh's and the encoder's own noise; and those of a typical person.
_LEAST_SPREAD = {
    "upper_red": 0.010, "lower_red": 0.010, "upper_light": 0.06, "lower_light": 0.06,
    "inside_light": 0.15, "sharpness": 0.30,
}  # fmt: skip
_TYPICAL_FACTOR = 2.0
_MIN_COMPARED = 12
_QUIET_QUANTILE = 0.25  # flicker is clearest while the mouth hardly moves
_BLOCK = 256  # frames compared at a time


@dataclass(frozen=True)
class LookComparison:
    """The look of the mouth against that in ``frames`` of the presenter's own frames.

    ``pale_upper`` and ``pale_lower`` are the shares of frames in which that lip is too pale or too
    light, ``bright_inside`` the share of those in which the mouth's inside is too bright.
    ``sharpness`` is the median energy of fine detail relative to that of the presenter's mouth of
    the same shape. ``flicker`` is the change that comes and goes between frames, relative to the
    presenter's. ``movement`` is how far the opening and the brightness inside vary, relative to the
    presenter's: the mesh reads some movement of a frozen mouth from the chin. ``same_face`` is the
    correlation of the mean pictures of eyes, brows and nose. Parts that cannot be measured are
    ``None``.
    """

    pale_upper: float | None
    pale_lower: float | None
    bright_inside: float | None
    sharpness: float | None
    flicker: float | None
    movement: float | None
    same_face: float | None
    frames: int


def compare_looks(
    video: LookTrack, presenter: LookTrack
) -> tuple[LookComparison, dict[str, Track32]]:
    """Return the comparison, and deviations per frame of the video by the column's name.

    A deviation is in standard deviations of the presenter's frames of that shape; ``pale`` is the
    largest of those towards pale or light lips.
    """
    known = np.flatnonzero(np.isfinite(presenter.values[:, 0]))
    if len(known) > _MAX_FRAMES:
        known = known[np.linspace(0, len(known) - 1, _MAX_FRAMES).astype(int)]
    reference = presenter.values[known].astype(np.float64)
    names = tuple(_LEAST_SPREAD)
    columns = [MouthLook._fields.index(name) for name in names]
    deviations, changes = _compare_shapes(video.values.astype(np.float64), reference, columns)
    found = dict(zip(names, deviations.T.astype(np.float32), strict=True))
    paleness = {lip: (-found[f"{lip}_red"], found[f"{lip}_light"]) for lip in ("upper", "lower")}
    own = presenter.flicker[np.isfinite(presenter.flicker)]
    shown = video.flicker[np.isfinite(video.flicker)]
    enough = min(len(own), len(shown)) >= _MIN_COMPARED
    quiet = float(np.quantile(own, _QUIET_QUANTILE)) if enough else 0.0
    change = changes[:, names.index("sharpness")]
    change = change[np.isfinite(change)]
    appearance = LookComparison(
        pale_upper=_largest(*map(_share, paleness["upper"])),
        pale_lower=_largest(*map(_share, paleness["lower"])),
        bright_inside=_share(found["inside_light"]),
        sharpness=float(np.exp(np.median(change))) if len(change) >= _MIN_COMPARED else None,
        flicker=float(np.quantile(shown, _QUIET_QUANTILE)) / quiet if quiet > 0 else None,
        movement=_movement(video, reference),
        same_face=_agreement(video.face, presenter.face),
        frames=len(known),
    )
    found["pale"] = np.fmax.reduce([*paleness["upper"], *paleness["lower"]])
    return appearance, found


def _compare_shapes(video: Array, reference: Array, columns: list[int]) -> tuple[Array, Array]:
    """Return deviations in standard deviations, and plain differences, (frames, columns).

    Each frame is compared with the median of the reference frames of the nearest opening and width.
    """
    deviations = np.full((len(video), len(columns)), np.nan)
    changes = deviations.copy()
    typical = len(reference) < _MIN_FRAMES
    for k, column in enumerate(columns):
        least = list(_LEAST_SPREAD.values())[k] * (_TYPICAL_FACTOR if typical else 1.0)
        usable = reference[np.isfinite(reference[:, [0, 1, column]]).all(axis=1)]
        frames = np.flatnonzero(np.isfinite(video[:, [0, 1, column]]).all(axis=1))
        count = min(_NEIGHBOURS, len(usable))
        if not count or not len(frames):
            continue
        for block in np.array_split(frames, -(-len(frames) // _BLOCK)):
            distance = ((video[block, None, :2] - usable[None, :, :2]) ** 2).sum(axis=2)
            nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
            own = usable[nearest, column]
            changes[block, k] = video[block, column] - np.median(own, axis=1)
            deviations[block, k] = changes[block, k] / np.maximum(own.std(axis=1), least)
    return deviations, changes


def _movement(video: LookTrack, reference: Array) -> float | None:
    """Return the geometric mean of the ratios of spread; ``None`` if too little is known."""
    ratios = []
    for name in ("opening", "inside_light"):
        own = reference[:, MouthLook._fields.index(name)]
        spreads = [_spread(values) for values in (video.column(name), own)]
        if min(spreads) <= 0:
            return None
        ratios.append(spreads[0] / spreads[1])
    return float(np.sqrt(ratios[0] * ratios[1]))


def _spread(values: npt.NDArray[np.floating]) -> float:
    """Return the distance of the 10th from the 90th percentile; 0 if too few are known."""
    known = values[np.isfinite(values)]
    if len(known) < _MIN_FRAMES:
        return 0.0
    low, high = np.quantile(known, (0.1, 0.9))
    return float(high - low)


def _share(deviations: Track32) -> float | None:
    """Return the share of frames beyond the limit; ``None`` if too few could be compared."""
    known = deviations[np.isfinite(deviations)]
    return float((known > DEVIATIONS).mean()) if len(known) >= _MIN_COMPARED else None


def _largest(*shares: float | None) -> float | None:
    return max((share for share in shares if share is not None), default=None)


def _agreement(face: Array | None, other: Array | None) -> float | None:
    """Return the correlation of two mean faces; ``None`` if one is missing or flat."""
    if face is None or other is None:
        return None
    power = float(np.sqrt((face * face).sum() * (other * other).sum()))
    return float((face * other).sum()) / power if power > 0 else None
