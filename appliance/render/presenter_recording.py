"""Read from a presenter's own recording what can be learned: the mouth, the sound, the voice.

Only frames with a voice are worth reading, and two minutes of them are enough. They are spread over
the recording. Their landmarks are those that rendering needs as well, so they come from the cache
and go into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from appliance.enrolment.stretch import MARGIN_S, RATE_HZ, Stretch
from appliance.face.person import Person
from appliance.face.track import CONTEXT_FRAMES, SEGMENT_FRAMES, FaceLandmarks, shot_cuts, smooth
from appliance.lips.geometry import to_face_frame
from appliance.media.audio import audio_blocks
from appliance.media.decode import FrameReader
from appliance.media.probe import AudioInfo, PresenterInfo
from appliance.render.landmark_track import LandmarkTrack, SegmentStore
from appliance.render.presenter_analysis import make_tracker
from appliance.speech.mel import LECTERN_MEL, mel_blocks
from appliance.speech.vad import FRAME_RATE, detect_activity

Array32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

MAX_SPEECH_S = 120.0
"""Seconds of speech that are read of a longer recording."""

_RUN_S = 10.0  # a longer recording is read in runs of about this length
_MIN_SPEECH_SHARE = 0.4  # of a run that is worth reading
_MIN_STRETCH_S = 1.0
_MAX_YAW_DEG = 35.0  # beyond this, the mesh does not see the far half of the mouth
_MAX_READERS = 2


class FeatureEncoder(Protocol):
    """What an encoder of :mod:`appliance.speech.speech_encoder` does."""

    def features(self, blocks: Iterable[Array32]) -> Iterable[Array32]:
        """Convert blocks of sound at 16 kHz to features (n, F) at 50 Hz, some steps at a time."""
        ...


class _Run(NamedTuple):
    """Frames ``start`` … ``stop`` - 1, whole segments of the landmark track."""

    start: int
    stop: int


def read_stretches(
    info: PresenterInfo,
    person: Person,
    audio: AudioInfo,
    encoder: FeatureEncoder,
    motion_offset_s: float,
    store: SegmentStore | None,
    check: Callable[[], None] = lambda: None,
) -> list[Stretch]:
    """Return the stretches in which ``person`` is seen and a voice is heard.

    ``audio`` is the sound of the same file. A coefficient of the motion is for the picture
    ``motion_offset_s`` after its step. ``check`` is called every few seconds; an exception that it
    raises stops the work. Raises the ``BadInput`` of files that cannot be read, and
    ``Fault("inference_failed")``.
    """
    speech = detect_activity(mel_blocks(audio_blocks(audio.path), LECTERN_MEL)).gate > 0.5
    # Time 0 of the sound is its first sample, which the file may play after the first picture.
    picture_s = info.start_s - float(audio.start) - motion_offset_s
    runs = choose_runs(info, speech, picture_s)
    readers = min(_MAX_READERS, len(runs))
    if not readers:
        return []
    with ThreadPoolExecutor(readers + 1) as pool:
        sounds = pool.submit(_read_features, runs, info, audio, encoder, picture_s)
        faces = pool.map(
            lambda index: _read_faces(runs[index::readers], info, person, store, check),
            range(readers),
        )
        by_run = {run: landmarks for part in faces for run, landmarks in part.items()}
        features = sounds.result()
    found: list[Stretch] = []
    for run in runs:
        sound, first_step = features[run]
        voice = _at_steps(speech, first_step, len(sound))
        times = (np.arange(run.start, run.stop) / float(info.fps)) + picture_s
        found += _stretches(
            by_run[run], times - first_step / RATE_HZ, float(info.fps), sound, voice
        )
    return found


def choose_runs(info: PresenterInfo, speech: Mask, picture_s: float) -> list[_Run]:
    """Return the runs of frames to read: all with a voice, or of a long recording evenly spread.

    ``speech`` is at :data:`~appliance.speech.vad.FRAME_RATE`; the first picture is shown
    ``picture_s`` after its start.
    """
    fps = float(info.fps)
    length = max(round(_RUN_S * fps / SEGMENT_FRAMES), 1) * SEGMENT_FRAMES
    worth: list[tuple[_Run, float]] = []
    for start in range(0, info.frames, length):
        run = _Run(start, min(start + length, info.frames))
        ends = np.array([run.start, run.stop]) / fps + picture_s
        low, high = np.clip(np.rint(ends * FRAME_RATE).astype(int), 0, len(speech))
        seconds = float(speech[low:high].sum()) / FRAME_RATE
        if seconds >= _MIN_SPEECH_SHARE * (run.stop - run.start) / fps:
            worth.append((run, seconds))
    total = sum(seconds for _, seconds in worth)
    if total <= MAX_SPEECH_S:
        return [run for run, _ in worth]
    count = max(int(len(worth) * MAX_SPEECH_S / total), 1)
    chosen = np.unique(np.linspace(0, len(worth) - 1, count).round().astype(int))
    return [worth[index][0] for index in chosen]


def _read_faces(
    runs: Sequence[_Run],
    info: PresenterInfo,
    person: Person,
    store: SegmentStore | None,
    check: Callable[[], None],
) -> dict[_Run, list[FaceLandmarks | None]]:
    """Return the smoothed landmarks of every frame of ``runs``."""

    def open_reader() -> FrameReader:
        return FrameReader(info, 1)

    track = LandmarkTrack(open_reader, info.frames, lambda: make_tracker(info, person), store)
    found = {}
    with open_reader() as reader:
        for run in runs:
            faces: list[FaceLandmarks | None] = []
            for start in range(run.start, run.stop, SEGMENT_FRAMES):
                check()
                stop = min(start + SEGMENT_FRAMES, run.stop)
                if not track.covers(start, stop):
                    for picture in reader.read(start, stop):
                        track.update(picture)
                faces += [track.at(index) for index in range(start, stop)]
            margin: list[FaceLandmarks | None] = [None] * CONTEXT_FRAMES
            padded = [*margin, *faces, *margin]
            window = 2 * CONTEXT_FRAMES + 1
            found[run] = [smooth(padded[i : i + window]) for i in range(len(faces))]
    return found


def _read_features(
    runs: Sequence[_Run],
    info: PresenterInfo,
    audio: AudioInfo,
    encoder: FeatureEncoder,
    picture_s: float,
) -> dict[_Run, tuple[Array32, int]]:
    """Return for each run the features (m, F) of its sound, and the step of the first."""
    rate, per_step = LECTERN_MEL.rate, round(LECTERN_MEL.rate / RATE_HZ)
    found = {}
    samples = _SampleReader(audio_blocks(audio.path))
    for run in runs:
        ends = np.array([run.start, run.stop]) / float(info.fps) + picture_s
        first_step = max(int((ends[0] - MARGIN_S) * RATE_HZ), 0)
        sound = samples.read(first_step * per_step, int((ends[1] + MARGIN_S) * rate))
        parts = list(encoder.features([sound]))
        found[run] = (np.concatenate(parts) if parts else np.zeros((0, 0), "f4"), first_step)
    return found


class _SampleReader:
    """Reads ranges of a stream of blocks, in ascending order; ranges may overlap a little."""

    def __init__(self, blocks: Iterable[Array32]) -> None:
        self._blocks: Iterator[Array32] = iter(blocks)
        self._kept = np.zeros(0, np.float32)
        self._start = 0  # position of the first sample that is kept

    def read(self, start: int, stop: int) -> Array32:
        """Return samples ``start`` … ``stop`` - 1; fewer at the end of the stream."""
        parts = [self._kept]
        length = len(self._kept)
        while self._start + length < stop:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(block)
            length += len(block)
            while len(parts) > 1 and self._start + len(parts[0]) <= start:
                self._start += len(parts[0])
                length -= len(parts.pop(0))
        joined = np.concatenate(parts)
        skipped = min(max(start - self._start, 0), len(joined))
        self._kept, self._start = joined[skipped:], self._start + skipped
        return self._kept[: max(stop - self._start, 0)]


def _at_steps(speech: Mask, first_step: int, count: int) -> Mask:
    """Return the voice activity of the steps of features; there is none after the sound."""
    positions = np.rint((first_step + np.arange(count)) * (FRAME_RATE / RATE_HZ)).astype(int)
    inside = positions < len(speech)
    found = np.zeros(count, bool)
    found[inside] = speech[positions[inside]]
    return found


def _stretches(
    faces: Sequence[FaceLandmarks | None],
    times: npt.NDArray[np.float64],
    fps: float,
    features: Array32,
    speech: Mask,
) -> Iterator[Stretch]:
    """Divide a run where there is no face and at cuts; frames of turned heads are left out."""
    if not len(features):
        return
    cuts = [*shot_cuts(list(faces)), True]
    rows: list[int] = []
    for index, face in enumerate(faces):
        if face is not None and abs(float(face.pose.yaw)) <= _MAX_YAW_DEG:
            rows.append(index)
        if (face is None or cuts[index]) and rows:
            if len(rows) >= _MIN_STRETCH_S * fps:
                chosen = [found for found in (faces[row] for row in rows) if found is not None]
                shapes = np.stack([to_face_frame(f.points, f.pose) for f in chosen])
                yield Stretch(times[rows], shapes, fps, features, speech)
            rows = []
