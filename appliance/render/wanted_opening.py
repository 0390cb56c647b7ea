"""The mouth opening that speech asks for: the yardstick of sync in the score."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.errors import BadInput
from appliance.lips.geometry import INNER_BOTTOM, INNER_TOP
from appliance.lips.model import LipModel
from appliance.lips.motion import MotionBasis
from appliance.media.probe import probe_audio
from appliance.render.lecture_motion import compute_motion
from appliance.score.speech_match import WantedOpening

_DOWN = 1  # the axis of the face frame along which the lips part

_NO_SOUND = {"audio_missing", "audio_unreadable", "audio_too_short"}


def wanted_of_motion(motion: Path, model: LipModel) -> WantedOpening | None:
    """Return the opening of the lecture's motion, a file that ``compute_motion`` wrote.

    ``None`` for a model without mouth coefficients (Wav2Lip).
    """
    if model.manifest.kind == "wav2lip":
        return None
    info = model.manifest.motion
    values = np.load(motion)
    return WantedOpening(_openings(values, model.basis), info["rate_hz"], info["offset_s"])


def predict_wanted(sound: Path, first_picture_s: float, model: LipModel) -> WantedOpening | None:
    """Return the opening that the sound of a file asks for.

    ``first_picture_s`` is the time of the first picture in the file. ``None`` without usable sound,
    or for a model without mouth coefficients. Raises ``BadInput`` for a file that cannot be read.
    """
    if model.manifest.kind == "wav2lip":
        return None
    try:
        audio = probe_audio(sound)
    except BadInput as error:
        if error.code in _NO_SOUND:
            return None
        raise
    with tempfile.TemporaryDirectory() as folder:
        motion = Path(folder) / "motion.npy"
        compute_motion(sound, model, motion, lambda seconds: None)
        wanted = wanted_of_motion(motion, model)
    if wanted is None:
        return None
    return wanted._replace(offset_s=wanted.offset_s + float(audio.start) - first_picture_s)


def _openings(values: npt.NDArray[np.float32], basis: MotionBasis) -> npt.NDArray[np.float32]:
    """Return how far coefficients (n, K) part the inner lips at the middle, in eye distances."""
    apart = basis.vectors[:, INNER_BOTTOM, _DOWN] - basis.vectors[:, INNER_TOP, _DOWN]
    return np.asarray(values @ apart, np.float32)
