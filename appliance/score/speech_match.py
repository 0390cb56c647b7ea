"""Compare the mouth with the opening that the speech asks for: lag, strength, confidence.

The wanted opening is the lecture's mouth motion, which was predicted from its sound alone. A lag is
positive when the mouth is late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.score.sync import MAX_LAG_S as MAX_NEAR_LAG_S
from appliance.score.sync import MIN_PAIRS, STILL_OPENING, sample_at

Array = npt.NDArray[np.float64]

MAX_LAG_S = 0.4
_STEP_S = 0.01
_BLOCK_S = 2.0  # length of the blocks of which one at a time is left out
_MIN_BLOCKS = 3


class WantedOpening(NamedTuple):
    """The opening that the speech asks for, in any unit.

    Value ``i`` of ``values`` is at ``offset_s + i / rate_hz`` seconds after the first picture.
    """

    values: npt.NDArray[np.float32]
    rate_hz: float
    offset_s: float

    def at_frames(self, frames: int, fps: float, lag_s: float = 0.0) -> Array:
        """Return the value at each of ``frames`` pictures, ``lag_s`` earlier; NaN beyond."""
        times = np.arange(frames) / fps - self.offset_s - lag_s
        return sample_at(self.values, self.rate_hz, times)


@dataclass(frozen=True)
class SpeechMatch:
    """How the mouth follows the speech, measured over ``seconds``.

    ``r`` is Pearson's correlation of the opening with the wanted one at zero lag, ``near_r`` the
    best one within ±160 ms of it and ``best_r`` within ±400 ms, at ``lag_ms``. ``confidence`` is
    ``best_r`` less the median over all lags, like SyncNet's (Chung and Zisserman 2016).
    ``spread_ms`` is the standard error of the lag from leaving out two seconds at a time
    (jackknife); ``None`` if the stretch is too short.
    """

    r: float
    near_r: float
    best_r: float
    lag_ms: float
    confidence: float
    spread_ms: float | None
    seconds: float

    @property
    def is_peak(self) -> bool:
        """Whether the best lag is a maximum, and not the end of the searched range."""
        return abs(self.lag_ms) < 1000 * (MAX_LAG_S - 2 * _STEP_S)


def match_speech(
    opening: npt.NDArray[np.floating], fps: float, wanted: WantedOpening, own_lag_s: float = 0.0
) -> SpeechMatch | None:
    """Return how ``opening`` follows ``wanted``; ``None`` if one does not move or is too short.

    Value ``k`` of ``opening`` is at ``k / fps`` seconds, NaN is unknown: pass the frames of speech
    alone, because any two speeches with the same pauses agree. Lags are counted from ``own_lag_s``.
    """
    lags = np.arange(-MAX_LAG_S, MAX_LAG_S + _STEP_S / 2, _STEP_S)
    shown = np.asarray(opening, np.float64)
    asked = np.stack([wanted.at_frames(len(shown), fps, own_lag_s + lag) for lag in lags])
    known = np.isfinite(shown) & np.isfinite(asked).all(axis=0)
    if int(known.sum()) < MIN_PAIRS or float(shown[known].std()) <= STILL_OPENING:
        return None
    sums = _block_sums(shown, asked, known, max(round(_BLOCK_S * fps), 1))
    curve = _correlation(sums.sum(axis=0))
    if not np.isfinite(curve).all():
        return None
    best = int(curve.argmax())
    spread = None
    blocks = len(sums)
    if blocks >= _MIN_BLOCKS:
        without = sums.sum(axis=0)[None] - sums
        each = np.array([_peak(lags, _correlation(part)) for part in without])
        spread = 1000 * float(np.sqrt((blocks - 1) / blocks * ((each - each.mean()) ** 2).sum()))
    return SpeechMatch(
        r=float(curve[len(lags) // 2]),
        near_r=float(curve[np.abs(lags) <= MAX_NEAR_LAG_S].max()),
        best_r=float(curve[best]),
        lag_ms=1000 * _peak(lags, curve),
        confidence=float(curve[best] - np.median(curve)),
        spread_ms=spread,
        seconds=float(known.sum()) / fps,
    )


def _block_sums(
    shown: Array, asked: Array, known: npt.NDArray[np.bool_], length: int
) -> npt.NDArray[np.float64]:
    """Return (blocks, 6, lags): the sums that a correlation needs, for blocks of known frames."""
    x, y = shown[known], asked[:, known]
    parts = []
    for start in range(0, len(x), length):
        a, b = x[start : start + length], y[:, start : start + length]
        ones = np.ones(len(b))
        parts.append(
            [len(a) * ones, a.sum() * ones, (a * a).sum() * ones, b.sum(1), (b * b).sum(1), b @ a]
        )
    return np.asarray(parts)


def _correlation(sums: Array) -> Array:
    """Return Pearson's r at each lag from the sums (6, lags); NaN where one does not vary."""
    n, x, xx, y, yy, xy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (n * xy - x * y) / np.sqrt((n * xx - x * x) * (n * yy - y * y))
    return np.asarray(r)


def _peak(lags: Array, curve: Array) -> float:
    """Return the lag of the maximum, refined by a parabola through its neighbours."""
    k = int(np.nan_to_num(curve, nan=-1.0).argmax())
    if not 0 < k < len(lags) - 1:
        return float(lags[k])
    low, middle, high = curve[k - 1 : k + 2]
    bend = low - 2 * middle + high
    shift = 0.5 * (low - high) / bend if bend < 0 else 0.0
    return float(lags[k] + shift * (lags[1] - lags[0]))
