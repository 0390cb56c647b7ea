"""The verdict on a video for teachers: good, check or poor, the reasons, and the moments to check.

The limits were set with 29 real recordings and with copies of them that were frozen, shifted,
blurred, pasted or shaken. By these limits, 26 of the recordings are "good"; in two of the others
the speaker rests with an open mouth, and in one the mouth hardly follows the sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.messages.score import REASONS
from appliance.score.outside_mouth import OutsideMouth
from appliance.score.sharpness import Sharpness
from appliance.score.silence import Jitter, Silence
from appliance.score.sync import Correlation

Grade = Literal["good", "check", "poor"]
Values = npt.NDArray[np.floating]

# shares of frames below which the grade is "check", and below which it is "poor"
_FACE_LIMITS = (0.98, 0.60)
_REFERENCE_R_LIMITS = (0.40, 0.15)
_LOUDNESS_R_LIMIT = 0.05  # a weak measure: alone it never makes a video "poor"
_LAG_LIMITS_MS = (60.0, 110.0)  # viewers notice a lag from about 60 ms on (ITU-R BT.1359: 45 ms)
_OPENING_LIMITS = (0.05, 0.10)
_JITTER_LIMITS = (0.010, 0.020)
_JITTER_RATIO_LIMIT = 2.0  # the mesh's lips also shake when the head moves
_SHARPNESS_LIMITS = (0.55, 0.30)
_SEAM_LIMITS = (2.5, 5.0)
_OUTSIDE_LIMIT = 3.0  # mean grey levels: an encoder's noise at CRF 28 is below 2
_MOMENT_LMD = 0.12  # limits of a single moment
_MOMENT_SHARPNESS = 0.3

_MIN_SPEECH_S = 2.0
_MAX_MOMENTS = 5
_MIN_GAP_S = 3


class VerdictReason(NamedTuple):
    """A reason for the grade, by its code in :mod:`appliance.messages.score`, and its severity."""

    code: str
    grade: Grade

    def text(self, language: str = "en") -> str:
        """Return the reason as a sentence; ``language`` is ``en`` or ``zh``."""
        return REASONS[self.code][language]


class Moment(NamedTuple):
    """A second of the video that should be checked, and the reason's code."""

    at_s: float
    code: str

    def text(self, language: str = "en") -> str:
        """Return the reason as a sentence; ``language`` is ``en`` or ``zh``."""
        return REASONS[self.code][language]


