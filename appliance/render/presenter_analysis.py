"""Analyse a presenter: find the person and build the profile from samples of the whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from appliance.errors import BadInput
from appliance.face.appearance import Patch, group_appearances
from appliance.face.detect import Detection, FaceDetector
from appliance.face.networks import face_networks
from appliance.face.person import Person, find_people
from appliance.face.sampling import Planes
from appliance.face.track import FaceTracker, largest_face
from appliance.lips.model import LipModel
from appliance.lips.profile import Profile, ProfileBuilder
from appliance.lips.response import FaceSample, measure_response
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo
from appliance.render.prefetch import prefetch

_MAX_UNSAMPLED_FRAMES = 192  # up to this many frames, all are analysed
_BURST_COUNT = 24  # bursts in which a longer presenter is sampled: enough for a mouth's range
_BURST_FRAMES = 5  # frames of a burst, about three of which are analysed
_MIN_KEYFRAMES = 4  # fewer key frames than this do not represent a presenter
_DETECTION_COUNT = 16  # detections, to distinguish people
_MAX_SAMPLERS = 2  # decoders in parallel: the smallest device has two cores
_PREFETCH_DEPTH = 4  # frames decoded ahead of the analysis


def make_tracker(info: PresenterInfo, person: Person | None = None) -> FaceTracker:
    """Return a tracker with its own networks, for ``person`` or the largest face."""
    detector, mesh = face_networks()
    appearance = person.appearance if person is not None else None
    return FaceTracker(detector, mesh, person or largest_face, float(info.sar), appearance)


def sample_bursts(
    frames: int, keyframe_before: Callable[[int], int] = lambda frame: frame
) -> list[range]:
    """Return the presenter frames to sample: all of a short one, else bursts spread evenly.

    ``keyframe_before`` moves the start of a burst back to a frame at which decoding can begin, so
    that no frame is decoded without being used.
    """
    if frames <= _MAX_UNSAMPLED_FRAMES:
        return [range(frames)]
    positions = np.linspace(0, frames - _BURST_FRAMES, _BURST_COUNT).astype(int)
    starts = sorted({keyframe_before(int(position)) for position in positions})
    if len(starts) < _MIN_KEYFRAMES:  # unused decoded frames are better than too few samples
        starts = [int(position) for position in positions]
    length = _BURST_FRAMES * _BURST_COUNT // len(starts)
    return [range(start, min(start + length, frames)) for start in starts]


def analyse_presenter(
    info: PresenterInfo, face_number: int, threads: int, model: LipModel | None = None
) -> tuple[Person, Profile]:
    """Find the person who is to speak and build the profile.

    ``face_number`` counts from 0, the largest steady face. The response of ``model``'s renderer is
    measured, unless it is a Wav2Lip model. Raises ``BadInput("no_face")``, and
    ``BadInput("face_number_out_of_range")`` if there are fewer people.
    """
    with ExitStack() as stack:
        samplers = _make_samplers(info, threads, stack)
        builder, detections, thumbnails = _run_samplers(samplers, None)
        persons = find_people(detections, len(detections))
        if not persons:
            raise _no_face(info, samplers[0])
        if face_number >= len(persons):
            raise BadInput(
                "face_number_out_of_range",
                name=info.path.name,
                number=face_number,
                count=len(persons),
            )
        person = persons[face_number]
        if any(largest_face(*sample) is not person(*sample) for sample in detections):
            builder, _, thumbnails = _run_samplers(samplers, person)
        appearances = group_appearances(thumbnails)
        if len(appearances) > 1:
            person = replace(person, appearance=appearances[0], successors=len(appearances) - 1)
            builder, _, _ = _run_samplers(samplers, person)
    if not len(builder):
        raise BadInput("no_face", name=info.path.name)
    profile = builder.profile()
    if model is not None and model.manifest.kind == "lectern":
        profile = replace(profile, response=_response(model, profile, builder.faces, info))
    return person, profile


def _response(
    model: LipModel, profile: Profile, faces: Sequence[FaceSample], info: PresenterInfo
) -> float:
    wide = model.speech_motion.wide.astype(np.float64)
    opening = profile.amplitude * float(wide @ model.basis.opening_direction)
    _, mesh = face_networks()
    try:
        generator = model.generator(profile, 1.0)
        return measure_response(generator, mesh, faces, wide, opening, float(info.sar))
    finally:
        model.close_network(model.manifest.main_role)


def _no_face(info: PresenterInfo, sampler: _Sampler) -> BadInput:
    """Return the error of a presenter without a face: none at all, or one that is too small."""
    found = sampler.small_face_width()
    if found is None:
        return BadInput("no_face", name=info.path.name)
    pixels, needed = found
    return BadInput("face_too_small", name=info.path.name, pixels=pixels, needed=needed)


def _make_samplers(info: PresenterInfo, threads: int, stack: ExitStack) -> list[_Sampler]:
    """Return samplers that share the frames evenly, each with its own reader and networks.

    ``stack`` closes the readers. The number of samplers depends on the presenter alone, so that
    every device produces the same profile.
    """
    reader = stack.enter_context(FrameReader(info, threads))
    samples = sample_bursts(info.frames, reader.keyframe_before)
    count = min(_MAX_SAMPLERS, len(samples))
    # two single-threaded decoders are faster than one with two threads: seeks do not wait
    if count > 1:
        reader.close()
        readers = [stack.enter_context(FrameReader(info, 1)) for _ in range(count)]
    else:
        readers = [reader]
    step = max(sum(map(len, samples)) // _DETECTION_COUNT, _BURST_FRAMES)
    cuts = [len(samples) * index // count for index in range(count + 1)]
    return [
        _Sampler(info, reader, samples[first:stop], step)
        for reader, first, stop in zip(readers, cuts, cuts[1:], strict=False)
    ]


def _run_samplers(
    samplers: list[_Sampler], person: Person | None
) -> tuple[ProfileBuilder, list[tuple[int, list[Detection]]], list[Patch]]:
    """Sample ``person`` or the largest face in all ``samplers``.

    Returns the samples, all detected faces as (frame number, detections), and the thumbnails of the
    sampled faces.
    """
    builder = ProfileBuilder()
    detections: list[tuple[int, list[Detection]]] = []
    thumbnails: list[Patch] = []
    with ThreadPoolExecutor(len(samplers)) as pool:
        for part, part_detections, seen in pool.map(lambda s: s.sample(person), samplers):
            builder.extend(part)
            detections += part_detections
            thumbnails += seen
    return builder, detections, thumbnails


class _Sampler:
    """Samples the frames in ``bursts`` of a presenter.

    In every ``step``-th frame all faces are detected, to find other people.
    """

    def __init__(
        self, info: PresenterInfo, reader: FrameReader, bursts: list[range], step: int
    ) -> None:
        self._info = info
        self._reader = reader
        self._bursts = bursts
        self._step = step
        detector, self._mesh = face_networks()
        self._full_detector = detector
        self._detector = _CachingDetector(detector)

    def sample(
        self, person: Person | None
    ) -> tuple[ProfileBuilder, list[tuple[int, list[Detection]]], list[Patch]]:
        """Return the samples of ``person`` or the largest face, all faces, and the thumbnails."""
        builder = ProfileBuilder()
        detections: list[tuple[int, list[Detection]]] = []
        thumbnails: list[Patch] = []
        appearance = person.appearance if person is not None else None
        aspect = float(self._info.sar)
        with prefetch(self._sampled_pictures(), _PREFETCH_DEPTH) as pictures:
            for position, picture in pictures:
                if position == 0:
                    tracker = FaceTracker(
                        self._detector, self._mesh, person or largest_face, aspect, appearance
                    )
                    next_detection = picture.index
                if picture.index >= next_detection:
                    next_detection = picture.index + self._step
                    detections.append((picture.index, self._detector.detect(picture, aspect)))
                face = tracker.step(picture)
                if face is not None:
                    builder.add(picture, face)
                if face is not None and tracker.thumbnail is not None:
                    thumbnails.append(tracker.thumbnail)
        return builder, detections, thumbnails

    def small_face_width(self) -> tuple[int, int] | None:
        """Return the width of a face that is too small to be used, and the width needed.

        Returns ``None`` if the middle one of the sampled frames shows no face at all.
        """
        aspect = float(self._info.sar)
        middle = self._bursts[len(self._bursts) // 2]
        number = (middle.start + middle.stop) // 2
        for picture in self._reader.read(number, number + 1):
            for face in self._full_detector.detect_small(picture, aspect):
                needed = self._full_detector.smallest_width(picture, aspect)
                return round(face.width), max(needed, round(face.width) + 1)
        return None

    def _sampled_pictures(self) -> Iterator[tuple[int, Picture]]:
        """Yield the frames of all bursts, each with its position within its burst."""
        for burst in self._bursts:
            yield from enumerate(self._reader.read_sparse(burst.start, len(burst)))


class _CachingDetector:
    """A detector that caches its result for the last picture."""

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self._picture: Planes | None = None
        self._faces: list[Detection] = []

    def detect(self, picture: Planes, pixel_aspect: float = 1.0) -> list[Detection]:
        """Detect faces as :meth:`FaceDetector.detect` does."""
        if picture is not self._picture:
            self._picture, self._faces = picture, self._detector.detect(picture, pixel_aspect)
        return self._faces
