"""A talking face of four seconds with a pause, made once, and copies with known faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh, region_of_detection, region_of_points
from appliance.face.tflite import TFLiteModel
from appliance.face.weights import face_model_path
from appliance.media.picture import Picture
from appliance.score.face_tracks import FaceMeasurement
from tests.talking_face import Image, babble, face_with_opening, voice, write_video

Openings = npt.NDArray[np.float64]
Film = Callable[..., Path]
Look = Callable[[Picture], FaceMeasurement]

PAUSE = slice(40, 72)  # frames in which nobody speaks and the mouth is shut


@pytest.fixture(scope="session")
def openings() -> Openings:
    """100 frames: speech, a pause, speech."""
    told = babble(100, seed=3)
    told[PAUSE] = 0
    return told


@pytest.fixture(scope="session")
def images(openings: Openings) -> list[Image]:
    """The face, frame by frame."""
    return [face_with_opening(float(opening)) for opening in openings]


@pytest.fixture(scope="session")
def film(openings: Openings, tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Makes a video of images (and, unless told otherwise, the speech's sound)."""

    def make(name: str, pictures: list[Image], fps: int = 25, sound: bool = True) -> Path:
        path = tmp_path_factory.mktemp("film") / f"{name}.mp4"
        return write_video(path, pictures, fps, voice(openings) if sound else None)

    return make


@pytest.fixture(scope="session")
def spoken(film: Film, images: list[Image]) -> Path:
    """The video as it should be."""
    return film("spoken", images)


@pytest.fixture(scope="session")
def look() -> Look:
    """Measures the face in a picture."""
    detector = FaceDetector(TFLiteModel(face_model_path("face_detection_short_range")))
    mesh = FaceMesh(TFLiteModel(face_model_path("face_landmark")))

    def measure(picture: Picture) -> FaceMeasurement:
        region = region_of_detection(detector.detect(picture)[0])
        for _ in range(3):
            points, _ = mesh(picture, region)
            region = region_of_points(points)
        return FaceMeasurement.of_points(points)

    return measure
