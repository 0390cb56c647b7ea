"""Open the networks that find and measure faces."""

from __future__ import annotations

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh
from appliance.face.tflite import TFLiteModel
from appliance.face.weights import face_model_path


def face_networks() -> tuple[FaceDetector, FaceMesh]:
    """Open the face detector and the mesh. Raises ``Fault("face_models_missing")``."""
    return (
        FaceDetector(TFLiteModel(face_model_path("face_detection_short_range"))),
        FaceMesh(TFLiteModel(face_model_path("face_landmark"))),
    )
