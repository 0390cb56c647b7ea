"""The verdict on a video for teachers: good, check, poor or not measured, and the reasons.

The limits were set with real recordings and with copies that were broken on purpose. The share of
each fault that is found, and of recordings that are not called good, is in ``docs/score.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from appliance.messages.score import REASONS, UNMEASURED
from appliance.score.mouth_activity import MouthActivity
from appliance.score.outside_mouth import OutsideMouth
from appliance.score.sharpness import Sharpness
from appliance.score.silence import Jitter, Silence
from appliance.score.speech_match import SpeechMatch
from appliance.score.sync import Correlation
from appliance.score.yardstick import LookComparison

Severity = Literal["check", "poor"]
Grade = Literal["good", "check", "poor", "not_measured"]

LIMITS: dict[str, tuple[float, float]] = {
    "face_missing": (0.02, 0.40),  # share of frames
    "mouth_unchanged": (0.02, 0.40),  # share of frames
    # Viewers notice a lag from about 60 ms on (ITU-R BT.1359: 45 ms).
    "mouth_late": (55.0, 110.0),
    "mouth_early": (55.0, 110.0),
    "mouth_shut": (1.3, 4.0),  # seconds
    "moves_in_silence": (0.35, 2.0),  # seconds
    "open_in_silence": (0.05, 0.10),  # eye distances
    "mouth_trembling": (0.010, 0.020),  # eye distances
    "lips_pale": (0.25, 0.60),  # share of frames
    "inside_bright": (0.45, 0.80),  # share of frames
    "mouth_too_sharp": (2.0, 4.0),
    "mouth_flickers": (1.8, 3.0),
    "seam": (0.95, 3.0),  # grey levels
}
"""Values of a measure above which the grade is "check", and above which it is "poor"."""

# Values below which the grade is "check", and below which it is "poor".
_REFERENCE_R_LIMITS = (0.40, 0.15)
_MATCH_R_LIMITS = (0.36, 0.15)
_CONFIDENCE_LIMITS = (0.25, 0.10)
_SHARPNESS_LIMITS = (0.55, 0.30)
_SAME_FACE_LIMITS = (0.80, 0.60)
_MOVEMENT_LIMITS = (0.45, 0.38)
_LOUDNESS_R_LIMIT = 0.05  # a weak measure: alone it never makes a video "poor"
_JITTER_RATIO_LIMIT = 2.0  # the mesh's lips also shake when the head moves
_OUTSIDE_LIMIT = 3.0  # mean grey levels: an encoder's noise at CRF 28 is below 2

_MIN_SPEECH_S = 2.0
_MAX_LAG_SPREAD_MS = 60.0
_MIN_MATCH_S = 3.0  # a shorter stretch may match badly, or well, by chance


class Span(NamedTuple):
    """A stretch of the video in seconds, and the frame that shows the fault best."""

    start_s: float
    stop_s: float
    frame: int


@dataclass(frozen=True)
class VerdictReason:
    """A reason for the grade, by its code in :mod:`appliance.messages.score`, and its severity.

    ``span`` is the worst stretch; ``None`` if the reason holds for the whole video. ``picture`` is
    the number of the picture that shows it (:mod:`appliance.score.pictures`), from 1.
    """

    code: str
    grade: Severity
    span: Span | None = None
    picture: int | None = None

    def text(self, language: str = "en") -> str:
        """Return the reason as a sentence; ``language`` is ``en`` or ``zh``."""
        return REASONS[self.code][language]

    def as_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON, with the text in English."""
        return {
            "code": self.code,
            "grade": self.grade,
            "text": self.text(),
            "start_s": round(self.span.start_s, 2) if self.span else None,
            "stop_s": round(self.span.stop_s, 2) if self.span else None,
            "picture": self.picture,
        }


class Moment(NamedTuple):
    """A second of the video that should be checked, and the reason's code."""

    at_s: float
    code: str

    def text(self, language: str = "en") -> str:
        """Return the reason as a sentence; ``language`` is ``en`` or ``zh``."""
        return REASONS[self.code][language]


