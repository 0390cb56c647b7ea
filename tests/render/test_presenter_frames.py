"""Frames and faces in the lecture's order, independent of the division into chunks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.face.track import (
    CONTEXT_FRAMES,
    SEGMENT_FRAMES,
    FaceLandmarks,
    FaceTracker,
    TrackedFrame,
)
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.pingpong import pingpong
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.render.landmark_track import LandmarkTrack
from appliance.render.presenter_analysis import make_tracker
from appliance.render.presenter_cache import PresenterCache, PresenterEntry
from appliance.render.presenter_frames import PresenterFrames
from appliance.render.progress import Stopwatch
from tests.talking_face import babble, talking, write_video

FRAMES = 2 * SEGMENT_FRAMES + 13


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> PresenterInfo:
    images = list(talking(babble(FRAMES, seed=5)))
    images[SEGMENT_FRAMES + 5] = np.full_like(
        images[0], 90
    )  # no face; the detector runs again five frames later
    path = write_video(tmp_path_factory.mktemp("frames") / "presenter.mp4", images)
    return probe_presenter(path)


class CountingReader(FrameReader):
    """A reader that counts the decoded frames."""

    shown = 0

    def read(self, start: int, stop: int) -> Iterator[Picture]:
        for picture in super().read(start, stop):
            CountingReader.shown += 1
            yield picture


class CountingTracker:
    """A tracker that counts its steps."""

    steps = 0

    def __init__(self, tracker: FaceTracker) -> None:
        self._tracker = tracker

    def step(self, picture: Picture) -> FaceLandmarks | None:
        CountingTracker.steps += 1
        return self._tracker.step(picture)


def frames(info: PresenterInfo, store: PresenterEntry | None = None) -> PresenterFrames:
    CountingReader.shown = CountingTracker.steps = 0
    landmarks = LandmarkTrack(
        lambda: CountingReader(info, 1),
        info.frames,
        lambda: CountingTracker(make_tracker(info)),  # type: ignore[arg-type, return-value]
        store,
    )
    return PresenterFrames(lambda: CountingReader(info, 1), info.frames, landmarks, 4, 10)


def summarize(
    items: Iterator[TrackedFrame[Picture]],
) -> list[tuple[int, bytes, bytes | None, float]]:
    return [
        (
            item.picture.index,
            item.picture.y.tobytes(),
            item.face.points[:60].tobytes() if item.face is not None else None,
            item.presence,
        )
        for item in items
    ]


@pytest.fixture(scope="module")
def whole(info: PresenterInfo) -> list[tuple[int, bytes, bytes | None, float]]:
    """Two passes over the presenter, read at once."""
    shown = frames(info)
    result = summarize(shown.frames_for(0, 2 * FRAMES, Stopwatch()))
    shown.close()
    return result


def test_frames_are_in_the_order_of_the_lecture(
    whole: list[tuple[int, bytes, bytes | None, float]],
) -> None:
    assert [index for index, *_ in whole] == [pingpong(t, FRAMES) for t in range(2 * FRAMES)]
    gone = [t for t, (_, _, face, _) in enumerate(whole) if face is None]
    assert {pingpong(t, FRAMES) for t in gone} == set(
        range(SEGMENT_FRAMES + 5, SEGMENT_FRAMES + 10)
    )


@pytest.mark.parametrize("length", [17, SEGMENT_FRAMES, 90])
def test_result_does_not_depend_on_the_division_into_chunks(
    info: PresenterInfo, whole: list[tuple[int, bytes, bytes | None, float]], length: int
) -> None:
    shown = frames(info)
    parts = []
    for start in range(0, 2 * FRAMES, length):
        parts += summarize(shown.frames_for(start, min(start + length, 2 * FRAMES), Stopwatch()))
    shown.close()
    assert parts == whole


def test_single_chunk_gives_the_same_frames(
    info: PresenterInfo, whole: list[tuple[int, bytes, bytes | None, float]]
) -> None:
    for start, stop in ((60, 80), (FRAMES - 4, FRAMES + 9), (FRAMES + 30, FRAMES + 50)):
        shown = frames(info)
        assert summarize(shown.frames_for(start, stop, Stopwatch())) == whole[start:stop]
        shown.close()


def test_consecutive_chunks_decode_and_track_each_frame_once(
    info: PresenterInfo,
) -> None:
    shown = frames(info)
    for start in range(0, FRAMES, 25):
        summarize(shown.frames_for(start, min(start + 25, FRAMES), Stopwatch()))
    shown.close()
    assert CountingReader.shown == FRAMES
    assert CountingTracker.steps == FRAMES


def test_cached_landmarks_replace_tracking_without_changes(
    info: PresenterInfo,
    whole: list[tuple[int, bytes, bytes | None, float]],
    tmp_path: Path,
) -> None:
    entry = PresenterCache(tmp_path, 100).entry("presenter")
    assert entry is not None
    for _ in range(2):
        shown = frames(info, entry)
        items = list(shown.frames_for(0, 2 * FRAMES, Stopwatch()))
        steps, CountingTracker.steps = CountingTracker.steps, 0
        assert [item.picture.index for item in items] == [index for index, *_ in whole]
        assert [item.presence for item in items] == [presence for *_, presence in whole]
        shown.close()
    assert steps == 0


def test_next_chunk_is_correct_after_an_early_end(
    info: PresenterInfo, whole: list[tuple[int, bytes, bytes | None, float]]
) -> None:
    shown = frames(info)
    stretch = shown.frames_for(0, 60, Stopwatch())
    for _ in range(20):
        next(stretch)
    stretch.close()
    assert summarize(shown.frames_for(10, 70, Stopwatch())) == whole[10:70]
    shown.close()


def test_few_pictures_are_held_in_memory(info: PresenterInfo) -> None:
    """Decoding runs ahead by two queues of 4, the smoothing's context, and one per stage."""
    shown = frames(info)
    ahead = 0
    for item in shown.frames_for(0, FRAMES - 10, Stopwatch()):
        ahead = max(ahead, CountingReader.shown - item.picture.index)
    shown.close()
    assert CONTEXT_FRAMES < ahead <= 2 * 4 + CONTEXT_FRAMES + 4
