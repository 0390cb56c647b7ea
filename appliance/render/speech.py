"""Convert the speech of the whole lecture into mouth motion, once, and save it."""

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

_KEEP = 60_000  # feature frames: ten minutes, 19 MB


def learn_speech(
    audio: Path, model: LipModel, target: Path, tick: Tick, keep: int = _KEEP
) -> Activity:
    """Write the lecture's mouth motion to ``target`` and return its speech activity.

    ``tick`` is called with the seconds processed so far, of twice the lecture's length: one pass
    measures level and pauses, one computes the motion. The features of up to ``keep`` frames are
    kept between them; a longer lecture is decoded again.
    """
    kept: list[Array] = []
    heard = measure(_kept(_features(audio, tick, 0), kept, keep))
    give_back()  # discarded features of a longer lecture, and memory used by the measurement
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
    model.forget("motion")  # frees 32 MB, allocated for its longest input
    values = np.concatenate(parts)
    del parts, kept, again
    rate, offset = facts["rate_hz"], facts["offset_s"]
    times = (np.arange(len(values)) / rate + offset) * FRAME_RATE
    gate = np.interp(times, np.arange(len(heard.gate)), heard.gate).astype(np.float32)
    values *= gate[:, None]
    Motion.of(values, rate, offset).save(target)
    del values, times, gate
    give_back()  # the analysis of the presenter may still be running
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
    """Yield ``mels``; afterwards ``kept`` holds all of them, or none if there are too many."""
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
