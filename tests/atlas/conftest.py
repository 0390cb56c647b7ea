"""A face that talks, its landmarks, and the atlas learned from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from appliance.atlas.atlas import Atlas
from appliance.atlas.learn import AtlasBuilder
from appliance.atlas.wanted import WantedShapes
from appliance.face.mesh import FaceMesh
from appliance.face.networks import face_networks
from appliance.face.track import CONTEXT_FRAMES, FaceLandmarks, FaceTracker, smooth
from appliance.inference.manifest import load_manifest
from appliance.lips.motion import MotionBasis
from appliance.lips.profile import Profile, ProfileBuilder
from appliance.media.picture import Picture
from appliance.render.render import MODELS_FOLDER
from tests.talking_face import as_picture, babble, talking

FRAMES = 120


@dataclass(frozen=True)
class Clip:
    """A video: its pictures, and the smoothed face of each."""

    pictures: list[Picture]
    faces: list[FaceLandmarks | None]
    openings: npt.NDArray[np.float64]

    def face(self, index: int) -> FaceLandmarks:
        face = self.faces[index]
        assert face is not None
        return face


def track(pictures: list[Picture]) -> list[FaceLandmarks | None]:
    """Return the smoothed face of each picture."""
    tracker = FaceTracker(*face_networks())
    padding: list[FaceLandmarks | None] = [None] * CONTEXT_FRAMES
    faces = [*padding, *map(tracker.step, pictures), *padding]
    return [smooth(faces[k : k + 2 * CONTEXT_FRAMES + 1]) for k in range(len(pictures))]


def learn(
    clip: Clip, profile: Profile, limit_bytes: int = 10**9, limit: int = 1600
) -> Atlas | None:
    """Learn the atlas of ``clip``."""
    builder = AtlasBuilder(profile, 45.0, 0.5, limit_bytes, limit)
    for picture, face in zip(clip.pictures, clip.faces, strict=True):
        builder.add(picture, face)
    return builder.atlas()


@pytest.fixture(scope="session")
def clip() -> Clip:
    openings = babble(FRAMES, seed=5)
    pictures = [as_picture(image, index) for index, image in enumerate(talking(openings))]
    return Clip(pictures, track(pictures), openings)


@pytest.fixture(scope="session")
def profile(clip: Clip) -> Profile:
    builder = ProfileBuilder()
    for index in range(0, FRAMES, 2):
        builder.add(clip.pictures[index], clip.face(index))
    return builder.profile()


@pytest.fixture(scope="session")
def atlas(clip: Clip, profile: Profile) -> Atlas:
    learned = learn(clip, profile)
    assert learned is not None
    return learned


@pytest.fixture(scope="session")
def shapes(atlas: Atlas, profile: Profile) -> WantedShapes:
    manifest = load_manifest("lectern-lite", MODELS_FOLDER)
    basis = MotionBasis.load(manifest.path("basis", "fp32"))
    return WantedShapes.of(atlas, basis, profile.rest, profile.amplitude)


@pytest.fixture(scope="session")
def mesh() -> FaceMesh:
    return face_networks()[1]
