"""Which sound track is spoken, and quiet or opposite sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.media.audio import audio_blocks
from appliance.speech.mel import LECTERN_MEL, mel_blocks
from appliance.speech.tracks import find_speech_track, has_opposite_channels, write_analysis_copy
from appliance.speech.vad import detect_activity, quiet_gain_db
from tests.media.test_audio_tracks import tone, write_stereo, write_tracks
from tests.speech.test_vad import lecture, noise, talk


def speech(seconds: float = 4.0) -> np.ndarray:
    return np.asarray(talk(seconds, 1), np.float32)


@pytest.mark.parametrize(("order", "found"), [((0, 1), 1), ((1, 0), 0), ((0, 0), None)])
def test_first_track_with_speech_is_found(
    tmp_path: Path, order: tuple[int, int], found: int | None
) -> None:
    sounds = (tone(4.0), speech())
    path = write_tracks(tmp_path / "a.mkv", [sounds[number] for number in order])
    assert find_speech_track(path) == found


def test_marked_or_only_track_is_not_searched(tmp_path: Path) -> None:
    assert find_speech_track(write_tracks(tmp_path / "a.mkv", [tone(), speech()], 0)) is None
    assert find_speech_track(write_tracks(tmp_path / "b.m4a", [tone()])) is None


@pytest.mark.parametrize(("right", "opposite"), [(-1.0, True), (1.0, False), (0.0, False)])
def test_opposite_channels_are_noticed(tmp_path: Path, right: float, opposite: bool) -> None:
    sound = speech()
    path = write_stereo(tmp_path / "a.wav", np.stack([sound, right * sound]))
    assert has_opposite_channels(path) is opposite


def test_quiet_speech_is_found_after_amplification(tmp_path: Path) -> None:
    sound, _ = lecture()
    quiet = np.asarray(sound * 10 ** (-40 / 20), np.float32)
    path = write_analysis_copy([quiet], tmp_path / "quiet.wav")
    plain = detect_activity(mel_blocks(audio_blocks(path), LECTERN_MEL))
    gain_db = quiet_gain_db(plain)
    loud = detect_activity(mel_blocks(audio_blocks(path, gain_db=gain_db), LECTERN_MEL))
    normal = detect_activity(mel_blocks([np.asarray(sound, np.float32)], LECTERN_MEL))
    assert plain.gate.mean() < 0.3 * normal.gate.mean()
    assert loud.gate.mean() == pytest.approx(normal.gate.mean(), abs=0.05)


def test_nothing_else_is_amplified() -> None:
    for sound in (lecture()[0], np.zeros(32_000)):
        activity = detect_activity(mel_blocks([np.asarray(sound, np.float32)], LECTERN_MEL))
        assert quiet_gain_db(activity) == 0


def test_quiet_noise_is_no_speech(tmp_path: Path) -> None:
    hiss = np.asarray(noise(8, 0.0, 10 ** (-55 / 20)), np.float32)
    path = write_analysis_copy([hiss], tmp_path / "noise.wav")
    gain_db = quiet_gain_db(detect_activity(mel_blocks(audio_blocks(path), LECTERN_MEL)))
    activity = detect_activity(mel_blocks(audio_blocks(path, gain_db=gain_db), LECTERN_MEL))
    assert not activity.gate.any()
