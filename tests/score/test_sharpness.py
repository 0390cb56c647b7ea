"""Sharpness of a mouth that is blurred, sharpened or unchanged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from appliance.media.picture import Picture
from appliance.score.face_tracks import FaceMeasurement
from appliance.score.sharpness import Sharpness, SharpnessMeter
from tests.talking_face import Image, as_picture, portrait

from .conftest import MeasureFace

MOUTH = (slice(110, 180), slice(75, 170))


@pytest.fixture(scope="module")
def source() -> Picture:
    return as_picture(portrait())


@pytest.fixture(scope="module")
def face(source: Picture, measure_face: MeasureFace) -> FaceMeasurement:
    return measure_face(source)


def blurred(image: Image, sigma: float, where: tuple[slice, slice] | None = None) -> Image:
    soft = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    if where is None:
        return soft
    result = image.copy()
    result[where] = soft[where]
    return result


def measure(image: Image, source: Picture, face: FaceMeasurement) -> Sharpness:
    meter = SharpnessMeter(1)
    meter.add(0, as_picture(image), source, (face, face))
    found = meter.result()
    assert found is not None
    assert meter.per_frame[0] == pytest.approx(found.normalised)
    return found


def test_picture_is_as_sharp_as_itself(source: Picture, face: FaceMeasurement) -> None:
    assert measure(portrait(), source, face) == Sharpness(1, 1, 1, 1)


def test_blurred_mouth_differs_from_a_blurred_picture(
    source: Picture, face: FaceMeasurement
) -> None:
    mouth_only = measure(blurred(portrait(), 1.2, MOUTH), source, face)
    assert mouth_only.mouth < 0.4
    assert mouth_only.eyes == pytest.approx(1)
    assert mouth_only.normalised == pytest.approx(mouth_only.mouth)
    everything = measure(blurred(portrait(), 1.2), source, face)
    assert everything.mouth < 0.4
    assert everything.eyes < 0.4
    assert 0.6 < everything.normalised < 1.6


def test_more_blur_is_less_sharp(source: Picture, face: FaceMeasurement) -> None:
    found = [
        measure(blurred(portrait(), sigma, MOUTH), source, face).mouth
        for sigma in (0.4, 0.7, 1.0, 1.5, 2.5)
    ]
    assert np.all(np.diff(found) < 0)


def test_energy_is_the_variance_of_the_laplacian(source: Picture, face: FaceMeasurement) -> None:
    """Twice the contrast is four times the energy."""
    low = source.writable()
    low.y[:] = 60 + source.y // 4 * 2 // 2  # a quarter of the contrast, but for rounding
    high = source.writable()
    high.y[:] = 40 + source.y // 4 * 2
    meter = SharpnessMeter(1)
    meter.add(0, high, low, (face, face))
    found = meter.result()
    assert found is not None
    assert found.mouth == pytest.approx(4, rel=1e-6)
    assert found.normalised == pytest.approx(1, rel=1e-6)


def test_totals_weight_frames_by_energy(source: Picture, face: FaceMeasurement) -> None:
    meter = SharpnessMeter(2)
    soft = blurred(portrait(), 1.0, MOUTH)
    meter.add(0, as_picture(soft), source, (face, face))
    meter.add(1, as_picture(portrait()), source, (face, face))
    found = meter.result()
    assert found is not None
    assert found.mouth == pytest.approx((measure(soft, source, face).mouth + 1) / 2)
    assert found.frames == 2


def test_flat_or_missing_face_gives_no_value(source: Picture, face: FaceMeasurement) -> None:
    meter = SharpnessMeter(2)
    assert meter.result() is None
    meter.add(0, source, Picture.blank(256, 256), (face, face))
    outside = FaceMeasurement(face.points - 5000, face.pose, face.lips, face.opening)
    meter.add(1, source, source, (outside, outside))
    assert meter.result() is None
