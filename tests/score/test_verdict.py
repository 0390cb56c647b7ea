"""The verdict for values on both sides of its limits, and what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.messages.score import REASONS
from appliance.score.mouth_activity import MouthActivity
from appliance.score.outside_mouth import OutsideMouth
from appliance.score.sharpness import Sharpness
from appliance.score.silence import Jitter, Silence
from appliance.score.speech_match import SpeechMatch
from appliance.score.sync import STILL_OPENING, Correlation
from appliance.score.verdict import LIMITS, Measures, Unchanged, Verdict, make_verdict
from appliance.score.yardstick import LookComparison

GOOD = Measures(
    face=1.0,
    speech_s=30.0,
    opening_spread=0.05,
    reference=Correlation(0.8, 0.82, 40.0),
    loudness=Correlation(0.4, 0.45, -40.0),
    silence=Silence(5.0, 0.02, 0.04),
    jitter=Jitter(0.003, 0.004, 0.75),
    sharpness=Sharpness(0.9, 0.95, 0.95, 100),
    outside=OutsideMouth(0.8, 14, 0.01, 0.6, 100),
    match=SpeechMatch(0.7, 0.7, 0.7, 3.0, 0.5, 4.0, 30.0),
    activity=MouthActivity(0.0, 20.0, 0.0, 5.0, 0.03),
    appearance=LookComparison(0.05, 0.04, 0.06, 1.1, 1.0, 0.9, 0.99, 200),
    unchanged=Unchanged(0.0, 0.0),
)
MATCH, LOOK, ACTIVITY = GOOD.match, GOOD.appearance, GOOD.activity
assert MATCH is not None
assert LOOK is not None
assert ACTIVITY is not None


def judged(**changes: object) -> Verdict:
    return make_verdict(GOOD._replace(**changes), STILL_OPENING)  # type: ignore[arg-type]


def test_good_video_has_no_reasons() -> None:
    assert judged() == Verdict("good", (), ())


@pytest.mark.parametrize(
    ("change", "code", "grade"),
    [
        ({"unchanged": None, "face": 0.9}, "face_missing", "check"),
        ({"unchanged": None, "face": 0.3}, "face_missing", "poor"),
        ({"unchanged": Unchanged(0.1, 0.0)}, "face_missing", "check"),
        ({"unchanged": Unchanged(0.0, 0.5)}, "mouth_unchanged", "poor"),
        ({"opening_spread": 0.001}, "mouth_still", "poor"),
        ({"reference": Correlation(0.1, 0.9, 80.0)}, "mouth_late", "check"),
        ({"reference": Correlation(0.1, 0.9, -120.0)}, "mouth_early", "poor"),
        ({"reference": Correlation(0.2, 0.3, 40.0)}, "sync_weak", "check"),
        ({"reference": Correlation(0.0, 0.1, 160.0)}, "sync_weak", "poor"),
        (
            {"reference": None, "match": None, "loudness": Correlation(-0.2, 0.0, 160.0)},
            "sync_weak",
            "check",
        ),
        ({"reference": None, "match": replace(MATCH, lag_ms=80.0)}, "mouth_late", "check"),
        ({"reference": None, "match": replace(MATCH, lag_ms=-200.0)}, "mouth_early", "poor"),
        ({"reference": None, "match": replace(MATCH, near_r=0.1)}, "sync_weak", "poor"),
        ({"activity": replace(ACTIVITY, still_s=2.0)}, "mouth_shut", "check"),
        ({"activity": replace(ACTIVITY, moving_s=3.0)}, "moves_in_silence", "poor"),
        ({"appearance": replace(LOOK, pale_upper=0.7)}, "lips_pale", "poor"),
        ({"appearance": replace(LOOK, pale_lower=0.4)}, "lips_pale", "check"),
        ({"appearance": replace(LOOK, bright_inside=0.9)}, "inside_bright", "poor"),
        ({"appearance": replace(LOOK, sharpness=6.0)}, "mouth_too_sharp", "poor"),
        ({"sharpness": None, "appearance": replace(LOOK, sharpness=0.2)}, "mouth_blurred", "poor"),
        ({"appearance": replace(LOOK, flicker=2.0)}, "mouth_flickers", "check"),
        ({"appearance": replace(LOOK, movement=0.3)}, "mouth_still", "poor"),
        ({"appearance": replace(LOOK, same_face=0.4)}, "wrong_person", "poor"),
        ({"silence": Silence(5.0, 0.07, 0.09)}, "open_in_silence", "check"),
        ({"silence": Silence(5.0, 0.15, 0.2)}, "open_in_silence", "poor"),
        ({"jitter": Jitter(0.015, 0.004, 3.75)}, "mouth_trembling", "check"),
        ({"jitter": Jitter(0.05, 0.0, None)}, "mouth_trembling", "poor"),
        ({"sharpness": Sharpness(0.4, 0.95, 0.45, 100)}, "mouth_blurred", "check"),
        ({"sharpness": Sharpness(0.1, 0.95, 0.11, 100)}, "mouth_blurred", "poor"),
        ({"outside": OutsideMouth(0.8, 14, 0.01, 1.5, 100)}, "seam", "check"),
        ({"outside": OutsideMouth(0.8, 14, 0.01, 6.0, 100)}, "seam", "poor"),
        ({"outside": OutsideMouth(5.0, 14, 0.01, None, 100)}, "outside_mouth_changed", "check"),
    ],
)
def test_each_fault_has_its_reason_and_grade(
    change: dict[str, object], code: str, grade: str
) -> None:
    verdict = judged(**change)
    assert [(reason.code, reason.grade) for reason in verdict.reasons] == [(code, grade)]
    assert verdict.grade == grade


@pytest.mark.parametrize(
    "change",
    [
        {"reference": Correlation(0.2, 0.3, 160.0)},  # the lag of a weak correlation
        {"jitter": Jitter(0.015, 0.012, 1.25)},  # a head that moves
        {"opening_spread": 0.001, "speech_s": 0.5},  # no speech
        {"appearance": replace(LOOK, movement=None), "reference": None},
        {"reference": None, "loudness": None, "silence": None, "jitter": None},
        {"sharpness": None, "outside": None},
        {"reference": None, "match": replace(MATCH, lag_ms=300.0, spread_ms=150.0)},
        {"reference": None, "match": replace(MATCH, lag_ms=300.0, confidence=0.05)},
    ],
)
def test_acceptable_values_have_no_reason(change: dict[str, object]) -> None:
    codes = {reason.code for reason in judged(**change).reasons}
    assert codes <= {"sync_weak"}
    assert not codes or "reference" in change


def test_worst_reason_comes_first_and_determines_the_grade() -> None:
    verdict = judged(unchanged=Unchanged(0.1, 0.0), sharpness=Sharpness(0.1, 1.0, 0.1, 9))
    assert [reason.code for reason in verdict.reasons] == ["mouth_blurred", "face_missing"]
    assert verdict.grade == "poor"
    assert verdict.as_dict()["reasons"][0] == {
        "code": "mouth_blurred",
        "grade": "poor",
        "text": REASONS["mouth_blurred"]["en"],
        "start_s": None,
        "stop_s": None,
        "picture": None,
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"speech_s": None, "match": None, "reference": None}, "sound_unmeasured"),
        ({"speech_s": 0.5, "match": None, "reference": None}, "speech_unmeasured"),
        ({"match": None, "reference": None}, "sync_unmeasured"),
        (
            {"match": replace(MATCH, seconds=2.5, confidence=0.1), "reference": None},
            "sync_unmeasured",
        ),
        ({"appearance": None}, "look_unmeasured"),
        ({"appearance": replace(LOOK, pale_upper=None)}, "look_unmeasured"),
    ],
)
def test_what_could_not_be_measured_is_never_good(change: dict[str, object], code: str) -> None:
    verdict = judged(**change)
    assert (verdict.grade, verdict.reasons, verdict.unmeasured) == ("not_measured", (), (code,))
    assert verdict.as_dict()["unmeasured"][0]["code"] == code


def test_every_limit_has_a_sentence() -> None:
    assert set(LIMITS) <= set(REASONS)
