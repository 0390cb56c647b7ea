"""A chunk's pictures: on their way, not hoarded."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.media.decode import FrameReader
from appliance.media.picture import Picture, Plane
from appliance.render import chunk
from appliance.render.progress import Progress
from appliance.render.render import render
from tests.render.conftest import FRAMES, LECTURE_FRAMES, settings


class WatchedReader(FrameReader):
    """Remembers what it decodes, but does not hold it."""

    decoded: list[tuple[int, weakref.ref[Plane]]]

    def read(self, start: int, stop: int) -> Iterator[Picture]:
        for picture in super().read(start, stop):
            self.decoded.append((picture.index, weakref.ref(picture.y)))
            yield picture

    @classmethod
    def held(cls) -> set[int]:
        """Numbers of the pictures that somebody still holds."""
        return {index for index, plane in cls.decoded if plane() is not None}


def test_no_picture_is_held_for_longer_than_it_takes(
    presenter: Path, lecture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WatchedReader.decoded = []
    monkeypatch.setattr(chunk, "FrameReader", WatchedReader)
    held: dict[int, set[int]] = {}

    def listen(progress: Progress) -> None:
        if progress.stage == "render":
            held[progress.done] = WatchedReader.held()

    render(presenter, lecture, tmp_path / "out.mp4", settings(), on_progress=listen)
    assert set(held) == set(range(LECTURE_FRAMES + 1))
    assert held[1]
    # All is one chunk. A picture that stays keeps the memory of the whole decoder it came from.
    for done in range(FRAMES - 5, FRAMES + 3):
        assert min(held[done], default=FRAMES) > 5