@dataclass(frozen=True)
class Verdict:
    """The grade of the worst reason, the reasons, and up to five moments, the worst first.

    ``unmeasured`` are codes of :data:`~appliance.messages.score.UNMEASURED`: what a good video must
    be measured for and this one could not be. Without reasons the grade is then ``not_measured``.
    """

    grade: Grade
    reasons: tuple[VerdictReason, ...]
    moments: tuple[Moment, ...] = ()
    unmeasured: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON, with the texts in English."""
        return {
            "grade": self.grade,
            "reasons": [reason.as_dict() for reason in self.reasons],
            "moments": [{"at_s": m.at_s, "code": m.code, "text": m.text()} for m in self.moments],
            "unmeasured": [
                {"code": code, "text": UNMEASURED[code]["en"]} for code in self.unmeasured
            ],
        }


class Unchanged(NamedTuple):
    """Shares of the frames in which the mouth was left as it was filmed, by reason."""

    no_face: float
    turned_away: float


class Measures(NamedTuple):
    """The measures that the verdict is based on; ``None`` is not measured.

    ``speech_s`` is the duration of speech in seconds, ``None`` without sound.
    """

    face: float
    speech_s: float | None
    opening_spread: float
    reference: Correlation | None
    loudness: Correlation | None
    silence: Silence | None
    jitter: Jitter | None
    sharpness: Sharpness | None
    outside: OutsideMouth | None
    match: SpeechMatch | None = None
    activity: MouthActivity | None = None
    appearance: LookComparison | None = None
    unchanged: Unchanged | None = None


def make_verdict(measures: Measures, still: float) -> Verdict:
    """Return the verdict on ``measures``.

    ``still`` is the spread of openings up to which a mouth does not move.
    """
    reasons = tuple(
        sorted(_find_reasons(measures, still), key=lambda reason: reason.grade != "poor")
    )
    unmeasured = tuple(_find_unmeasured(measures))
    grade: Grade = "not_measured" if unmeasured else "good"
    return Verdict(reasons[0].grade if reasons else grade, reasons, unmeasured=unmeasured)


def _find_unmeasured(measures: Measures) -> Iterator[str]:
    match = measures.match
    if measures.reference is not None and measures.reference.best_r is not None:
        pass  # a real video of the same speech says more than the sound
    elif measures.speech_s is None:
        yield "sound_unmeasured"
    elif measures.speech_s < _MIN_SPEECH_S:
        yield "speech_unmeasured"
    elif match is None or not (_is_certain(match) or match.seconds >= _MIN_MATCH_S):
        yield "sync_unmeasured"
    if measures.appearance is None or measures.appearance.pale_upper is None:
        yield "look_unmeasured"


def _find_reasons(measures: Measures, still: float) -> Iterator[VerdictReason]:
    if measures.unchanged is None:
        yield from _reason_if_above("face_missing", 1 - measures.face)
    else:
        yield from _reason_if_above("face_missing", measures.unchanged.no_face)
        yield from _reason_if_above("mouth_unchanged", measures.unchanged.turned_away)
    speaks = measures.speech_s is not None and measures.speech_s >= _MIN_SPEECH_S
    frozen = speaks and measures.opening_spread <= still
    moves = measures.appearance.movement if measures.appearance is not None else None
    if frozen:
        yield VerdictReason("mouth_still", "poor")
    else:
        if speaks and moves is not None:
            yield from _reason_if_below("mouth_still", moves, _MOVEMENT_LIMITS)
        yield from _sync_reasons(measures, speaks)
    if measures.activity is not None:
        if not frozen:
            yield from _reason_if_above("mouth_shut", measures.activity.still_s)
        yield from _reason_if_above("moves_in_silence", measures.activity.moving_s)
    if measures.silence is not None:
        yield from _reason_if_above("open_in_silence", _resting_opening(measures.silence))
    jitter = measures.jitter
    if jitter is not None and (jitter.ratio is None or jitter.ratio > _JITTER_RATIO_LIMIT):
        yield from _reason_if_above("mouth_trembling", jitter.lips)
    yield from _look_reasons(measures)
    if measures.outside is not None:
        if measures.outside.seam is not None:
            yield from _reason_if_above("seam", measures.outside.seam)
        if measures.outside.mean > _OUTSIDE_LIMIT:
            yield VerdictReason("outside_mouth_changed", "check")


def _sync_reasons(measures: Measures, speaks: bool) -> Iterator[VerdictReason]:
    """Yield what the best comparison says that there is: a reference, the speech, the loudness."""
    reference, match = measures.reference, measures.match
    if reference is not None and reference.best_r is not None:
        yield from _reason_if_below("sync_weak", reference.best_r, _REFERENCE_R_LIMITS)
        if reference.best_r >= _REFERENCE_R_LIMITS[0]:  # the lag of a weak one is meaningless
            yield from _lag_reasons(reference.lag_ms or 0.0)
    elif speaks and match is not None:
        lag_reasons = list(_lag_reasons(match.lag_ms)) if _is_certain(match) else []
        yield from lag_reasons
        if not lag_reasons and match.seconds >= _MIN_MATCH_S:
            weak = [
                *_reason_if_below("sync_weak", match.near_r, _MATCH_R_LIMITS),
                *_reason_if_below("sync_weak", match.confidence, _CONFIDENCE_LIMITS),
            ]
            yield from sorted(weak, key=lambda reason: reason.grade != "poor")[:1]
    elif speaks and measures.loudness is not None:
        best_r = measures.loudness.best_r
        if best_r is not None and best_r < _LOUDNESS_R_LIMIT:
            yield VerdictReason("sync_weak", "check")


def _is_certain(match: SpeechMatch) -> bool:
    """Return whether the lag of ``match`` can be relied on."""
    return (
        match.is_peak
        and match.best_r >= _MATCH_R_LIMITS[0]
        and match.confidence >= _CONFIDENCE_LIMITS[0]
        and (match.spread_ms is None or match.spread_ms <= _MAX_LAG_SPREAD_MS)
    )


def _lag_reasons(lag_ms: float) -> Iterator[VerdictReason]:
    yield from _reason_if_above("mouth_late" if lag_ms > 0 else "mouth_early", abs(lag_ms))


def _look_reasons(measures: Measures) -> Iterator[VerdictReason]:
    look, sharpness = measures.appearance, measures.sharpness
    # Pictures of the same moment are the better comparison.
    if sharpness is not None:
        yield from _reason_if_below("mouth_blurred", sharpness.normalised, _SHARPNESS_LIMITS)
    elif look is not None and look.sharpness is not None:
        yield from _reason_if_below("mouth_blurred", look.sharpness, _SHARPNESS_LIMITS)
    if look is None:
        return
    pale = [share for share in (look.pale_upper, look.pale_lower) if share is not None]
    for code, value in (
        ("lips_pale", max(pale, default=None)),
        ("inside_bright", look.bright_inside),
        ("mouth_too_sharp", look.sharpness),
        ("mouth_flickers", look.flicker),
    ):
        if value is not None:
            yield from _reason_if_above(code, value)
    if look.same_face is not None:
        yield from _reason_if_below("wrong_person", look.same_face, _SAME_FACE_LIMITS)


def _resting_opening(silence: Silence) -> float:
    return silence.opening_median - max(silence.misread, silence.own_rest)


def _reason_if_below(
    code: str, value: float, limits: tuple[float, float]
) -> Iterator[VerdictReason]:
    if value < limits[0]:
        yield VerdictReason(code, "poor" if value < limits[1] else "check")


def _reason_if_above(code: str, value: float) -> Iterator[VerdictReason]:
    limits = LIMITS[code]
    if value > limits[0]:
        yield VerdictReason(code, "poor" if value > limits[1] else "check")
