"""The verdict on a video for teachers: good, check or poor, the reasons, and the moments to check.

The limits were set on 29 real recordings, of which 26 are "good" by them (two speakers rest with an
open mouth, in one clip the mouth hardly follows the sound), and on copies that were frozen,
shifted, blurred, pasted or shaken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.score.sharpness import Sharpness
from appliance.score.stillness import Jitter, Silence
from appliance.score.surround import Surround
from appliance.score.sync import Correlation

Grade = Literal["good", "check", "poor"]
Values = npt.NDArray[np.floating]

REASONS: dict[str, dict[str, str]] = {
    "face_missing": {
        "en": "Part of the video shows no face.",
        "zh": "部分画面中没有人脸。",
    },
    "mouth_still": {
        "en": "There is speech, but the mouth does not move.",
        "zh": "有说话声，但嘴没有动。",
    },
    "mouth_late": {
        "en": "The mouth moves later than the sound.",
        "zh": "嘴部动作比声音晚。",
    },
    "mouth_early": {
        "en": "The mouth moves earlier than the sound.",
        "zh": "嘴部动作比声音早。",
    },
    "sync_weak": {
        "en": "The mouth does not match the speech well.",
        "zh": "嘴部动作与语音不太吻合。",
    },
    "open_in_silence": {
        "en": "The mouth stays open during pauses.",
        "zh": "停顿时嘴没有闭上。",
    },
    "restless": {
        "en": "The mouth trembles during pauses.",
        "zh": "停顿时嘴部有抖动。",
    },
    "blurred": {
        "en": "The mouth is less sharp than the rest of the face.",
        "zh": "嘴部比面部其他区域模糊。",
    },
    "seam": {
        "en": "An edge may be visible around the mouth.",
        "zh": "嘴部周围可能有接缝。",
    },
    "outside": {
        "en": "Outside the mouth, the picture differs from the original.",
        "zh": "嘴部以外的画面与原画面不同。",
    },
}

# shares of frames below which the grade is "check", and below which it is "poor"
_FACE = (0.98, 0.60)
_REFERENCE_R = (0.40, 0.15)
_LOUDNESS_R = 0.05  # a weak measure: alone it never makes a video "poor"
_LAG_MS = (60.0, 110.0)  # viewers notice a lag from about 60 ms on (ITU-R BT.1359: 45 ms)
_OPENING = (0.05, 0.10)
_JITTER = (0.010, 0.020)
_JITTER_RATIO = 2.0  # the mesh's lips also shake when the head moves
_SHARPNESS = (0.55, 0.30)
_SEAM = (2.5, 5.0)
_OUTSIDE = 3.0  # mean grey levels: an encoder's noise at CRF 28 is below 2
_LMD = 0.12  # limits of a single moment
_BLUR = 0.3

_MIN_SPEECH_S = 2.0
_MOMENTS = 5
_APART_S = 3


class Reason(NamedTuple):
    """A reason for the grade: a code of :data:`REASONS` and its severity."""

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
    reasons: tuple[Reason, ...]
    moments: tuple[Moment, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON, texts in English; :data:`REASONS` has other languages."""
        return {
            "grade": self.grade,
            "reasons": [{"code": r.code, "grade": r.grade, "text": r.text()} for r in self.reasons],
            "moments": [{"at_s": m.at_s, "code": m.code, "text": m.text()} for m in self.moments],
        }


class Facts(NamedTuple):
    """The measures that the verdict is based on; ``speech_s`` is the duration of speech in s."""

    face: float
    speech_s: float
    opening_spread: float
    reference: Correlation | None
    loudness: Correlation | None
    silence: Silence | None
    jitter: Jitter | None
    sharpness: Sharpness | None
    outside: Surround | None


def judge(facts: Facts, still: float, moments: tuple[Moment, ...] = ()) -> Verdict:
    """Return the verdict on ``facts``.

    ``still`` is the spread of openings up to which a mouth does not move.
    """
    reasons = tuple(sorted(_reasons(facts, still), key=lambda reason: reason.grade != "poor"))
    grade: Grade = reasons[0].grade if reasons else "good"
    return Verdict(grade, reasons, moments)


