"""Measurements of each frame, and tracking of a reference video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.face.track import SEGMENT_FRAMES
from appliance.media.probe import probe_presenter
from appliance.score.face_tracks import FaceMeasurement, FaceTracks, ReferenceTracker, VideoTracker
from tests.talking_face import as_picture, portrait

from .conftest import MeasureFace, Openings


@pytest.fixture(scope="module")
def tracked(spoken: Path) -> FaceTracks:
    with VideoTracker(probe_presenter(spoken)) as tracker:
        assert sum(1 for _ in tracker.track(0, 100)) == 100
        return tracker.tracks


def test_measured_opening_follows_the_drawn_one(tracked: FaceTracks, openings: Openings) -> None:
    assert tracked.coverage == 1
    assert np.corrcoef(tracked.opening, openings)[0, 1] > 0.98
    assert np.abs(tracked.opening - openings).max() < 0.06


def test_part_equals_the_whole(spoken: Path, tracked: FaceTracks) -> None:
    with VideoTracker(probe_presenter(spoken)) as tracker:
        indices = [seen.picture.index for seen in tracker.track(SEGMENT_FRAMES + 7, 90)]
        part = tracker.tracks
    assert indices == list(range(SEGMENT_FRAMES, 90))
    assert np.flatnonzero(part.measured).tolist() == indices
    assert np.array_equal(part.opening[SEGMENT_FRAMES:90], tracked.opening[SEGMENT_FRAMES:90])
    assert np.isnan(part.opening[:SEGMENT_FRAMES]).all()
    assert np.isnan(part.lips_moved[SEGMENT_FRAMES])  # the previous frame was not measured
    assert np.array_equal(
        part.lips_moved[SEGMENT_FRAMES + 1 : 90], tracked.lips_moved[SEGMENT_FRAMES + 1 : 90]
    )


def moved(face: FaceMeasurement, by: tuple[float, float], lips: float = 0.0) -> FaceMeasurement:
    """Return ``face`` shifted in the picture, with its lips lowered by some pixels."""
    points = face.points + np.array([*by, 0], np.float32)
    points[[13, 14, 17, 0], 1] += lips
    return FaceMeasurement.of_points(points)


def test_head_movement_is_not_lip_movement(measure_face: MeasureFace) -> None:
    face = measure_face(as_picture(portrait()))
    scale = float(face.pose.scale)
    tracks = FaceTracks(4, 25.0)
    for index, each in enumerate([face, moved(face, (6, 8)), moved(face, (6, 8), 4.0)]):
        tracks.add(index, each)
    assert np.isnan(tracks.lips_moved[0])
    assert tracks.head_moved[1] == pytest.approx(10 / scale, rel=1e-4)
    assert tracks.lips_moved[1] == pytest.approx(0, abs=1e-5)
    assert tracks.head_moved[2] == pytest.approx(0, abs=1e-6)
    assert tracks.lips_moved[2] == pytest.approx(4 * 4 / 40 / scale, rel=0.02)
    assert tracks.measured.tolist() == [True, True, True, False]


def test_movement_needs_consecutive_frames(measure_face: MeasureFace) -> None:
    face = measure_face(as_picture(portrait()))
    tracks = FaceTracks(10, 25.0)
    for index, each in ((0, face), (1, None), (2, face), (5, face), (6, face)):
        tracks.add(index, each)
    assert np.flatnonzero(np.isfinite(tracks.lips_moved)).tolist() == [6]
    assert tracks.coverage == pytest.approx(4 / 5)


def test_reference_lips_are_interpolated_between_frames(spoken: Path) -> None:
    info = probe_presenter(spoken)
    with VideoTracker(info) as tracker:
        lips = [seen.face.lips for seen in tracker.track(0, 60) if seen.face]
    with VideoTracker(info) as tracker:
        reference = ReferenceTracker(tracker, 0, 60)
        for k in (0, 1, 5, 30):
            at = reference.lips_at(k / 25)
            assert at is not None
            assert np.array_equal(at, lips[k])
        between = reference.lips_at(30.25 / 25)
        assert between is not None
        assert np.allclose(between, 0.75 * lips[30] + 0.25 * lips[31])
        assert reference.lips_at(59.5 / 25) is None
        reference.finish()
        assert tracker.tracks.measured.sum() == 60
