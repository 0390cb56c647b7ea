"""Chunks: memory of their pictures, and independence of each other."""

from __future__ import annotations

import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.media.decode import FrameReader
from appliance.media.picture import Picture, Plane
from appliance.render import presenter_frames
from appliance.render.checkpoint import finished_chunk
from appliance.render.chunk import ChunkRenderer
from appliance.render.progress import Progress
from appliance.render.render import render, render_in
from tests.render.conftest import FRAMES, LECTURE_FRAMES, settings


class WatchedReader(FrameReader):
    """A reader that records what it decodes with weak references."""

    decoded: list[tuple[int, weakref.ref[Plane]]]

    def read(self, start: int, stop: int) -> Iterator[Picture]:
        for picture in super().read(start, stop):
            self.decoded.append((picture.index, weakref.ref(picture.y)))
            yield picture

    @classmethod
    def held(cls) -> set[int]:
        """Return the numbers of the pictures that are still referenced."""
        return {index for index, plane in cls.decoded if plane() is not None}


def test_pictures_are_released_after_encoding(
    presenter: Path, lecture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WatchedReader.decoded = []
    monkeypatch.setattr(presenter_frames, "FrameReader", WatchedReader)
    held: dict[int, set[int]] = {}

    def on_progress(progress: Progress) -> None:
        if progress.stage == "render":
            held[progress.done] = WatchedReader.held()

    render(presenter, lecture, tmp_path / "out.mp4", settings(), on_progress=on_progress)
    assert set(held) == set(range(LECTURE_FRAMES + 1))
    assert held[1]
    # All frames are in one chunk. A picture that stays keeps the memory of its decoder alive.
    for done in range(FRAMES - 5, FRAMES + 3):
        assert min(held[done], default=FRAMES) > 5


RENDER_CHUNK = """
import sys
from pathlib import Path
from appliance.render.chunk import ChunkRenderer
with ChunkRenderer(Path(sys.argv[1])) as renderer:
    renderer.render(int(sys.argv[2]))
"""


def test_chunk_depends_only_on_its_folder_and_number(
    presenter: Path, lecture: Path, tmp_path: Path, tiny_model: Path, project: Path
) -> None:
    config = settings(lips={"model": str(tiny_model)}, render={"chunk_s": 1.0})
    report = render_in(tmp_path, presenter, lecture, tmp_path / "out.mp4", config)
    assert report["plan"]["chunks"] == 3
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    segments = [folder / "segments" / f"{index:06d}.mp4" for index in range(3)]
    whole = [segment.read_bytes() for segment in segments]
    for index in (2, 1):
        segments[index].unlink()
        command = [sys.executable, "-c", RENDER_CHUNK, str(folder), str(index)]
        subprocess.run(command, check=True, cwd=project)
        assert segments[index].read_bytes() == whole[index]


def test_chunks_can_be_rendered_in_any_order(
    presenter: Path, lecture: Path, tmp_path: Path, tiny_model: Path
) -> None:
    config = settings(lips={"model": str(tiny_model)}, render={"chunk_s": 1.0})
    render_in(tmp_path, presenter, lecture, tmp_path / "out.mp4", config)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    segments = [folder / "segments" / f"{index:06d}.mp4" for index in range(3)]
    whole = [segment.read_bytes() for segment in segments]
    with ChunkRenderer(folder) as renderer:
        for index in (1, 0, 2, 1):
            result, saved = renderer.render(index), finished_chunk(folder, index)
            assert saved is not None and result.frames == saved.frames
            assert segments[index].read_bytes() == whole[index]
