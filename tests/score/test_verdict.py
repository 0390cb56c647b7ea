"""The verdict for values on both sides of its limits, and the worst moments."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from appliance.messages.score import REASONS
from appliance.score.outside_mouth import OutsideMouth
from appliance.score.sharpness import Sharpness
from appliance.score.silence import Jitter, Silence
from appliance.score.sync import STILL_OPENING, Correlation
from appliance.score.verdict import Measures, Verdict, make_verdict, worst_moments

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
)


def judged(**changes: object) -> Verdict:
    return make_verdict(GOOD._replace(**changes), STILL_OPENING)  # type: ignore[arg-type]


def test_good_video_has_no_reasons() -> None:
    assert judged() == Verdict("good", (), ())


@pytest.mark.parametrize(
    ("change", "code", "grade"),
    [
        ({"face": 0.9}, "face_missing", "check"),
        ({"face": 0.3}, "face_missing", "poor"),
        ({"opening_spread": 0.001}, "mouth_still", "poor"),
        ({"reference": Correlation(0.1, 0.9, 80.0)}, "mouth_late", "check"),
        ({"reference": Correlation(0.1, 0.9, -120.0)}, "mouth_early", "poor"),
        ({"reference": Correlation(0.2, 0.3, 40.0)}, "sync_weak", "check"),
        ({"reference": Correlation(0.0, 0.1, 160.0)}, "sync_weak", "poor"),
        ({"reference": None, "loudness": Correlation(-0.2, 0.0, 160.0)}, "sync_weak", "check"),
        ({"silence": Silence(5.0, 0.07, 0.09)}, "open_in_silence", "check"),
        ({"silence": Silence(5.0, 0.15, 0.2)}, "open_in_silence", "poor"),
        ({"jitter": Jitter(0.015, 0.004, 3.75)}, "mouth_trembling", "check"),
        ({"jitter": Jitter(0.05, 0.0, None)}, "mouth_trembling", "poor"),
        ({"sharpness": Sharpness(0.4, 0.95, 0.45, 100)}, "mouth_blurred", "check"),
        ({"sharpness": Sharpness(0.1, 0.95, 0.11, 100)}, "mouth_blurred", "poor"),
        ({"outside": OutsideMouth(0.8, 14, 0.01, 3.5, 100)}, "seam", "check"),
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
        {"reference": None, "loudness": None, "silence": None, "jitter": None},
        {"sharpness": None, "outside": None},
    ],
)
def test_acceptable_values_have_no_reason(change: dict[str, object]) -> None:
    codes = {reason.code for reason in judged(**change).reasons}
    assert codes <= {"sync_weak"}
    assert not codes or "reference" in change


def test_worst_reason_comes_first_and_determines_the_grade() -> None:
    verdict = judged(face=0.9, sharpness=Sharpness(0.1, 1.0, 0.1, 9))
    assert [reason.code for reason in verdict.reasons] == ["mouth_blurred", "face_missing"]
    assert verdict.grade == "poor"
    assert verdict.as_dict()["reasons"][0] == {
        "code": "mouth_blurred",
        "grade": "poor",
        "text": REASONS["mouth_blurred"]["en"],
    }


Values = npt.NDArray[Any]
FPS, SECONDS = 25, 60


def moments(**changes: Values) -> list[tuple[float, str]]:
    frames = FPS * SECONDS
    opening = np.full(frames, 0.02)
    silent = np.ones(frames, np.bool_)
    tracks: dict[str, Values] = {
        "measured": np.ones(frames, np.bool_),
        "opening": opening,
        "silent": silent,
        "distance": np.full(frames, 0.01),
        "sharpness": np.ones(frames),
    }
    found = worst_moments(FPS, **{**tracks, **changes})
    return [(moment.at_s, moment.code) for moment in found]


def second(k: int) -> slice:
    return slice(FPS * k, FPS * (k + 1))


def test_good_video_has_no_moments() -> None:
    assert moments() == []


def test_moments_are_seconds_beyond_a_limit_worst_first() -> None:
    opening = np.full(FPS * SECONDS, 0.02)
    opening[second(10)], opening[second(30)] = 0.08, 0.2
    sharpness = np.ones(FPS * SECONDS)
    sharpness[second(50)] = 0.15
    assert moments(opening=opening, sharpness=sharpness) == [
        (30.0, "open_in_silence"),
        (50.0, "mouth_blurred"),
        (10.0, "open_in_silence"),
    ]


def test_at_most_five_separate_moments() -> None:
    distance = np.full(FPS * SECONDS, 0.01)
    distance[FPS * 20 : FPS * 40] = np.linspace(0.2, 0.3, FPS * 20)
    found = moments(distance=distance)
    assert [code for _, code in found] == ["sync_weak"] * 5
    assert [at_s for at_s, _ in found] == [39.0, 36.0, 33.0, 30.0, 27.0]


def test_missing_face_is_a_moment_but_an_unmeasured_frame_is_not() -> None:
    opening = np.full(FPS * SECONDS, 0.02)
    opening[second(7)] = np.nan
    opening[second(40)] = np.nan
    measured = np.ones(FPS * SECONDS, np.bool_)
    measured[second(40)] = False
    assert moments(opening=opening, measured=measured) == [(7.0, "face_missing")]


def test_open_mouth_in_speech_is_accepted() -> None:
    opening = np.full(FPS * SECONDS, 0.3)
    assert moments(opening=opening, silent=np.zeros(FPS * SECONDS, np.bool_)) == []
