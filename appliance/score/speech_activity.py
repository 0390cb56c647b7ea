"""The sound of a video on the time axis of its frames: loudness and pauses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.errors import BadInput
from appliance.media.audio import audio_blocks
from appliance.media.probe import probe_audio
from appliance.speech.mel import LECTERN_MEL, mel_blocks
from appliance.speech.vad import FRAME_RATE, VoiceActivity, detect_activity, quiet_gain_db

# Lips open before the sound and come to rest after it: this much of both ends of a pause does not
# count. The gate itself opens 0.16 s before speech and closes 0.22 s after it.
MARGIN_S = 0.1


@dataclass(frozen=True)
class SpeechActivity:
    """Speech activity at 100 Hz; its first frame is ``start_s`` after the first picture."""

    activity: VoiceActivity
    start_s: float

    def loudness(self, frames: int, fps: float) -> npt.NDArray[np.float32]:
        """Return the mean loudness during each of ``frames`` pictures; NaN beyond the sound.

        Float32, in units of 20 dB relative to the speech around, -2 where there is no speech.
        """
        total = np.concatenate([[0.0], np.cumsum(self.activity.loudness, dtype=np.float64)])
        low, high = self._spans(frames, fps, 0.0)
        known = (low >= 0) & (high < len(total)) & (high > low)
        result = np.full(frames, np.nan, np.float32)
        result[known] = (total[high[known]] - total[low[known]]) / (high[known] - low[known])
        return result

    def silent(self, frames: int, fps: float) -> npt.NDArray[np.bool_]:
        """Return which of ``frames`` pictures are in a pause, excluding the ends of pauses."""
        spoken = np.concatenate([[0], np.cumsum(self.activity.gate > 0)])
        low, high = self._spans(frames, fps, MARGIN_S)
        inside = (high > 0) & (low < len(spoken) - 1)
        low, high = np.clip(low, 0, len(spoken) - 1), np.clip(high, 0, len(spoken) - 1)
        return np.asarray(inside & (spoken[high] == spoken[low]), np.bool_)

    def speaking(self, frames: int, fps: float) -> npt.NDArray[np.bool_]:
        """Return which of ``frames`` pictures begin during speech."""
        position = np.round((np.arange(frames) / fps - self.start_s) * FRAME_RATE).astype(np.int64)
        inside = (position >= 0) & (position < len(self.activity.gate))
        position = np.clip(position, 0, len(self.activity.gate) - 1)
        return np.asarray(inside & (self.activity.gate[position] > 0.5), np.bool_)

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return float((self.activity.gate > 0.5).sum() / FRAME_RATE)

    def _spans(
        self, frames: int, fps: float, margin: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return (first, stop) activity frames of each picture, widened by ``margin`` seconds."""
        times = np.arange(frames) / fps - self.start_s
        low = np.round((times - margin) * FRAME_RATE).astype(np.int64)
        high = np.round((times + 1 / fps + margin) * FRAME_RATE).astype(np.int64)
        return low, high


def detect_speech(path: Path, first_picture_s: float) -> SpeechActivity | None:
    """Return the speech activity of ``path``; ``None`` if the file has no usable sound.

    ``first_picture_s`` is the time of the first picture in the file. Raises ``BadInput`` as
    ``open_media`` does.
    """
    try:
        info = probe_audio(path)
    except BadInput as error:
        if error.code in {"audio_missing", "audio_unreadable", "audio_too_short"}:
            return None
        raise
    activity = detect_activity(mel_blocks(audio_blocks(path, LECTERN_MEL.rate), LECTERN_MEL))
    gain_db = quiet_gain_db(activity)
    if gain_db:
        blocks = audio_blocks(path, LECTERN_MEL.rate, gain_db=gain_db)
        activity = detect_activity(mel_blocks(blocks, LECTERN_MEL))
    return SpeechActivity(activity, float(info.start) - first_picture_s)
