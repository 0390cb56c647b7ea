"""The two face networks, loaded once."""

from __future__ import annotations

import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh
from appliance.face.runtime import LiteNetwork
from appliance.face.weights import face_model_path


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(LiteNetwork(face_model_path("face_detection_short_range")))


@pytest.fixture(scope="session")
def mesh() -> FaceMesh:
    return FaceMesh(LiteNetwork(face_model_path("face_landmark")))
