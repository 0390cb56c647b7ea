"""The stretch of each reason, and the seconds to check."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.score.moments import locate, worst_moments
from appliance.score.verdict import Span, Verdict, VerdictReason

FPS, SECONDS = 25, 60
Values = npt.NDArray[Any]


def second(first: int, stop: int | None = None) -> slice:
    return slice(FPS * first, FPS * (first + 1 if stop is None else stop))


def quiet() -> Values:
    return np.zeros(FPS * SECONDS)


def located(values: Values, overall: tuple[str, ...] = ()) -> Span | None:
    verdict = Verdict("check", (VerdictReason("lips_pale", "check"),))
    return locate(verdict, FPS, {"lips_pale": values}, overall).reasons[0].span


def test_moments_are_seconds_beyond_the_limit_worst_first() -> None:
    pale, blurred = quiet(), quiet()
    pale[second(10)], pale[second(30)], blurred[second(50)] = 1.2, 4, 2
    found = worst_moments(FPS, {"lips_pale": pale, "mouth_blurred": blurred, "seam": quiet()})
    assert found == ((30.0, "lips_pale"), (50.0, "mouth_blurred"), (10.0, "lips_pale"))


def test_at_most_five_separate_moments() -> None:
    values = quiet()
    values[second(20, 40)] = np.linspace(2, 3, FPS * 20)
    found = worst_moments(FPS, {"sync_weak": values})
    assert [moment.at_s for moment in found] == [39.0, 36.0, 33.0, 30.0, 27.0]


def test_seconds_that_were_not_measured_are_no_moments() -> None:
    values = np.full(FPS * SECONDS, np.nan)
    assert worst_moments(FPS, {"face_missing": values}) == ()
    assert located(values) is None


def test_span_is_the_worst_stretch_and_its_worst_frame() -> None:
    values = quiet()
    values[second(5)] = 3
    values[second(20, 23)] = 2
    values[second(24, 26)] = 2  # a second without the fault does not end the stretch
    values[FPS * 21 + 7] = 9
    assert located(values) == Span(20, 26, FPS * 21 + 7)


def test_reason_of_the_whole_video_spans_what_was_measured_and_makes_no_moments() -> None:
    values = np.full(FPS * SECONDS, np.nan)
    values[second(8, 16)] = 1.5
    values[FPS * 12] = 5
    assert located(values, ("lips_pale",)) == Span(8, 16, FPS * 12)
    verdict = Verdict("check", (VerdictReason("lips_pale", "check"),))
    assert locate(verdict, FPS, {"lips_pale": values}, ("lips_pale",)).moments == ()
