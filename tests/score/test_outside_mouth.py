"""Changes outside the mouth, drawn with known size and position."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.media.picture import Picture
from appliance.score.face_tracks import FaceMeasurement
from appliance.score.outside_mouth import OutsideMouth, OutsideMouthMeter
from tests.talking_face import SIZE, as_picture, portrait

from .conftest import MeasureFace


@pytest.fixture(scope="module")
def source() -> Picture:
    return as_picture(portrait())


@pytest.fixture(scope="module")
def face(source: Picture, measure_face: MeasureFace) -> FaceMeasurement:
    return measure_face(source)


def measure(pictures: list[Picture], source: Picture, face: FaceMeasurement | None) -> OutsideMouth:
    meter = OutsideMouthMeter(source.width, source.height)
    for picture in pictures:
        meter.add(picture, source, face, face)
    found = meter.result()
    assert found is not None
    assert found.frames == len(pictures)
    return found


def painted(source: Picture, where: tuple[slice, slice], by: int) -> Picture:
    picture = source.writable()
    picture.y[where] = np.clip(picture.y[where].astype(int) + by, 0, 255)
    return picture


def test_same_picture_has_no_change(source: Picture, face: FaceMeasurement) -> None:
    assert measure([source] * 6, source, face) == OutsideMouth(0, 0, 0, 0, 6)


def test_change_of_the_mouth_is_not_outside(source: Picture, face: FaceMeasurement) -> None:
    mouth = painted(source, (slice(125, 170), slice(90, 150)), 40)
    found = measure([mouth] * 6, source, face)
    assert (found.mean, found.max, found.badge_share) == (0, 0, 0)
    # Without a face, nothing may change.
    assert measure([mouth], source, None).max == 40


@pytest.mark.parametrize("position", [(3, 5), (60, 120), (251, 250)])
def test_one_changed_pixel_elsewhere_is_detected(
    source: Picture, face: FaceMeasurement, position: tuple[int, int]
) -> None:
    row, column = position
    dot = painted(source, (slice(row, row + 1), slice(column, column + 1)), 9)
    found = measure([source] * 5 + [dot], source, face)
    assert found.max == 9
    assert 0 < found.mean < 1e-3


def test_chroma_is_compared(source: Picture, face: FaceMeasurement) -> None:
    picture = source.writable()
    picture.v[10, 100] += 7
    found = measure([picture], source, face)
    assert found.max == 7
    assert found.mean == 0  # the mean is the luma's


def test_mean_is_over_the_pixels_outside(source: Picture, face: FaceMeasurement) -> None:
    brighter = painted(source, (slice(None), slice(None)), 3)
    found = measure([brighter], source, face)
    assert found.mean == pytest.approx(3, abs=0.05)  # all but the saturated ones
    assert found.max == 3


@pytest.mark.parametrize("size", [(256, 256), (250, 246), (64, 66)])
def test_any_even_size_is_accepted(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    a, b = Picture.blank(*size), Picture.blank(*size)
    a.y[:] = rng.integers(16, 235, a.y.shape)
    found = measure([a], b, None)
    assert found.max == int(a.y.max()) - 16
    assert found.mean == pytest.approx(float(a.y.mean()) - 16)


def test_badge_is_counted_separately(source: Picture, face: FaceMeasurement) -> None:
    badge = (slice(232, 248), slice(168, 248))
    marked = [painted(source, badge, 60) for _ in range(6)]
    marked[3] = painted(marked[3], (slice(10, 11), slice(10, 11)), 5)
    found = measure(marked, source, face)
    assert found.max == 5
    assert found.badge_share == pytest.approx(16 * 80 / SIZE**2, abs=1e-9)
    # A change that is not in every frame is not a badge.
    assert measure([*marked, source], source, face).max >= 60


def test_region_beyond_the_edge_is_accepted(source: Picture, face: FaceMeasurement) -> None:
    for shift in (-400.0, -120.0, 130.0, 400.0):
        points = face.points + np.array([shift, shift, 0], np.float32)
        assert measure([source], source, FaceMeasurement.of_points(points)).max == 0


def test_without_a_face_there_is_no_seam(source: Picture) -> None:
    assert measure([source], source, None).seam is None
