"""Choose the sound track with speech, and copy sound in the form in which it is analysed."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.media.audio import AudioSource, ambiguous_tracks, audio_blocks, cancels_out, resample
from appliance.speech.mel import LECTERN_MEL, mel_blocks
from appliance.speech.vad import FRAME_RATE, detect_activity

_BLOCK_S = 10
_SEARCHED_BLOCKS = 18  # three minutes: longer than any jingle
_MIN_SPEECH_S = 1.0
_MIN_POWER = 1e-7  # -70 dB: of a quieter block it is not known whether its channels are opposite


def find_speech_track(path: Path) -> int | None:
    """Return the first sound track with speech; ``None`` if the default one is to be used.

    That is so if a track is marked as default, if there is only one, or if none has speech. Raises
    ``BadInput`` like :class:`~appliance.media.audio.AudioSource`.
    """
    for track in range(ambiguous_tracks(path)):
        blocks = islice(
            audio_blocks(path, LECTERN_MEL.rate, _BLOCK_S, track=track), _SEARCHED_BLOCKS
        )
        activity = detect_activity(mel_blocks(blocks, LECTERN_MEL))
        if float((activity.gate > 0.5).sum()) / FRAME_RATE >= _MIN_SPEECH_S:
            return track
    return None


def has_opposite_channels(path: Path, track: int | None = None) -> bool:
    """Return whether the two channels of the first audible minute cancel each other out.

    Raises ``BadInput`` like :class:`~appliance.media.audio.AudioSource`.
    """
    with AudioSource(path, track) as source:
        if source.stream.channels != 2:
            return False
        audible = opposite = 0
        for frame in islice(resample(source.frames(), "flt", "stereo", 8000), 3000):
            samples = frame.to_ndarray().reshape(-1, 2).astype(np.float32, copy=False)
            if float(np.square(samples).mean()) > _MIN_POWER:
                audible += len(samples)
                opposite += len(samples) * cancels_out(samples)
            if audible > 60 * 8000:
                break
        return 2 * opposite > audible


def write_analysis_copy(blocks: Iterable[npt.NDArray[np.float32]], target: Path) -> Path:
    """Write mono ``blocks`` at 16 kHz to the WAV file ``target`` and return its path."""
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(LECTERN_MEL.rate)
        for block in blocks:
            file.writeframes((block * 32767).astype("<i2").tobytes())
    return target
