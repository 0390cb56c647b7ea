from __future__ import annotations

import numpy as np
import pytest

from appliance.atlas.atlas import Atlas
from appliance.atlas.paint import MouthPainter
from appliance.atlas.wanted import WantedShapes, limit_pull
from appliance.face.mesh import FaceMesh, region_of_points
from appliance.face.track import FaceLandmarks
from appliance.lips.geometry import inner_gaps, mouth_opening, to_face_frame
from appliance.media.picture import Picture
from tests.atlas.conftest import Clip

MOUTH = np.s_[110:190, 80:165]  # of the portrait


@pytest.fixture
def painter(atlas: Atlas, shapes: WantedShapes) -> MouthPainter:
    return MouthPainter(atlas, shapes)


def _nearest(atlas: Atlas, wanted: np.ndarray) -> int:
    gaps = mouth_opening(atlas.shapes.astype(np.float64))
    return int(np.abs(gaps - mouth_opening(wanted)).argmin())


def _paint(
    painter: MouthPainter,
    clip: Clip,
    index: int,
    motion: np.ndarray,
    mouth: int,
    strength: float = 1.0,
) -> Picture:
    picture = clip.pictures[index].writable()
    item = painter.prepare(index, clip.face(index), motion, [(mouth, 1.0)], strength)
    painter.paint(picture, item)
    return picture


def _motion(opening: float) -> np.ndarray:
    motion = np.zeros(10, np.float32)
    motion[0] = opening
    return motion


def test_painted_mouth_opens_as_wanted(
    painter: MouthPainter, clip: Clip, atlas: Atlas, shapes: WantedShapes, mesh: FaceMesh
) -> None:
    wanted, read = [], []
    for index in (3, 30, 55):
        for value in (0.0, 0.1, 0.2, 0.3, 0.4):
            motion = _motion(value)
            shape = shapes.spoken(motion)
            picture = _paint(painter, clip, index, motion, _nearest(atlas, shape))
            points, confidence = mesh(picture, region_of_points(clip.face(index).points))
            face = FaceLandmarks(points, confidence)
            wanted.append(float(mouth_opening(shape)))
            read.append(float(mouth_opening(to_face_frame(points, face.pose))))
    assert np.corrcoef(wanted, read)[0, 1] > 0.9


def test_nothing_changes_outside_the_patch_and_nothing_at_strength_zero(
    painter: MouthPainter, clip: Clip, atlas: Atlas
) -> None:
    original = clip.pictures[4]
    painted = _paint(painter, clip, 4, _motion(0.3), 20)
    changed = np.abs(painted.y.astype(int) - original.y) > 0
    assert changed[MOUTH].mean() > 0.3
    changed[85:230, 60:185] = False
    assert not changed.any()
    unchanged = _paint(painter, clip, 4, _motion(0.3), 20, strength=0.0)
    for plane, before in zip(unchanged.planes(), original.planes(), strict=True):
        assert np.array_equal(plane, before)


@pytest.mark.parametrize("factor", [0.3, 0.6, 1.15])
def test_light_of_the_frame_is_followed(painter: MouthPainter, clip: Clip, factor: float) -> None:
    """The same mouth in a darker or brighter frame is that much darker or brighter."""
    normal = _paint(painter, clip, 4, _motion(0.3), 20)
    dimmed = clip.pictures[4].writable()
    dimmed.y[:] = np.clip(np.rint((dimmed.y - 16.0) * factor + 16), 0, 255)
    item = painter.prepare(4, clip.face(4), _motion(0.3), [(20, 1.0)], 1.0)
    painter.paint(dimmed, item)
    expected = (normal.y[MOUTH].astype(float) - 16) * factor + 16
    assert np.abs(dimmed.y[MOUTH] - expected).mean() < 4


def test_a_black_and_white_frame_stays_grey(painter: MouthPainter, clip: Clip) -> None:
    grey = clip.pictures[4].writable()
    grey.u[:] = grey.v[:] = 128
    item = painter.prepare(4, clip.face(4), _motion(0.3), [(20, 1.0)], 1.0)
    item = type(item)(item.face, item.shape, item.mouths, 0.0, 1.0)  # as learned from grey frames
    painter.paint(grey, item)
    half = np.s_[55:95, 40:82]
    assert np.abs(grey.u[half].astype(int) - 128).max() <= 4
    assert np.abs(grey.v[half].astype(int) - 128).max() <= 4


def test_two_mouths_are_mixed(painter: MouthPainter, clip: Clip) -> None:
    face = clip.face(4)
    results = []
    for mouths in ([(20, 1.0)], [(20, 0.5), (21, 0.5)], [(20, 0.5), (20, 0.5)]):
        picture = clip.pictures[4].writable()
        painter.paint(picture, painter.prepare(4, face, _motion(0.2), mouths, 1.0))
        results.append(picture.y.astype(int))
    assert np.abs(results[0] - results[2]).max() <= 1
    assert np.abs(results[0] - results[1]).max() > 1


class TestWantedShapes:
    def test_pressed_lips_touch_but_do_not_pass_each_other(self, shapes: WantedShapes) -> None:
        pressed = inner_gaps(shapes.spoken(_motion(-0.5)))
        assert np.allclose(pressed, shapes.shut)
        opened = inner_gaps(shapes.spoken(_motion(0.5)))
        assert (opened[2:7, 1] > pressed[2:7, 1]).all()

    def test_gain_scales_the_opening_beyond_shut_lips(self, shapes: WantedShapes) -> None:
        twice = WantedShapes(shapes.basis, shapes.rest, shapes.amplitude, shapes.shut, 2.0)
        once = inner_gaps(shapes.spoken(_motion(0.3))) - shapes.shut
        assert np.allclose(inner_gaps(twice.spoken(_motion(0.3))) - shapes.shut, 2 * once)

    def test_pull_is_exact_up_to_a_limit(self, atlas: Atlas) -> None:
        source = atlas.shapes[0].astype(np.float64)
        near, far = source + np.array([0.02, 0, 0]), source + np.array([0.3, 0, 0])
        assert np.array_equal(limit_pull(near, source), near)
        moved = limit_pull(far, source) - source
        assert 0.05 < moved[0, 0] < 0.0526
