"""Edges around the mouth: pasted ones of known height are measured, sliding skin is not."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Literal

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.sampling import apply
from appliance.lips.geometry import patch_matrix
from appliance.media.picture import Picture
from appliance.score.face_tracks import FaceMeasurement
from appliance.score.seam import SeamMeter
from tests.talking_face import SIZE, as_picture, babble, face_with_opening, portrait

from .conftest import MeasureFace

CENTRE = (119, 146)  # of the mouth
FRAMES = 12
LIMIT = 2.5  # the verdict's
Shape = Literal["oval", "box", "patch"]


def seam(
    pictures: list[Picture], source: Picture, faces: list[FaceMeasurement], theirs: FaceMeasurement
) -> float:
    meter = SeamMeter()
    for picture, face in zip(pictures, faces, strict=True):
        meter.add(picture, source, (face, theirs))
    found = meter.result()
    assert found is not None
    return found


def pasted(
    picture: Picture, by: float, soft: float, shape: Shape, face: FaceMeasurement
) -> Picture:
    """Return the mouth in a brighter patch with an edge blurred by ``soft`` pixels."""
    mask = np.zeros(picture.y.shape, np.float32)
    if shape == "oval":
        cv2.ellipse(mask, CENTRE, (52, 44), 0, 0, 360, 1.0, -1)
    elif shape == "box":
        cv2.rectangle(
            mask, (CENTRE[0] - 46, CENTRE[1] - 36), (CENTRE[0] + 46, CENTRE[1] + 40), 1, -1
        )
    else:
        square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) - 0.5
        corners = apply(patch_matrix(face.pose, 1), square)
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1.0)
    if soft:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), soft), np.float32)
    made = picture.writable()
    made.y[:] = np.clip(np.round(picture.y + by * mask), 0, 255)
    return made


def slid(source: Picture, by: float) -> Picture:
    """Return chin and cheeks moved down by up to ``by`` pixels, decreasing outwards: no edge."""
    height, width = source.y.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    away = ((columns - CENTRE[0]) ** 2 + (rows - CENTRE[1] - 20) ** 2) / (2 * 38.0**2)
    moved = rows - by * np.exp(-away).astype(np.float32)
    made = source.writable()
    made.y[:] = cv2.remap(
        source.y, columns, moved, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return made


def encoded(pictures: list[Picture], crf: int) -> list[Picture]:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as sink:
        stream = sink.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for index, picture in enumerate(pictures):
            sink.mux(stream.encode(picture.to_av(index, Fraction(1, 25))))
        sink.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as made:
        return [Picture.from_av(frame, k) for k, frame in enumerate(made.decode(video=0))]


@pytest.fixture(scope="module")
def source() -> Picture:
    return as_picture(portrait())


@pytest.fixture(scope="module")
def face(source: Picture, measure_face: MeasureFace) -> FaceMeasurement:
    return measure_face(source)


@pytest.fixture(scope="module")
def speaking() -> list[Picture]:
    return [as_picture(face_with_opening(float(opening))) for opening in babble(FRAMES, seed=5)]


@pytest.mark.parametrize("shown", [0.0, 0.14])
def test_pasted_mouth_has_a_seam_and_moving_mouth_has_none(
    speaking: list[Picture], measure_face: MeasureFace, shown: float
) -> None:
    """The presenter's own mouth is closed or smiling."""
    source = as_picture(face_with_opening(shown))
    theirs = measure_face(source)

    def found(by: float, soft: float = 0) -> float:
        pictures = [pasted(picture, by, soft, "oval", theirs) for picture in speaking]
        return seam(pictures, source, [measure_face(picture) for picture in pictures], theirs)

    clean, faint, visible, softened = found(0), found(2), found(12), found(12, 12)
    assert clean < 0.6 < faint < LIMIT < 5 < visible
    assert softened < visible / 4


@pytest.mark.parametrize("by", [1, 2, 4, 8])
def test_sliding_skin_has_no_seam(source: Picture, face: FaceMeasurement, by: float) -> None:
    assert seam([slid(source, by)] * FRAMES, source, [face] * FRAMES, face) < LIMIT / 1.5


@pytest.mark.parametrize("crf", [18, 28, 35])
def test_encoder_adds_no_seam(source: Picture, face: FaceMeasurement, crf: int) -> None:
    assert seam(encoded([source] * FRAMES, crf), source, [face] * FRAMES, face) < LIMIT / 2


@pytest.mark.parametrize("shape", ["oval", "box", "patch"])
def test_seam_of_a_patch_is_nearly_its_difference(
    source: Picture, face: FaceMeasurement, shape: Shape
) -> None:
    for by in (8, -8):
        patched = [pasted(source, by, 0, shape, face)] * FRAMES
        assert 0.45 * 8 < seam(patched, source, [face] * FRAMES, face) < 8.5


def test_no_seam_without_frames_or_for_a_tiny_face(source: Picture, face: FaceMeasurement) -> None:
    assert SeamMeter().result() is None
    points: npt.NDArray[np.float32] = (face.points * 0.3).astype(np.float32)
    tiny = FaceMeasurement.of_points(points)
    meter = SeamMeter()
    meter.add(source, source, (tiny, tiny))
    assert meter.result() is None
