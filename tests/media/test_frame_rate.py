"""Frame rates and counts from time stamps alone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from appliance.media.frame_rate import constant_rate, picture_times

MS = Fraction(1, 1000)
NTSC = Fraction(30000, 1001)


def _rounded(fps: Fraction, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([round(n / fps * 1000) for n in range(count)], np.int64)


@pytest.mark.parametrize(
    "fps", [Fraction(r) for r in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001")]
)
@pytest.mark.parametrize("count", [10, 75, 2000])
def test_usual_rate_is_detected_from_rounded_times(fps: Fraction, count: int) -> None:
    assert constant_rate(_rounded(fps, count), int(1000 / fps), MS, fps, 60) == (fps, count)


def test_wrong_declared_rate_is_ignored() -> None:
    assert constant_rate(_rounded(NTSC, 900), 33, MS, Fraction(60), 60) == (NTSC, 900)
    assert constant_rate(_rounded(Fraction(25), 900), 40, MS, Fraction(90000), 60)[0] == 25


def test_unusual_but_correct_declared_rate_is_used() -> None:
    fps, frames = constant_rate(_rounded(Fraction(7), 70), 143, MS, Fraction(7), 60)
    assert [fps, frames] == [28, 280]


def test_variable_rate_becomes_its_average() -> None:
    times = np.cumsum(np.random.default_rng(1).integers(15, 60, 500)).astype(np.int64)
    fps, frames = constant_rate(times, 40, MS, Fraction(30), 60)
    average = 499 / ((times[-1] - times[0]) / 1000)
    assert float(fps) == pytest.approx(average, rel=1e-3)
    assert frames == pytest.approx(500, abs=1)


def test_damaged_section_does_not_change_the_rate() -> None:
    times = np.delete(_rounded(Fraction(25), 500), [*range(200, 230), 232, 235])
    assert constant_rate(times, 40, MS, Fraction(25), 60) == (Fraction(25), 500)


def test_occasional_dropped_frames_do_not_change_the_rate() -> None:
    times = np.delete(_rounded(NTSC, 3000), [100, 777, 1500, 1501, 2222, 2600])
    assert constant_rate(times, 33, MS, NTSC, 60) == (NTSC, 3000)


def test_regularly_dropped_frames_change_the_rate() -> None:
    times = np.delete(_rounded(Fraction(30), 3000), np.arange(7, 2999, 10))
    assert float(constant_rate(times, 33, MS, Fraction(30), 60)[0]) == pytest.approx(27, rel=1e-3)


@pytest.mark.parametrize(
    ("true", "expected", "frames"), [(Fraction(120), 60, 150), (Fraction(1, 4), 25, 30000)]
)
def test_rates_are_limited_to_1_to_60(true: Fraction, expected: int, frames: int) -> None:
    assert constant_rate(_rounded(true, 300), 0, MS, true, 60) == (Fraction(expected), frames)


def test_duration_of_the_last_frame_is_limited() -> None:
    times = _rounded(Fraction(25), 50)
    assert constant_rate(times, 2040, MS, None, 60) == (Fraction(25), 100)
    assert constant_rate(times, 10**9, MS, None, 60) == (Fraction(25), 49 + 250)


def test_one_frame_is_a_still_image() -> None:
    assert constant_rate(np.array([40]), 40, MS, Fraction(30), 60) == (Fraction(30), 1)
    assert constant_rate(np.array([40]), 40, MS, Fraction(90000), 60) == (Fraction(25), 1)
    with pytest.raises(ValueError):
        constant_rate(np.empty(0, np.int64), 40, MS, None, 60)


def test_two_packets_per_frame_count_once() -> None:
    fields = np.arange(0, 2000, 20)
    np.testing.assert_array_equal(picture_times(fields, np.arange(0, 960, 40)), fields[::2])


def test_packets_before_the_first_frame_do_not_count() -> None:
    packets = np.array([80, 0, 40, 120, 160])
    np.testing.assert_array_equal(picture_times(packets, np.array([80, 120, 160])), [80, 120, 160])


@pytest.mark.parametrize(
    ("own", "shown"), [(1, 25), (5, 25), (10, 30), (12, 24), (15, 30), (20, 25), (24, 24), (25, 25)]
)
def test_slow_video_is_shown_at_a_multiple_of_its_rate(own: int, shown: int) -> None:
    pts = np.arange(20, dtype=np.int64)
    fps, frames = constant_rate(pts, 1, Fraction(1, own), Fraction(own), 60)
    assert [fps, frames] == [shown, 20 * shown // own]
    limited, _ = constant_rate(pts, 1, Fraction(1, own), Fraction(own), own)
    assert limited == own
