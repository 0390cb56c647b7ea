"""Convert the speech of the whole lecture into mouth motion, once, and save it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.lips.model import LipModel
from appliance.lips.motion import Motion
from appliance.lips.speech_motion import SpeechMotion, apply_scores, widen_gate
from appliance.lips.wav2lip import write_mel
from appliance.media.audio import audio_blocks
from appliance.speech.mel import LECTERN_MEL, WAV2LIP_MEL, mel_blocks
from appliance.speech.speech_encoder import StudentEncoder
from appliance.speech.vad import FRAME_RATE, VoiceActivity, detect_activity
from appliance.system.malloc import trim_heap

Array = npt.NDArray[np.float32]
OnSeconds = Callable[[int], None]


def compute_motion(
    audio: Path,
    model: LipModel,
    target: Path,
    on_seconds: OnSeconds,
    learned_motion: Callable[[], SpeechMotion | None] = lambda: None,
) -> VoiceActivity:
    """Write the lecture's mouth motion to ``target`` and return its speech activity.

    There are two passes over the lecture: the first measures level and pauses, the second computes
    the motion, both with bounded memory. ``on_seconds`` is called with the seconds processed so
    far, out of twice the length of the lecture. ``learned_motion`` returns the motion that was
    learned from the presenter, without scores; if there is one, it replaces that of the model.
    """
    blocks = _read_audio(audio, on_seconds, 0)
    activity = detect_activity(mel_blocks(blocks, LECTERN_MEL))
    trim_heap()  # memory used by the measurement
    blocks = _read_audio(audio, on_seconds, len(activity.gate) / FRAME_RATE)
    if model.manifest.kind == "wav2lip":
        write_mel(target, mel_blocks(blocks, WAV2LIP_MEL))
        return activity
    # One CPU core hears an hour in a minute; other providers are busy with the self-test.
    features = StudentEncoder.open().features(blocks)
    learned = learned_motion()
    motion = learned.with_scores_of(model.speech_motion) if learned else model.speech_motion
    values = np.concatenate(list(motion.predict(features)))
    rate, offset = model.manifest.motion["rate_hz"], model.manifest.motion["offset_s"]
    gate = widen_gate(activity.gate, FRAME_RATE, np.arange(len(values)) / rate + offset)
    Motion.of_lecture(apply_scores(values, gate), rate, offset).save(target)
    del values, gate, features
    trim_heap()  # the analysis of the presenter may still be running
    return activity


def _read_audio(audio: Path, on_seconds: OnSeconds, seconds_before: float) -> Iterator[Array]:
    samples = 0
    for block in audio_blocks(audio):
        samples += len(block)
        on_seconds(int(seconds_before + samples / LECTERN_MEL.rate))
        yield block
