"""What the lecture says: its sound heard once as a whole, and kept as movement of the mouth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.heap import give_back
from appliance.lips.model import LipModel
from appliance.lips.motion import Motion, run_motion
from appliance.lips.wav2lip import write_mel
from appliance.media.audio import audio_blocks
from appliance.speech.activity import FRAME_RATE, Activity, measure
from appliance.speech.mel import LECTERN_MEL, WAV2LIP_MEL, mel_blocks

Array = npt.NDArray[np.float32]
Tick = Callable[[int], None]

_KEEP = 60_000  # frames, ten minutes: 19 MB


def learn_speech(
    audio: Path, model: LipModel, target: Path, tick: Tick, keep: int = _KEEP
) -> Activity:
    """Write the lecture's movement to ``target``; gives where somebody speaks.

    ``tick`` is told the seconds heard so far, of twice the lecture's length: it is gone through
    once for its level and pauses and once for its sounds. The features of up to ``keep`` frames are
    kept in between; a longer lecture is decoded again.
    """
    kept: list[Array] = []
    heard = measure(_kept(_features(audio, tick, 0), kept, keep))
    give_back()  # features of ten minutes that were not to be kept, and what measuring took
    whole = len(heard.gate) / FRAME_RATE
    if model.manifest.kind == "wav2lip":
        write_mel(target, mel_blocks(_ticked(audio, tick, whole), WAV2LIP_MEL))
        return heard
    facts = model.manifest.motion
    stride = int(facts["stride"])
    again = _again(kept, tick, whole) if kept else _features(audio, tick, whole)
    parts = list(
        run_motion(
            model.network("motion"),
            _with_loudness(again, heard.loudness),
            int(facts["context_frames"]),
            stride,
        )
    )
    model.forget("motion")  # 32 MB of what its longest input took
    values = np.concatenate(parts)
    del parts, kept, again
    rate, offset = facts["rate_hz"], facts["offset_s"]
    times = (np.arange(len(values)) / rate + offset) * FRAME_RATE
    gate = np.interp(times, np.arange(len(heard.gate)), heard.gate).astype(np.float32)
    values *= gate[:, None]
    Motion.of(values, rate, offset).save(target)
    del values, times, gate
    give_back()  # the presenter may be looked at for longer
    return heard


def _ticked(audio: Path, tick: Tick, before: float) -> Iterator[Array]:
    samples = 0
    for block in audio_blocks(audio):
        samples += len(block)
        tick(int(before + samples / LECTERN_MEL.rate))
        yield block


def _features(audio: Path, tick: Tick, before: float) -> Iterator[Array]:
    return mel_blocks(_ticked(audio, tick, before), LECTERN_MEL)


def _kept(mels: Iterable[Array], kept: list[Array], keep: int) -> Iterator[Array]:
    """Pass ``mels`` on; afterwards ``kept`` holds all of them, or none where they are too many."""
    frames = 0
    for mel in mels:
        frames += mel.shape[1]
        if frames <= keep:
            kept.append(mel)
        else:
            kept.clear()
        yield mel


def _again(kept: list[Array], tick: Tick, before: float) -> Iterator[Array]:
    frames = 0
    for mel in kept:
        frames += mel.shape[1]
        tick(int(before + frames / FRAME_RATE))
        yield mel


def _with_loudness(mels: Iterable[Array], loudness: Array) -> Iterator[Array]:
    done = 0
    for mel in mels:
        part = loudness[done : done + mel.shape[1]]
        done += mel.shape[1]
        yield np.concatenate([mel, part[None]])
