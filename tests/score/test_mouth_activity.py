"""Speech with a still mouth, and silence with a moving one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.score.mouth_activity import measure_activity
from tests.talking_face import babble

FPS = 25.0
FRAMES = 500
EVERY = np.ones(FRAMES, np.bool_)
NEVER = np.zeros(FRAMES, np.bool_)


def speech() -> npt.NDArray[np.float64]:
    noise = np.random.default_rng(2).normal(0, 0.002, FRAMES)
    return 0.02 + 0.3 * babble(FRAMES, seed=5) + noise


def test_moving_mouth_in_speech_is_accepted() -> None:
    found, flags = measure_activity(speech(), FPS, EVERY, NEVER, None)
    assert (found.still_s, found.moving_s, found.silence_s) == (0, 0, 0)
    assert found.speech_s == FRAMES / FPS
    assert not flags.still.any()


def test_shut_mouth_in_speech_is_found_where_it_is() -> None:
    opening = speech()
    opening[200:260] = 0.02
    found, flags = measure_activity(opening, FPS, EVERY, NEVER, None)
    assert 2.0 <= found.still_s <= 2.6
    assert set(np.flatnonzero(flags.still)) <= set(range(195, 265))


def test_still_mouth_is_right_where_the_speech_asks_for_no_movement() -> None:
    opening, asked = speech(), babble(FRAMES, seed=5)
    opening[200:260], asked[190:270] = 0.02, 0
    found, _ = measure_activity(opening, FPS, EVERY, NEVER, asked)
    assert found.still_s == 0


def test_moving_mouth_in_silence_is_found() -> None:
    silent = NEVER.copy()
    silent[100:150] = silent[300:350] = True
    opening = speech()
    opening[300:350] = 0.02
    found, flags = measure_activity(opening, FPS, ~silent, silent, None)
    assert found.silence_s == pytest.approx(2.8, abs=0.1)  # without 0.3 s beside speech
    assert 1.2 <= found.moving_s <= 1.4
    assert flags.moving[100:150].any()
    assert not flags.moving[150:].any()


def test_short_pauses_and_unknown_frames_are_not_judged() -> None:
    silent = NEVER.copy()
    silent[100:107] = True
    opening = speech()
    opening[:50] = np.nan
    found, _ = measure_activity(opening, FPS, ~silent, silent, None)
    assert (found.moving_s, found.silence_s) == (0, 0)
    none, _ = measure_activity(np.full(FRAMES, np.nan), FPS, EVERY, EVERY, None)
    assert (none.still_s, none.speech_s, none.moving_s, none.silence_s) == (0, 0, 0, 0)
    tiny, _ = measure_activity(opening[:3], FPS, EVERY[:3], NEVER[:3], None)
    assert tiny.speech_s == 0
