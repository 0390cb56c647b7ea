"""The scores: their targets, the regression, and the count of closed lips."""

from __future__ import annotations

import ctypes.util

import numpy as np
import pytest

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.lips.speech_motion import SCORES, SpeechMotion
from appliance.speech.speech_encoder import StudentEncoder
from export_tools.speech_features import train_scores
from export_tools.speech_features.sessions import RATE, Session, Spans
from export_tools.speech_features.train_motion import at_taps
from export_tools.speech_features.train_scores import (
    HANG_S,
    LEAD_S,
    MARGIN_S,
    TEST_LANGUAGES,
    add_scores,
    count_closures,
    fit,
    fit_scores,
    mark_spans,
    measure_closures,
    predict_opening,
    step_times,
)

pytestmark = pytest.mark.export

TAPS = (-2, 0, 2)
LITE = PROJECT / "models_lite" / "lectern-lite"


def session(seconds: float, speech: Spans, shut: Spans) -> Session:
    return Session(np.zeros(round(seconds * RATE), np.float32), speech, shut)


def test_spans_are_marked_at_the_times_of_the_motion() -> None:
    marks = mark_spans(100, [(0.5, 0.7), (1.2, 1.3)])
    times = step_times(100)
    assert times[0] == pytest.approx(-0.01) and times[50] == pytest.approx(0.99)
    assert np.array_equal(np.flatnonzero(marks), [*range(26, 36), *range(61, 66)])
    wide = mark_spans(100, [(0.5, 0.7)], lead_s=0.2, hang_s=0.1)
    assert np.flatnonzero(wide).tolist() == list(range(16, 41))


def test_fit_recovers_a_linear_rule() -> None:
    rng = np.random.default_rng(0)
    columns = (rng.normal(size=(20_000, 4)) * [1, 10, 0.1, 1] + [5, 0, 1, -3]).astype(np.float32)
    truth = np.array([0.5, -0.02, 4.0, 0.0, 0.25])
    targets = (columns @ truth[:-1] + truth[-1]).astype(np.float32)
    weights = np.ones(20_000, np.float32)
    weights[::2], targets[::2] = 0, 99  # these do not count
    found = fit(columns, targets, weights, ridge=100)
    assert np.allclose(found[:-1], truth[:-1], rtol=0.05, atol=0.01)
    assert np.corrcoef(columns[1::2] @ found[:-1] + found[-1], targets[1::2])[0, 1] > 0.9999


def test_scores_are_those_of_a_linear_rule() -> None:
    speech, shut = [(1.0, 2.0), (2.0, 3.0)], [(1.4, 1.6), (2.3, 2.5)]
    heard, rng = [], np.random.default_rng(1)
    for _ in range(30):
        made = session(6.0, speech, shut)
        features = rng.normal(0, 0.01, (300, 3)).astype(np.float32)
        features[:, 0] += mark_spans(300, shut)
        features[:, 1] += 3 * mark_spans(300, speech, LEAD_S, HANG_S)
        heard.append((made, features))
    scores = fit_scores(heard, TAPS, ridge=100)
    assert scores.shape == (3 * len(TAPS) + 1, SCORES)
    made, features = heard[0]
    found = at_taps(features, TAPS) @ scores[:-1] + scores[-1]
    assert np.abs(found[:, 0] - mark_spans(300, shut)).max() < 0.3
    assert np.corrcoef(found[:, 0], mark_spans(300, shut))[0, 1] > 0.97
    around = mark_spans(300, speech, LEAD_S + MARGIN_S, HANG_S + MARGIN_S)
    wanted = mark_spans(300, speech, LEAD_S, HANG_S)
    certain = (around == 0) | (wanted == 1)
    assert np.corrcoef(found[certain, 1], wanted[certain])[0, 1] > 0.97


def test_a_motion_with_scores_keeps_its_coefficients() -> None:
    rng = np.random.default_rng(2)
    motion = SpeechMotion(
        rng.normal(size=(3, 4, 2)).astype(np.float32),
        np.array(TAPS),
        np.array([1, 2], np.float32),
        np.zeros(2, np.float32),
    )
    scores = rng.normal(size=(3 * 4 + 1, SCORES))
    complete = add_scores(motion, scores)
    features = rng.normal(size=(30, 4)).astype(np.float32)
    before, after = (np.concatenate(list(m.predict([features]))) for m in (motion, complete))
    assert after.shape == (30, 4) and np.allclose(after[:, :2], before, atol=1e-5)
    expected = at_taps(features, TAPS) @ scores[:-1] + scores[-1]
    assert np.allclose(after[:, 2:], expected, atol=1e-4)


def test_closures_are_counted() -> None:
    times = step_times(200)
    opening = np.full(200, 0.3)
    made = session(4.0, [(0.5, 3.5)], [(1.0, 1.1), (2.0, 2.1), (3.0, 3.1)])
    assert count_closures(opening, made) == (0, 3)
    opening[np.abs(times - 1.05) < 0.02] = 0.05  # within the first
    opening[np.abs(times - 2.13) < 0.008] = 0.05  # 30 ms after the second
    opening[np.abs(times - 3.2) < 0.02] = 0.0  # too late for the third
    assert count_closures(opening, made) == (2, 3)
    opening[np.abs(times - 3.05) < 0.02] = 0.11  # more than a third
    assert count_closures(opening, made) == (2, 3)


def test_lips_without_speech_do_not_define_the_limit() -> None:
    opening = np.where(step_times(200) < 1.0, 0.9, 0.3)
    made = session(4.0, [(1.5, 3.5)], [(2.0, 2.1)])
    assert count_closures(opening, made) == (0, 1)


def test_silence_opens_no_lips() -> None:
    motion, basis = SpeechMotion.load(LITE / "motion.npz"), MotionBasis.load(LITE / "basis.npz")
    opening = predict_opening(motion, StudentEncoder.open(), basis, np.zeros(2 * RATE, np.float32))
    assert opening.shape == (101,) and opening.max() == 0


@pytest.mark.skipif(
    ctypes.util.find_library("espeak-ng") is None, reason="libespeak-ng is not installed"
)
def test_the_shipped_motion_closes_the_lips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_scores, "SESSION_S", 8.0)
    motion, basis = SpeechMotion.load(LITE / "motion.npz"), MotionBasis.load(LITE / "basis.npz")
    found = measure_closures(motion, StudentEncoder.open(), basis, 1)
    assert set(found) == set(TEST_LANGUAGES)
    closed = sum(row["recall"] * row["sounds"] for row in found.values())
    total = sum(row["sounds"] for row in found.values())
    assert total > 15 and closed > 0.7 * total
