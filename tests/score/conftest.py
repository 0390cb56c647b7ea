"""A talking face of four seconds with a pause, and copies with known faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.mesh import region_of_detection, region_of_points
from appliance.face.networks import face_networks
from appliance.media.picture import Picture
from appliance.score.face_tracks import FaceMeasurement
from tests.talking_face import Image, babble, face_with_opening, voice, write_video

Openings = npt.NDArray[np.float64]
Film = Callable[..., Path]
MeasureFace = Callable[[Picture], FaceMeasurement]

PAUSE = slice(40, 72)  # frames without speech, with a closed mouth


@pytest.fixture(scope="session")
def openings() -> Openings:
    """100 frames: speech, a pause, speech."""
    openings = babble(100, seed=3)
    openings[PAUSE] = 0
    return openings


@pytest.fixture(scope="session")
def images(openings: Openings) -> list[Image]:
    """The face, frame by frame."""
    return [face_with_opening(float(opening)) for opening in openings]


@pytest.fixture(scope="session")
def film(openings: Openings, tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Create a video of images, by default with the audio of the speech."""

    def make(name: str, pictures: list[Image], fps: int = 25, sound: bool = True) -> Path:
        path = tmp_path_factory.mktemp("film") / f"{name}.mp4"
        return write_video(path, pictures, fps, voice(openings) if sound else None)

    return make


@pytest.fixture(scope="session")
def spoken(film: Film, images: list[Image]) -> Path:
    """The correct video."""
    return film("spoken", images)


@pytest.fixture(scope="session")
def measure_face() -> MeasureFace:
    """Measure the face in a picture."""
    detector, mesh = face_networks()

    def measure(picture: Picture) -> FaceMeasurement:
        region = region_of_detection(detector.detect(picture)[0])
        for _ in range(3):
            points, _ = mesh(picture, region)
            region = region_of_points(points)
        return FaceMeasurement.of_points(points)

    return measure
