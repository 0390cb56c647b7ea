"""A synthetic speaker: random speech features, and a mouth that moves by a known map of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from appliance.config import PROJECT
from appliance.enrolment.stretch import MARGIN_S, RATE_HZ, Stretch
from appliance.lips.geometry import INNER_BOTTOM, INNER_TOP
from appliance.lips.motion import MotionBasis
from appliance.lips.speech_motion import SpeechMotion

Array64 = npt.NDArray[np.float64]

FEATURES, TAPS = 24, np.array([-4, 0, 4])
FPS = 25.0


def smooth_noise(rng: np.random.Generator, steps: int, columns: int) -> Array64:
    """Return (steps, columns) that vary as fast as speech, with deviation one."""
    window = np.hanning(11)
    noise = rng.normal(size=(steps + 10, columns))
    smooth = np.stack([np.convolve(column, window, mode="valid") for column in noise.T], axis=1)
    return np.asarray(smooth / smooth.std())


@dataclass(frozen=True)
class Speaker:
    """A person who moves the mouth by ``own`` and whom everybody expects to move by ``generic``."""

    basis: MotionBasis
    rest: Array64
    generic: SpeechMotion
    own: SpeechMotion

    def record(
        self, seconds: float, seed: int = 0, offset_s: float = 0.0, dubbed: bool = False
    ) -> Stretch:
        """Return a recording whose sound is ``offset_s`` later; ``dubbed``: of other speech."""
        rng = np.random.default_rng(seed)
        steps = round((seconds + 2 * MARGIN_S) * RATE_HZ)
        features = smooth_noise(rng, steps, FEATURES).astype(np.float32)
        times = MARGIN_S + np.arange(round(seconds * FPS)) / FPS
        moved = np.concatenate(list(self.own.predict([features])))
        silent = Stretch(times, np.zeros((len(times), 57, 3)), FPS, features, np.ones(steps, bool))
        wanted = silent.at_frames(moved, offset_s)
        shapes = self.rest + self.basis.displacement(wanted)
        shapes = shapes + rng.normal(0, 0.004, (len(times), 1, 1)) * (shapes - self.rest).std()
        shapes = shapes + rng.normal(0, 0.002, shapes.shape)
        if dubbed:
            features = smooth_noise(rng, steps, FEATURES).astype(np.float32)
        return Stretch(times, shapes, FPS, features, np.ones(steps, bool))


def make_speaker(seed: int = 1, difference: float = 0.8) -> Speaker:
    """Return a speaker whose own map differs from the generic one by ``difference`` times it."""
    rng = np.random.default_rng(seed)
    basis = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz")
    count = len(basis.vectors)
    direction = basis.vectors[:, INNER_BOTTOM, 1] - basis.vectors[:, INNER_TOP, 1]
    rest = np.zeros((57, 3))
    rest[:, 0] = np.cos(np.arange(57)) * 0.3  # some width
    rest[INNER_BOTTOM] = rest[INNER_TOP]  # the lips touch

    def matrices() -> npt.NDArray[np.float32]:
        values = rng.normal(size=(len(TAPS), FEATURES, count)) * 0.002
        along = rng.normal(size=(len(TAPS), FEATURES, 1)) * 0.006 * direction
        return np.asarray(values + along, np.float32)

    bias = (0.06 * direction / (direction @ direction)).astype(np.float32)
    generic = SpeechMotion(matrices(), TAPS, bias)
    own = SpeechMotion(generic.matrices + np.float32(difference) * matrices(), TAPS, bias)
    return Speaker(basis, rest, generic, own)


@pytest.fixture(scope="session")
def speaker() -> Speaker:
    """A speaker with a way of speaking of their own."""
    return make_speaker()
