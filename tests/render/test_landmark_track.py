"""Landmarks of a long presenter, with a store."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.face.pose import RIGID_POINTS
from appliance.face.track import SEGMENT_FRAMES, FaceLandmarks
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.render.landmark_track import LandmarkTrack
from appliance.render.presenter_cache import PresenterCache, PresenterEntry
from tests.talking_face import babble, talking, write_video

SEGMENTS = 30
FRAMES = SEGMENTS * SEGMENT_FRAMES


class Walker:
    """A fake tracker: the position of the face depends on the number of the picture."""

    steps = 0

    def step(self, picture: Picture) -> FaceLandmarks:
        Walker.steps += 1
        return FaceLandmarks(np.full((468, 3), picture.index, np.float32), 1.0)


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> PresenterInfo:
    path = tmp_path_factory.mktemp("landmarks") / "presenter.mp4"
    return probe_presenter(write_video(path, list(talking(babble(8, seed=5)))))


@pytest.fixture
def entry(info: PresenterInfo, tmp_path: Path) -> PresenterEntry:
    entry = PresenterCache(tmp_path, 100).entry("presenter")
    assert entry is not None
    return entry


def pictures() -> Iterator[Picture]:
    blank = Picture.blank(16, 16)
    return (blank.with_index(index) for index in range(FRAMES))


def count_landmarks() -> int:
    return sum(type(thing) is FaceLandmarks for thing in gc.get_objects())


def test_memory_is_bounded_when_landmarks_are_stored(
    info: PresenterInfo, entry: PresenterEntry
) -> None:
    Walker.steps = 0
    before = count_landmarks()  # of other tests
    seen = LandmarkTrack(lambda: FrameReader(info, 1), FRAMES, Walker, entry)  # type: ignore[arg-type]
    for picture in pictures():
        seen.update(picture)
    assert count_landmarks() - before <= 8 * SEGMENT_FRAMES
    for index in reversed(range(FRAMES)):  # nothing is tracked again
        found = seen.at(index)
        assert found is not None and found.points[RIGID_POINTS[0], 0] == index
    assert Walker.steps == FRAMES
