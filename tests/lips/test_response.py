"""The response: how far the mouth opens in finished frames, over how far it was told to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from appliance.config import PROJECT
from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh, region_of_detection, region_of_points
from appliance.face.pose import fit_pose
from appliance.face.track import FaceLandmarks
from appliance.inference.manifest import load_manifest
from appliance.lips.geometry import mouth_opening, to_face_frame
from appliance.lips.model import LipModel
from appliance.lips.profile import Profile, ProfileBuilder
from appliance.lips.response import (
    RESPONSE_RANGE,
    SAMPLE_EYE_DISTANCE,
    FaceSample,
    measure_response,
)
from appliance.media.picture import Picture
from tests.talking_face import as_picture, face_with_opening


def detect(picture: Picture, detector: FaceDetector, mesh: FaceMesh) -> FaceLandmarks:
    return FaceLandmarks(*mesh(picture, region_of_detection(detector.detect(picture)[0])))


@pytest.fixture(scope="module")
def model() -> LipModel:
    return LipModel.open(load_manifest("lectern-lite", PROJECT / "models_lite"), "fp32", ("cpu",))


@pytest.fixture(scope="module")
def builder(detector: FaceDetector, mesh: FaceMesh) -> ProfileBuilder:
    builder = ProfileBuilder()
    for opening in (0.0, 0.05, 0.1, 0.15, 0.2) * 5:
        picture = as_picture(face_with_opening(opening))
        builder.add(picture, detect(picture, detector, mesh))
    return builder


def wide_motion(model: LipModel) -> np.ndarray:
    return model.speech_motion.wide.astype(np.float64)


def measure(model: LipModel, builder: ProfileBuilder, profile: Profile, mesh: FaceMesh) -> float:
    wide = wide_motion(model)
    opening = profile.amplitude * float(wide @ model.basis.opening_direction)
    return measure_response(model.generator(profile, 1.0), mesh, builder.faces, wide, opening)


def test_landmarks_fit_the_cut_out(detector: FaceDetector, mesh: FaceMesh) -> None:
    picture = as_picture(face_with_opening(0.1))
    large = Picture.empty(3 * picture.width, 3 * picture.height)
    for target, source in zip(large.planes(), picture.planes(), strict=True):
        target[...] = np.kron(source, np.ones((3, 3), np.uint8))
    face = detect(large, detector, mesh)
    sample = FaceSample.cut(large, face)
    assert sample.picture.height < large.height
    assert sample.face.eye_distance == pytest.approx(SAMPLE_EYE_DISTANCE, rel=0.02)
    points, _ = mesh(sample.picture, region_of_points(sample.face.points))
    error = np.linalg.norm((points - sample.face.points)[:, :2], axis=1)
    assert np.median(error) < 0.02 * SAMPLE_EYE_DISTANCE


def test_a_small_face_is_not_enlarged(detector: FaceDetector, mesh: FaceMesh) -> None:
    picture = as_picture(face_with_opening(0.0))
    face = detect(picture, detector, mesh)
    assert FaceSample.cut(picture, face).face.eye_distance == pytest.approx(
        face.eye_distance, rel=0.02
    )


def test_every_tenth_face_is_kept(builder: ProfileBuilder) -> None:
    assert len(builder.faces) == 3


def test_the_opening_is_corrected(model: LipModel, builder: ProfileBuilder, mesh: FaceMesh) -> None:
    """With the measured response, openings in finished frames differ by what was asked for."""
    profile = builder.profile()
    response = measure(model, builder, profile, mesh)
    low, high = RESPONSE_RANGE
    assert low < response < high
    wide = wide_motion(model)
    direction = model.basis.opening_direction

    def shown(used: Profile) -> float:
        generator, sample = model.generator(used, 1.0), builder.faces[0]
        openings = []
        for level in (0.0, 0.7):
            item = generator.prepare(
                sample.picture, sample.face, np.float32(level) * wide.astype(np.float32), 1.0
            )
            picture = sample.picture.writable()
            generator.composite(picture, item, generator.run([item])[0])
            points, _ = mesh(picture, region_of_points(sample.face.points))
            openings.append(float(mouth_opening(to_face_frame(points, fit_pose(points)))))
        return (openings[1] - openings[0]) / (0.7 * profile.amplitude * float(wide @ direction))

    corrected = shown(replace(profile, response=response))
    assert abs(corrected - 1) < max(abs(shown(profile) - 1), 0.25)
    assert shown(replace(profile, response=0.5)) > 1.2 * shown(replace(profile, response=1.5))


def test_without_samples_nothing_is_corrected(
    model: LipModel, builder: ProfileBuilder, mesh: FaceMesh
) -> None:
    generator = model.generator(builder.profile(), 1.0)
    assert measure_response(generator, mesh, [], wide_motion(model), 0.06) == 1.0
