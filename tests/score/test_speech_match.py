"""Lag and strength of a mouth against the opening that the speech asks for."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.score.speech_match import WantedOpening, match_speech
from tests.talking_face import babble

FPS, RATE = 25.0, 50.0


def wanted(seconds: float, seed: int = 1) -> WantedOpening:
    """Openings at 50 Hz whose first value is 20 ms after the first picture."""
    openings = np.repeat(babble(round(seconds * FPS), seed), 2)
    smooth = np.convolve(openings, np.ones(5) / 5, mode="same")
    return WantedOpening(smooth.astype(np.float32), RATE, 0.02)


@pytest.mark.parametrize("lag_ms", [-240, -80, 0, 40, 80, 120, 200])
@pytest.mark.parametrize("own_ms", [0, 100])
def test_lag_is_measured_within_a_few_milliseconds(lag_ms: int, own_ms: int) -> None:
    asked = wanted(12)
    noise = np.random.default_rng(0).normal(0, 0.02, 300)
    shown = asked.at_frames(300, FPS, (lag_ms + own_ms) / 1000) + noise
    found = match_speech(shown, FPS, asked, own_ms / 1000)
    assert found is not None
    assert found.lag_ms == pytest.approx(lag_ms, abs=12)
    assert found.spread_ms is not None
    assert found.spread_ms < 15
    assert found.best_r > 0.9
    assert found.confidence > 0.5


def test_another_speech_matches_weakly() -> None:
    asked = wanted(40)
    shown = wanted(40, seed=9).at_frames(990, FPS)
    found = match_speech(shown, FPS, asked)
    assert found is not None
    assert found.near_r < 0.25


def test_gaps_in_the_track_do_not_move_the_lag() -> None:
    asked = wanted(30)
    shown = asked.at_frames(700, FPS, 0.08)
    shown[100:400] = np.nan
    found = match_speech(shown, FPS, asked)
    assert found is not None
    assert found.lag_ms == pytest.approx(80, abs=5)
    assert found.seconds < 17


def test_still_mouth_and_short_stretches_are_not_measured() -> None:
    asked = wanted(12)
    assert match_speech(np.full(300, 0.03), FPS, asked) is None
    assert match_speech(np.full(300, np.nan), FPS, asked) is None
    assert match_speech(asked.at_frames(5, FPS), FPS, asked) is None
    silent = asked._replace(values=np.zeros_like(asked.values))
    assert match_speech(asked.at_frames(300, FPS), FPS, silent) is None
    short = match_speech(asked.at_frames(80, FPS), FPS, asked._replace(values=asked.values[:200]))
    assert short is not None
    assert short.spread_ms is None
