"""Analyse a presenter: find the person and build the profile from samples of the whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np

from appliance.errors import BadInput
from appliance.face.choose import Person, people
from appliance.face.detect import Detection, FaceDetector
from appliance.face.mesh import FaceMesh
from appliance.face.runtime import LiteNetwork
from appliance.face.sampling import Planes
from appliance.face.track import FaceTracker, largest_face
from appliance.face.weights import face_model_path
from appliance.lips.presenter import Profile, ProfileLearner
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo
from appliance.render.ahead import ahead

_SHORT = 192  # up to this many frames, all are analysed
_BURSTS = 24  # a longer presenter is sampled in this many bursts: enough for a mouth's range …
_BURST = 5  # … of this many frames each, about three of which are analysed
_FEW_KEYS = 4  # fewer key frames than this do not represent a presenter
_LOOKS = 16  # detections, to distinguish people
_LANES = 2  # decoders in parallel: the smallest device has two cores
_AHEAD = 4  # frames decoded ahead of the analysis


def make_tracker(info: PresenterInfo, person: Person | None = None) -> FaceTracker:
    """Return a tracker with its own networks, for ``person`` or the largest face."""
    detector, mesh = face_networks()
    return FaceTracker(detector, mesh, person or largest_face, float(info.sar))


def face_networks() -> tuple[FaceDetector, FaceMesh]:
    """Open the face detector and the mesh. Raises ``Fault("face_models_missing")``."""
    return (
        FaceDetector(LiteNetwork(face_model_path("face_detection_short_range"))),
        FaceMesh(LiteNetwork(face_model_path("face_landmark"))),
    )


def bursts(frames: int, key_before: Callable[[int], int] = lambda frame: frame) -> list[range]:
    """Return the presenter frames to sample: all of a short one, else bursts spread evenly.

    ``key_before`` moves the start of a burst back to a frame at which decoding can begin, so that
    no frame is decoded without being used.
    """
    if frames <= _SHORT:
        return [range(frames)]
    places = np.linspace(0, frames - _BURST, _BURSTS).astype(int)
    starts = sorted({key_before(int(place)) for place in places})
    if len(starts) < _FEW_KEYS:  # unused decoded frames are better than too few samples
        starts = [int(place) for place in places]
    length = _BURST * _BURSTS // len(starts)
    return [range(start, min(start + length, frames)) for start in starts]


def learn_presenter(info: PresenterInfo, number: int, threads: int) -> tuple[Person, Profile]:
    """Find the person who is to speak and build the profile.

    ``number`` counts from 0, the largest steady face. Raises ``BadInput("no_face")``, and
    ``BadInput("face_number")`` if there are fewer people.
    """
    with ExitStack() as stack:
        lanes = _lanes(info, threads, stack)
        learner, found = _sample(lanes, None)
        persons = people(found, len(found))
        if not persons:
            raise BadInput("no_face", name=info.path.name)
        if number >= len(persons):
            raise BadInput("face_number", name=info.path.name, number=number, count=len(persons))
        person = persons[number]
        if any(largest_face(*look) is not person(*look) for look in found):
            learner, _ = _sample(lanes, person)
    if not len(learner):
        raise BadInput("no_face", name=info.path.name)
    return person, learner.profile()


def _lanes(info: PresenterInfo, threads: int, stack: ExitStack) -> list[_Lane]:
    """Divide the samples evenly, each share with its own reader and networks, closed by ``stack``.

    The number of shares depends on the presenter alone, so that every device produces the same
    profile.
    """
    reader = stack.enter_context(FrameReader(info, threads))
    samples = bursts(info.frames, reader.key_before)
    count = min(_LANES, len(samples))
    # two single-threaded decoders are faster than one with two threads: seeks do not wait
    if count > 1:
        reader.close()
        readers = [stack.enter_context(FrameReader(info, 1)) for _ in range(count)]
    else:
        readers = [reader]
    step = max(sum(map(len, samples)) // _LOOKS, _BURST)
    cuts = [len(samples) * lane // count for lane in range(count + 1)]
    return [
        _Lane(info, reader, samples[first:stop], step)
        for reader, first, stop in zip(readers, cuts, cuts[1:], strict=False)
    ]


def _sample(
    lanes: list[_Lane], person: Person | None
) -> tuple[ProfileLearner, list[tuple[int, list[Detection]]]]:
    """Sample ``person`` or the largest face in all ``lanes``.

    Returns the samples and, as (frame number, detections), all faces that were seen.
    """
    learner = ProfileLearner()
    found: list[tuple[int, list[Detection]]] = []
    with ThreadPoolExecutor(len(lanes)) as pool:
        for part, looks in pool.map(lambda lane: lane.sample(person), lanes):
            learner.extend(part)
            found += looks
    return learner, found


class _Lane:
    """Samples the ``bursts`` of a presenter.

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
        self._detector = _OneLook(detector)

    def sample(
        self, person: Person | None
    ) -> tuple[ProfileLearner, list[tuple[int, list[Detection]]]]:
        """Return the samples of ``person`` or the largest face, and all detected faces."""
        learner = ProfileLearner()
        found: list[tuple[int, list[Detection]]] = []
        aspect = float(self._info.sar)
        with ahead(self._pictures(), _AHEAD) as pictures:
            for place, picture in pictures:
                if place == 0:
                    tracker = FaceTracker(
                        self._detector, self._mesh, person or largest_face, aspect
                    )
                    due = picture.index
                if picture.index >= due:
                    due = picture.index + self._step
                    found.append((picture.index, self._detector.detect(picture, aspect)))
                sighting = tracker.step(picture)
                if sighting is not None:
                    learner.add(picture, sighting)
        return learner, found

    def _pictures(self) -> Iterator[tuple[int, Picture]]:
        """Yield the frames of all bursts, each with its position within its burst."""
        for burst in self._bursts:
            yield from enumerate(self._reader.glimpse(burst.start, len(burst)))


class _OneLook:
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