@dataclass(frozen=True)
class Verdict:
    """The grade of the worst reason, the reasons, and up to five moments, the worst first."""

    grade: Grade
    reasons: tuple[VerdictReason, ...]
    moments: tuple[Moment, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON, with the texts in English."""
        return {
            "grade": self.grade,
            "reasons": [{"code": r.code, "grade": r.grade, "text": r.text()} for r in self.reasons],
            "moments": [{"at_s": m.at_s, "code": m.code, "text": m.text()} for m in self.moments],
        }


class Measures(NamedTuple):
    """The measures that the verdict is based on; ``speech_s`` is the duration of speech in s."""

    face: float
    speech_s: float
    opening_spread: float
    reference: Correlation | None
    loudness: Correlation | None
    silence: Silence | None
    jitter: Jitter | None
    sharpness: Sharpness | None
    outside: OutsideMouth | None


def make_verdict(measures: Measures, still: float, moments: tuple[Moment, ...] = ()) -> Verdict:
    """Return the verdict on ``measures``.

    ``still`` is the spread of openings up to which a mouth does not move.
    """
    reasons = tuple(
        sorted(_find_reasons(measures, still), key=lambda reason: reason.grade != "poor")
    )
    grade: Grade = reasons[0].grade if reasons else "good"
    return Verdict(grade, reasons, moments)


def _find_reasons(measures: Measures, still: float) -> Iterator[VerdictReason]:
    yield from _reason_if_below("face_missing", measures.face, _FACE_LIMITS)
    speaks = measures.speech_s >= _MIN_SPEECH_S
    if speaks and measures.opening_spread <= still:
        yield VerdictReason("mouth_still", "poor")
    elif measures.reference is not None and measures.reference.best_r is not None:
        yield from _reason_if_below("sync_weak", measures.reference.best_r, _REFERENCE_R_LIMITS)
        # The lag of a weak correlation is meaningless.
        if measures.reference.best_r >= _REFERENCE_R_LIMITS[0]:
            lag = measures.reference.lag_ms or 0.0
            yield from _reason_if_above(
                "mouth_late" if lag > 0 else "mouth_early", abs(lag), _LAG_LIMITS_MS
            )
    elif (
        speaks
        and measures.loudness is not None
        and _is_below(measures.loudness.best_r, _LOUDNESS_R_LIMIT)
    ):
        yield VerdictReason("sync_weak", "check")
    if measures.silence is not None:
        yield from _reason_if_above(
            "open_in_silence", _resting_opening(measures.silence), _OPENING_LIMITS
        )
    jitter = measures.jitter
    if jitter is not None and (jitter.ratio is None or jitter.ratio > _JITTER_RATIO_LIMIT):
        yield from _reason_if_above("mouth_trembling", jitter.lips, _JITTER_LIMITS)
    if measures.sharpness is not None:
        yield from _reason_if_below(
            "mouth_blurred", measures.sharpness.normalised, _SHARPNESS_LIMITS
        )
    if measures.outside is not None:
        if measures.outside.seam is not None:
            yield from _reason_if_above("seam", measures.outside.seam, _SEAM_LIMITS)
        if measures.outside.mean > _OUTSIDE_LIMIT:
            yield VerdictReason("outside_mouth_changed", "check")


def _resting_opening(silence: Silence) -> float:
    return silence.opening_median - silence.misread


def _is_below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _reason_if_below(
    code: str, value: float, limits: tuple[float, float]
) -> Iterator[VerdictReason]:
    yield from _reason_if_above(code, -value, (-limits[0], -limits[1]))


def _reason_if_above(
    code: str, value: float, limits: tuple[float, float]
) -> Iterator[VerdictReason]:
    if value > limits[0]:
        yield VerdictReason(code, "poor" if value > limits[1] else "check")


def worst_moments(
    fps: float,
    measured: npt.NDArray[np.bool_],
    opening: Values,
    silent: npt.NDArray[np.bool_],
    distance: Values | None,
    sharpness: Values | None,
) -> tuple[Moment, ...]:
    """Return up to five seconds, at least three apart, in which a measure is beyond its limit.

    Tracks hold one value per frame; ``distance`` is the landmark distance from the reference.
    """
    missing = np.where(measured, np.isnan(opening), np.nan)
    excess: dict[str, Values] = {
        "face_missing": 2.0 * missing,
        "open_in_silence": np.where(silent, opening, np.nan) / _OPENING_LIMITS[0],
    }
    if distance is not None:
        excess["sync_weak"] = distance / _MOMENT_LMD
    if sharpness is not None:
        excess["mouth_blurred"] = _MOMENT_SHARPNESS / np.maximum(sharpness, 1e-3)
    found = sorted(_excess_seconds(fps, excess), key=lambda moment: -moment[0])
    chosen: list[Moment] = []
    for _, second, code in found:
        if len(chosen) < _MAX_MOMENTS and all(abs(second - m.at_s) >= _MIN_GAP_S for m in chosen):
            chosen.append(Moment(float(second), code))
    return tuple(chosen)


def _excess_seconds(fps: float, excess: Mapping[str, Values]) -> Iterator[tuple[float, int, str]]:
    """Yield (mean excess over a second, the second, code) wherever the excess is more than 1."""
    for code, values in excess.items():
        second = (np.arange(len(values)) / fps + 1e-9).astype(np.int64)
        known = np.isfinite(values)
        count = np.bincount(second[known], minlength=1)
        total = np.bincount(second[known], weights=values[known], minlength=1)
        enough = count >= max(fps / 5, 1)
        for k in np.flatnonzero(enough & (total > count)):
            yield float(total[k] / count[k]), int(k), code
