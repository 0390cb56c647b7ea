"""The mouth movement of clips: basis, targets and score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.lips.geometry import INNER_BOTTOM, INNER_TOP, SPEECH_WEIGHTS
from export_tools.phonetics.motion_data import (
    OFFSET_S,
    RATE_HZ,
    Clip,
    equalize_amplitude,
    motion_basis,
    motion_targets,
)
from export_tools.speech_features.train_motion import median_scores, score_clip

pytestmark = pytest.mark.export

FPS = 25.0


def mouth(openings: npt.NDArray[np.float64], name: str = "a", speaker: str = "s1") -> Clip:
    """Return a clip whose lower lip moves down by ``openings`` and whose upper lip oscillates."""
    rest = np.zeros((57, 3))
    rest[:, 0] = np.linspace(-0.3, 0.3, 57)
    shapes = np.repeat(rest[None], len(openings), axis=0)
    shapes[:, INNER_BOTTOM, 1] += openings
    shapes[:, INNER_TOP, 2] += 0.02 * np.sin(np.arange(len(openings)))
    valid = np.ones(len(openings), np.bool_)
    return Clip(name, speaker, FPS, shapes, valid, rest, 1.0, np.zeros(16_000, np.float32))


def wave(frames: int, seed: int) -> npt.NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(size=frames + 8)
    return np.asarray(0.1 + 0.04 * np.convolve(noise, np.hanning(9), mode="valid"))


def test_basis_finds_the_moved_directions() -> None:
    vectors = motion_basis([mouth(wave(100, 0)), mouth(wave(100, 1), "b", "b")], 2)
    flat = vectors.reshape(2, -1)
    assert np.allclose(flat @ flat.T, np.eye(2), atol=1e-9)
    assert abs(vectors[0, INNER_BOTTOM, 1]) == pytest.approx(1, abs=0.01)
    assert abs(vectors[1, INNER_TOP, 2]) == pytest.approx(1, abs=0.01)


def test_targets_are_relative_to_the_speakers_amplitude() -> None:
    clip = mouth(wave(100, 0))
    vectors = motion_basis([clip], 2)
    once = motion_targets(clip, vectors)
    assert once.shape == (int(99 / FPS * RATE_HZ) + 1, 2)
    moved = (clip.shapes - clip.rest) * SPEECH_WEIGHTS[:, None]
    back = np.tensordot(once[::2], vectors, axes=1)
    assert np.allclose(back, moved, atol=1e-5)
    object.__setattr__(clip, "amplitude", 2.0)
    assert np.allclose(motion_targets(clip, vectors), once / 2, atol=1e-6)


@pytest.mark.parametrize("late_s", [0.0, 0.1, -0.06])
def test_score_finds_the_lag(late_s: float) -> None:
    clip = mouth(wave(200, 3))
    vectors = motion_basis([clip], 2)
    values = motion_targets(clip, vectors)
    at = np.arange(len(values)) / RATE_HZ + OFFSET_S - late_s
    shown = np.stack([np.interp(at, np.arange(len(values)) / RATE_HZ, v) for v in values.T], 1)
    row = score_clip(clip, vectors, shown)
    zero, best, lag = row
    assert best > 0.97 and lag == pytest.approx(late_s, abs=0.011)
    assert (zero > 0.97) == (late_s == 0)
    assert median_scores([row])["lag_ms"] == pytest.approx(1000 * late_s, abs=11)


def test_clips_of_a_speaker_share_the_amplitude() -> None:
    clips = [mouth(wave(50, k), f"{k}", "one") for k in range(3)]
    for clip, amplitude in zip(clips, (0.5, 1.0, 4.0), strict=True):
        object.__setattr__(clip, "amplitude", amplitude)
    equalize_amplitude(clips)
    assert [clip.amplitude for clip in clips] == [1.0] * 3