def _reasons(facts: Facts, still: float) -> Iterator[Reason]:
    yield from _below("face_missing", facts.face, _FACE)
    speaks = facts.speech_s >= _MIN_SPEECH_S
    if speaks and facts.opening_spread <= still:
        yield Reason("mouth_still", "poor")
    elif facts.reference is not None and facts.reference.best_r is not None:
        yield from _below("sync_weak", facts.reference.best_r, _REFERENCE_R)
        # The lag of a weak correlation is meaningless.
        if facts.reference.best_r >= _REFERENCE_R[0]:
            lag = facts.reference.lag_ms or 0.0
            yield from _above("mouth_late" if lag > 0 else "mouth_early", abs(lag), _LAG_MS)
    elif speaks and facts.loudness is not None and _is_below(facts.loudness.best_r, _LOUDNESS_R):
        yield Reason("sync_weak", "check")
    if facts.silence is not None:
        yield from _above("open_in_silence", _resting(facts.silence), _OPENING)
    jitter = facts.jitter
    if jitter is not None and (jitter.ratio is None or jitter.ratio > _JITTER_RATIO):
        yield from _above("restless", jitter.lips, _JITTER)
    if facts.sharpness is not None:
        yield from _below("blurred", facts.sharpness.normalised, _SHARPNESS)
    if facts.outside is not None:
        if facts.outside.seam is not None:
            yield from _above("seam", facts.outside.seam, _SEAM)
        if facts.outside.mean > _OUTSIDE:
            yield Reason("outside", "check")


def _resting(silence: Silence) -> float:
    return silence.opening_median - silence.misread


def _is_below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _below(code: str, value: float, limits: tuple[float, float]) -> Iterator[Reason]:
    yield from _above(code, -value, (-limits[0], -limits[1]))


def _above(code: str, value: float, limits: tuple[float, float]) -> Iterator[Reason]:
    if value > limits[0]:
        yield Reason(code, "poor" if value > limits[1] else "check")


def worst_moments(
    fps: float,
    looked: npt.NDArray[np.bool_],
    opening: Values,
    silent: npt.NDArray[np.bool_],
    distance: Values | None,
    sharpness: Values | None,
) -> tuple[Moment, ...]:
    """Return up to five seconds, at least three apart, in which a measure is beyond its limit.

    Tracks hold one value per frame; ``distance`` is the landmark distance from the reference.
    """
    missing = np.where(looked, np.isnan(opening), np.nan)
    excess: dict[str, Values] = {
        "face_missing": 2.0 * missing,
        "open_in_silence": np.where(silent, opening, np.nan) / _OPENING[0],
    }
    if distance is not None:
        excess["sync_weak"] = distance / _LMD
    if sharpness is not None:
        excess["blurred"] = _BLUR / np.maximum(sharpness, 1e-3)
    found = sorted(_seconds(fps, excess), key=lambda moment: -moment[0])
    chosen: list[Moment] = []
    for _, second, code in found:
        if len(chosen) < _MOMENTS and all(abs(second - m.at_s) >= _APART_S for m in chosen):
            chosen.append(Moment(float(second), code))
    return tuple(chosen)


def _seconds(fps: float, excess: Mapping[str, Values]) -> Iterator[tuple[float, int, str]]:
    """Yield (mean excess over a second, the second, code) wherever the excess is more than 1."""
    for code, values in excess.items():
        second = (np.arange(len(values)) / fps + 1e-9).astype(np.int64)
        known = np.isfinite(values)
        count = np.bincount(second[known], minlength=1)
        total = np.bincount(second[known], weights=values[known], minlength=1)
        enough = count >= max(fps / 5, 1)
        for k in np.flatnonzero(enough & (total > count)):
            yield float(total[k] / count[k]), int(k), code
