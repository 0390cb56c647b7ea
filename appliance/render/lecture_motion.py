"""Convert the speech of the whole lecture into mouth motion, once, and save it.

If the model supports the speech encoder and its weights are installed, the motion is predicted from
its features, and the phonetic encoder only finds where the lips close. Otherwise the motion is that
of the phonetic encoder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.errors import Fault
from appliance.lips.model import LipModel
from appliance.lips.motion import Motion, predict_motion, predict_posteriors
from appliance.lips.speech_motion import CLOSED_CLASS, SpeechMotion, close_lips
from appliance.lips.wav2lip import write_mel
from appliance.media.audio import audio_blocks
from appliance.speech.mel import LECTERN_MEL, WAV2LIP_MEL, mel_blocks
from appliance.speech.vad import FRAME_RATE, VoiceActivity, detect_activity
from appliance.speech.whisper_encoder import SpeechEncoder
from appliance.system.malloc import trim_heap

Array = npt.NDArray[np.float32]
OnSeconds = Callable[[int], None]

log = logging.getLogger("lectern.render")

_MAX_SAVED_FRAMES = 60_000  # feature frames: ten minutes, 19 MB


def compute_motion(
    audio: Path,
    model: LipModel,
    target: Path,
    on_seconds: OnSeconds,
    max_saved_frames: int = _MAX_SAVED_FRAMES,
    learned_motion: Callable[[], SpeechMotion | None] = lambda: None,
) -> VoiceActivity:
    """Write the lecture's mouth motion to ``target`` and return its speech activity.

    There are two passes over the lecture: the first measures level and pauses, the second computes
    the motion. ``on_seconds`` is called with the seconds processed so far, out of twice the length
    of the lecture. The features of up to ``max_saved_frames`` frames are kept between the passes; a
    longer lecture is decoded again. ``learned_motion`` returns the motion that was learned from the
    presenter, if any, which replaces that of the model.
    """
    saved: list[Array] = []
    activity = detect_activity(
        _save_features(_features(audio, on_seconds, 0), saved, max_saved_frames)
    )
    trim_heap()  # discarded features of a longer lecture, and memory used by the measurement
    duration_s = len(activity.gate) / FRAME_RATE
    if model.manifest.kind == "wav2lip":
        write_mel(target, mel_blocks(_read_audio(audio, on_seconds, duration_s), WAV2LIP_MEL))
        return activity
    motion_info = model.manifest.motion
    encoder = None if model.speech_motion is None else _open_encoder()
    on_features = on_seconds if encoder is None else _ignore_seconds
    features = (
        _replay(saved, on_features, duration_s)
        if saved
        else _features(audio, on_features, duration_s)
    )
    parts = (predict_motion if encoder is None else predict_posteriors)(
        model.network("motion"),
        _with_loudness(features, activity.loudness),
        int(motion_info["context_frames"]),
        int(motion_info["stride"]),
    )
    values = np.concatenate(list(parts))
    model.close_network("motion")  # frees the 32 MB that its longest input needed
    del parts, saved, features
    if encoder is not None and model.speech_motion is not None:
        blocks = _read_audio(audio, on_seconds, duration_s)
        likely = values[:, CLOSED_CLASS]
        motion = learned_motion() or model.speech_motion
        values = close_lips(_speech_motion(encoder, motion, blocks), likely)
    del encoder
    rate, offset = motion_info["rate_hz"], motion_info["offset_s"]
    times = (np.arange(len(values)) / rate + offset) * FRAME_RATE
    gate = np.interp(times, np.arange(len(activity.gate)), activity.gate).astype(np.float32)
    values *= gate[:, None]
    Motion.of_lecture(values, rate, offset).save(target)
    del values, times, gate
    trim_heap()  # the analysis of the presenter may still be running
    return activity


def _open_encoder() -> SpeechEncoder | None:
    """Open the speech encoder, on the CPU like the motion network; ``None`` without its weights."""
    try:
        return SpeechEncoder.open()
    except Fault as error:
        log.info("the motion is predicted without the speech encoder: %s", error)
        return None


def _speech_motion(encoder: SpeechEncoder, motion: SpeechMotion, blocks: Iterable[Array]) -> Array:
    features = (np.concatenate(part, axis=1) for part in encoder.features(blocks))
    return np.concatenate(list(motion.predict(features)))


def _ignore_seconds(seconds: int) -> None:
    """Report no progress: a later step does."""


def _read_audio(audio: Path, on_seconds: OnSeconds, seconds_before: float) -> Iterator[Array]:
    samples = 0
    for block in audio_blocks(audio):
        samples += len(block)
        on_seconds(int(seconds_before + samples / LECTERN_MEL.rate))
        yield block


def _features(audio: Path, on_seconds: OnSeconds, seconds_before: float) -> Iterator[Array]:
    return mel_blocks(_read_audio(audio, on_seconds, seconds_before), LECTERN_MEL)


def _save_features(
    mels: Iterable[Array], saved: list[Array], max_saved_frames: int
) -> Iterator[Array]:
    """Yield ``mels``; afterwards ``saved`` holds all of them, or none if there are too many."""
    frames = 0
    for mel in mels:
        frames += mel.shape[1]
        if frames <= max_saved_frames:
            saved.append(mel)
        else:
            saved.clear()
        yield mel


def _replay(saved: list[Array], on_seconds: OnSeconds, seconds_before: float) -> Iterator[Array]:
    frames = 0
    for mel in saved:
        frames += mel.shape[1]
        on_seconds(int(seconds_before + frames / FRAME_RATE))
        yield mel


def _with_loudness(mels: Iterable[Array], loudness: Array) -> Iterator[Array]:
    done = 0
    for mel in mels:
        part = loudness[done : done + mel.shape[1]]
        done += mel.shape[1]
        yield np.concatenate([mel, part[None]])
