"""What is learned before the first chunk: who the presenter is, and what the lecture says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.errors import BadInput
from appliance.face.choose import Person, people
from appliance.face.detect import Detection, FaceDetector
from appliance.face.mesh import FaceMesh
from appliance.face.runtime import LiteNetwork
from appliance.face.track import FaceTracker, largest_face
from appliance.face.weights import face_model_path
from appliance.lips.model import LipModel
from appliance.lips.motion import Motion, run_motion
from appliance.lips.presenter import Profile, ProfileLearner
from appliance.lips.wav2lip import write_mel
from appliance.media.audio import audio_blocks
from appliance.media.decode import FrameReader
from appliance.media.probe import PresenterInfo
from appliance.render.ahead import ahead
from appliance.speech.activity import Activity, measure
from appliance.speech.mel import LECTERN_MEL, WAV2LIP_MEL, mel_blocks

Array = npt.NDArray[np.float32]
Tick = Callable[[int], None]

_SHORT = 192  # frames that are all looked at
_BURSTS = 24  # moments of a longer presenter that are looked at: enough to see a mouth's range …
_BURST = 5  # … for this many frames each, as a decoder gives them away once it has begun
_FEW_KEYS = 4  # fewer key frames than this show too little of a presenter
_LOOKS = 16  # detections, to tell people apart
_AHEAD = 4  # pictures decoded while one is looked at


def make_tracker(info: PresenterInfo, person: Person | None = None) -> FaceTracker:
    """A tracker with networks of its own, for ``person`` or the largest face."""
    return _tracker(face_networks(), info, person)


def face_networks() -> tuple[FaceDetector, FaceMesh]:
    """Detector and mesh, opened. Raises ``Fault("face_models_missing")``."""
    return (
        FaceDetector(LiteNetwork(face_model_path("face_detection_short_range"))),
        FaceMesh(LiteNetwork(face_model_path("face_landmark"))),
    )


def bursts(frames: int, key_before: Callable[[int], int] = lambda frame: frame) -> list[range]:
    """Which presenter frames to sample: all of a short one, else moments spread evenly.

    ``key_before`` moves a burst's start to where decoding can begin, so that none is in vain.
    """
    if frames <= _SHORT:
        return [range(frames)]
    places = np.linspace(0, frames - _BURST, _BURSTS).astype(int)
    starts = sorted({key_before(int(place)) for place in places})
    if len(starts) < _FEW_KEYS:  # decoding in vain is better than seeing little
        starts = [int(place) for place in places]
    length = _BURST * _BURSTS // len(starts)
    return [range(start, min(start + length, frames)) for start in starts]


def learn_presenter(info: PresenterInfo, number: int, threads: int) -> tuple[Person, Profile]:
    """Find the person to speak (``number``, counted from 0 for the largest steady face).

    Raises ``BadInput("no_face")`` and ``BadInput("face_number")``.
    """
    networks = face_networks()
    with FrameReader(info, threads) as reader:
        samples = bursts(info.frames, reader.key_before)
        found: list[tuple[int, list[Detection]]] = []
        learner = ProfileLearner()
        _sample(info, reader, samples, networks, None, learner, found)
        persons = people(found, len(found))
        if not persons:
            raise BadInput("no_face", name=info.path.name)
        if number >= len(persons):
            raise BadInput("face_number", name=info.path.name, number=number, count=len(persons))
        person = persons[number]
        if any(largest_face(*look) is not person(*look) for look in found):
            learner = ProfileLearner()
            _sample(info, reader, samples, networks, person, learner)
    if not len(learner):
        raise BadInput("no_face", name=info.path.name)
    return person, learner.profile()


def _sample(
    info: PresenterInfo,
    reader: FrameReader,
    samples: list[range],
    networks: tuple[FaceDetector, FaceMesh],
    person: Person | None,
    learner: ProfileLearner,
    found: list[tuple[int, list[Detection]]] | None = None,
) -> None:
    """Learn from ``person`` or the largest face; ``found`` takes who else is there."""
    step = max(sum(map(len, samples)) // _LOOKS, _BURST)
    for burst in samples:
        tracker = _tracker(networks, info, person)
        reader.jump()
        with ahead(reader.read(burst.start, burst.stop), _AHEAD) as pictures:
            for picture in pictures:
                if found is not None and (picture.index - burst.start) % step == 0:
                    faces = networks[0].detect(picture, float(info.sar))
                    found.append((picture.index, faces))
                sighting = tracker.step(picture)
                if sighting is not None:
                    learner.add(picture, sighting)


def _tracker(
    networks: tuple[FaceDetector, FaceMesh], info: PresenterInfo, person: Person | None
) -> FaceTracker:
    detector, mesh = networks
    return FaceTracker(detector, mesh, person or largest_face, float(info.sar))


def learn_speech(audio: Path, model: LipModel, target: Path, tick: Tick) -> Activity:
    """Write the lecture's movement to ``target``; gives where somebody speaks.

    ``tick`` is told the seconds heard so far, of twice the lecture's length: it is heard once for
    its level and pauses and once for its sounds.
    """
    heard = measure(_features(audio, tick, 0))
    whole = len(heard.gate) / 100
    if model.manifest.kind == "wav2lip":
        write_mel(target, mel_blocks(_ticked(audio, tick, whole), WAV2LIP_MEL))
        return heard
    facts = model.manifest.motion
    stride = int(facts["stride"])
    parts = run_motion(
        model.network("motion"),
        _with_loudness(_features(audio, tick, whole), heard.loudness),
        int(facts["context_frames"]),
        stride,
    )
    values = np.concatenate(list(parts))
    rate, offset = facts["rate_hz"], facts["offset_s"]
    times = (np.arange(len(values)) / rate + offset) * 100
    gate = np.interp(times, np.arange(len(heard.gate)), heard.gate).astype(np.float32)
    Motion(values * gate[:, None], rate, offset).save(target)
    return heard


def _ticked(audio: Path, tick: Tick, before: float) -> Iterator[Array]:
    samples = 0
    for block in audio_blocks(audio):
        samples += len(block)
        tick(int(before + samples / LECTERN_MEL.rate))
        yield block


def _features(audio: Path, tick: Tick, before: float) -> Iterator[Array]:
    return mel_blocks(_ticked(audio, tick, before), LECTERN_MEL)


def _with_loudness(mels: Iterator[Array], loudness: Array) -> Iterator[Array]:
    done = 0
    for mel in mels:
        part = loudness[done : done + mel.shape[1]]
        done += mel.shape[1]
        yield np.concatenate([mel, part[None]])
