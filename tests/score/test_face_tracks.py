"""What is read off each frame, and another video read alongside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.face.track import SEGMENT_FRAMES
from appliance.media.probe import probe_presenter
from appliance.score.face_tracks import FaceMeasurement, FaceTracks, ReferenceTracker, VideoTracker
from tests.talking_face import as_picture, portrait

from .conftest import Look, Openings


@pytest.fixture(scope="module")
def watched(spoken: Path) -> FaceTracks:
    with VideoTracker(probe_presenter(spoken)) as watcher:
        assert sum(1 for _ in watcher.track(0, 100)) == 100
        return watcher.tracks


def test_the_opening_follows_what_was_told(watched: FaceTracks, openings: Openings) -> None:
    assert watched.coverage == 1
    assert np.corrcoef(watched.opening, openings)[0, 1] > 0.98
    assert np.abs(watched.opening - openings).max() < 0.06


def test_a_part_is_the_same_as_the_whole(spoken: Path, watched: FaceTracks) -> None:
    with VideoTracker(probe_presenter(spoken)) as watcher:
        indices = [seen.picture.index for seen in watcher.track(SEGMENT_FRAMES + 7, 90)]
        part = watcher.tracks
    assert indices == list(range(SEGMENT_FRAMES, 90))
    assert np.flatnonzero(part.measured).tolist() == indices
    assert np.array_equal(part.opening[SEGMENT_FRAMES:90], watched.opening[SEGMENT_FRAMES:90])
    assert np.isnan(part.opening[:SEGMENT_FRAMES]).all()
    assert np.isnan(part.lips_moved[SEGMENT_FRAMES])  # nobody looked at the frame before
    assert np.array_equal(
        part.lips_moved[SEGMENT_FRAMES + 1 : 90], watched.lips_moved[SEGMENT_FRAMES + 1 : 90]
    )


def moved(face: FaceMeasurement, by: tuple[float, float], lips: float = 0.0) -> FaceMeasurement:
    """``face`` shifted in the picture, its lips lowered besides by so many pixels."""
    points = face.points + np.array([*by, 0], np.float32)
    points[[13, 14, 17, 0], 1] += lips
    return FaceMeasurement.of_points(points)


def test_the_heads_movement_is_not_the_lips(look: Look) -> None:
    face = look(as_picture(portrait()))
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


def test_movement_is_only_between_neighbours(look: Look) -> None:
    face = look(as_picture(portrait()))
    tracks = FaceTracks(10, 25.0)
    for index, each in ((0, face), (1, None), (2, face), (5, face), (6, face)):
        tracks.add(index, each)
    assert np.flatnonzero(np.isfinite(tracks.lips_moved)).tolist() == [6]
    assert tracks.coverage == pytest.approx(4 / 5)


def test_a_follower_gives_the_frames_and_what_lies_between(spoken: Path) -> None:
    info = probe_presenter(spoken)
    with VideoTracker(info) as watcher:
        lips = [seen.face.lips for seen in watcher.track(0, 60) if seen.face]
    with VideoTracker(info) as watcher:
        follower = ReferenceTracker(watcher, 0, 60)
        for k in (0, 1, 5, 30):
            at = follower.lips_at(k / 25)
            assert at is not None
            assert np.array_equal(at, lips[k])
        between = follower.lips_at(30.25 / 25)
        assert between is not None
        assert np.allclose(between, 0.75 * lips[30] + 0.25 * lips[31])
        assert follower.lips_at(59.5 / 25) is None
        follower.finish()
        assert watcher.tracks.measured.sum() == 60
