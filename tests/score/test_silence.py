"""The mouth in silence: tracks with known values, and detection of silence."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from appliance.score.face_tracks import FaceTracks
from appliance.score.silence import measure_jitter, measure_silence
from appliance.score.speech_activity import MARGIN_S, SpeechActivity, detect_speech
from appliance.speech.vad import VoiceActivity

from .conftest import PAUSE


def tracks(opening: npt.ArrayLike, lips: float = 0.002, head: float = 0.001) -> FaceTracks:
    values = np.asarray(opening, np.float32)
    made = FaceTracks(len(values), 25.0)
    made.measured[:] = True
    made.opening[:] = values
    made.lips_moved[:], made.head_moved[:] = lips, head
    return made


def test_openings_of_silent_frames_with_a_face_are_used() -> None:
    opening = np.full(100, 0.2)
    opening[40:60] = np.linspace(0.01, 0.05, 20)
    opening[50] = np.nan
    silent = np.zeros(100, np.bool_)
    silent[40:60] = True
    found = measure_silence(tracks(opening), silent)
    assert found is not None
    rest = np.delete(np.linspace(0.01, 0.05, 20), 10)
    assert found.opening_median == pytest.approx(np.median(rest))
    assert found.opening_p95 == pytest.approx(np.percentile(rest, 95))
    assert found.seconds == pytest.approx(19 / 25)


def test_jitter_is_the_rms_between_silent_neighbours() -> None:
    made = tracks(np.full(100, 0.02), head=0.003)
    made.lips_moved[41:60] = np.where(np.arange(19) % 2, 0.004, 0.002)
    made.lips_moved[40] = 9.0  # the movement into the pause is not jitter
    silent = np.zeros(100, np.bool_)
    silent[40:60] = True
    found = measure_jitter(made, silent)
    assert found is not None
    assert found.lips == pytest.approx(np.sqrt((10 * 0.002**2 + 9 * 0.004**2) / 19), rel=1e-5)
    assert found.head == pytest.approx(0.003)
    assert found.ratio == pytest.approx(found.lips / 0.003, rel=1e-5)


def test_still_head_has_no_jitter_ratio() -> None:
    found = measure_jitter(tracks(np.full(50, 0.02), lips=0.0, head=0.0), np.ones(50, np.bool_))
    assert found is not None
    assert (found.lips, found.head, found.ratio) == (0, 0, None)


def test_without_a_pause_there_is_no_result() -> None:
    silent_never = np.zeros(50, np.bool_)
    assert measure_silence(tracks(np.full(50, 0.1)), silent_never) is None
    assert measure_jitter(tracks(np.full(50, 0.1)), silent_never) is None


def activity(gate: npt.NDArray[np.float64]) -> VoiceActivity:
    return VoiceActivity(gate.astype(np.float32), (3 * gate - 2).astype(np.float32))


def test_ends_of_a_pause_are_excluded() -> None:
    gate = np.ones(400)
    gate[100:300] = 0  # from 1 s to 3 s
    silent = SpeechActivity(activity(gate), 0.0).silent(100, 25.0)
    first, last = np.flatnonzero(silent)[[0, -1]]
    assert first / 25 == pytest.approx(1 + MARGIN_S, abs=0.041)
    assert (last + 1) / 25 == pytest.approx(3 - MARGIN_S, abs=0.041)
    assert silent[first : last + 1].all()


def test_audio_starts_at_its_time_stamp() -> None:
    gate = np.zeros(400)
    gate[100:200] = 1
    early, late = (
        SpeechActivity(activity(gate), start).loudness(150, 25.0) for start in (0.0, 0.4)
    )
    assert np.allclose(late[10:100], early[:90])
    assert np.isnan(late[:9]).all()  # before the sound begins
    assert early[25:50].min() == np.nanmax(early) == 1
    assert np.isnan(early[100:]).all()  # after it ended


def test_pause_of_a_file_is_detected(spoken: Path) -> None:
    sound = detect_speech(spoken, 0.0)
    assert sound is not None
    silent = np.flatnonzero(sound.silent(100, 25.0))
    # The gate's ramps and the margin take a few frames at both ends.
    assert PAUSE.start <= silent[0] <= PAUSE.start + 10
    assert PAUSE.stop - 10 <= silent[-1] < PAUSE.stop
    assert len(silent) == silent[-1] - silent[0] + 1
    assert sound.speech_s == pytest.approx((100 - 32) / 25, abs=0.4)


def test_file_whose_audio_starts_later(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        samples = np.zeros((1, 16000), np.int16)
        for k in range(2):
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16000, 8000 + 16000 * k
            frame.time_base = Fraction(1, 16000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sound = detect_speech(path, 0.2)
    assert sound is not None
    assert sound.start_s == pytest.approx(0.3, abs=0.002)


def test_file_without_audio_has_no_activity(film: object, images: list[object]) -> None:
    assert callable(film)
    assert detect_speech(film("mute", images[:30], sound=False), 0.0) is None


def _reading(*openings: float) -> FaceTracks:
    tracks = FaceTracks(len(openings), 25.0)
    tracks.opening[:] = openings
    tracks.measured[:] = True
    return tracks


def test_photo_of_a_laugh_is_measured_as_open_and_corrected() -> None:
    speaking = [0.10, 0.14, 0.12, 0.09, 0.11] * 20
    tracks = _reading(*speaking, *[0.08] * 10)
    pauses = np.arange(110) >= 100
    found = measure_silence(tracks, pauses, photo=0.14)
    assert found is not None
    assert found.opening_median == pytest.approx(0.08)
    assert found.opening_median - found.misread < 0.01
    # A mouth that closes compared with the photo, one that stays open, and a video.
    for photo in (0.02, 0.09, None):
        plain = measure_silence(tracks, pauses, photo=photo)
        assert plain is not None and plain.misread == 0
