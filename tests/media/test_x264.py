"""Segments: exact times, optionally lossless, complete or absent."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.errors import Fault
from appliance.files.atomic import temp_path
from appliance.media.picture import ColorSpec, Picture, VideoFormat
from appliance.media.x264 import X264Writer

Draw = Callable[..., Picture]
FPS = Fraction(30000, 1001)


def _decode(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_crf_0_is_lossless(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    written = []
    with X264Writer(tmp_path / "s.mp4", VideoFormat(96, 64, FPS), crf=0) as writer:
        for _ in range(20):
            picture = Picture.empty(96, 64)
            for plane in picture.planes():
                plane[:] = dice.integers(0, 256, plane.shape, np.uint8)
            written.append(picture)
            writer.write(picture)
    frames = _decode(tmp_path / "s.mp4")
    for picture, frame in zip(written, frames, strict=True):
        assert frame.format.name == "yuv420p"
        for sent, got in zip(picture.planes(), Picture.from_av(frame, 0).planes(), strict=True):
            np.testing.assert_array_equal(sent, got)


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast", "medium"])
def test_frames_are_in_order_at_exact_times(
    tmp_path: Path, draw: Draw, number: Callable[[Picture], int], preset: str
) -> None:
    path = tmp_path / "s.mp4"
    with X264Writer(path, VideoFormat(128, 96, FPS), preset=preset, threads=2) as writer:
        for n in range(70):
            writer.write(draw(n))
        assert writer.frames == 70
    frames = _decode(path)
    assert [number(Picture.from_av(frame, 0)) for frame in frames] == list(range(70))
    for n, frame in enumerate(frames):
        assert frame.pts is not None and frame.time_base is not None
        assert frame.pts * frame.time_base == n / FPS
    assert frames[0].key_frame


def test_key_frame_interval_is_at_most_the_gop(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "s.mp4"
    with X264Writer(path, VideoFormat(128, 96, FPS), gop=10) as writer:
        for _ in range(45):
            writer.write(draw(1))
    keys = [n for n, frame in enumerate(_decode(path)) if frame.key_frame]
    assert keys == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("full_range", [False, True])
def test_colour_and_pixel_aspect_are_written(tmp_path: Path, draw: Draw, full_range: bool) -> None:
    path = tmp_path / "s.mp4"
    color = ColorSpec(full_range, 9, 9, 16)
    with X264Writer(path, VideoFormat(128, 96, FPS, color, Fraction(16, 11))) as writer:
        writer.write(draw(1))
    (frame,) = _decode(path)
    assert ColorSpec.of_frame(frame) == color
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


def test_frame_types_of_the_source_are_ignored(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    source = make_video(tmp_path / "intra.mp4", frames=20, options={"g": "1"})
    path = tmp_path / "s.mp4"
    with X264Writer(path, VideoFormat(128, 96, FPS)) as writer:
        for frame in _decode(source):
            writer.write(Picture.from_av(frame, 0))
    assert sum(frame.key_frame for frame in _decode(path)) == 1


def test_same_picture_can_be_written_repeatedly(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "s.mp4"
    still = draw(5)
    with X264Writer(path, VideoFormat(128, 96, Fraction(25))) as writer:
        for _ in range(30):
            writer.write(still)
    assert len(_decode(path)) == 30


def test_other_size_is_refused(tmp_path: Path) -> None:
    with X264Writer(tmp_path / "s.mp4", VideoFormat(128, 96, FPS)) as writer:
        writer.write(Picture.blank(128, 96))
        with pytest.raises(ValueError, match="64x64"):
            writer.write(Picture.blank(64, 64))


def test_file_appears_only_when_complete(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "s.mp4"
    writer = X264Writer(path, VideoFormat(128, 96, FPS))
    writer.write(draw(1))
    assert not path.exists()
    writer.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.mp4"]


def test_failure_inside_with_leaves_no_file(tmp_path: Path, draw: Draw) -> None:
    def fail() -> None:
        with X264Writer(tmp_path / "s.mp4", VideoFormat(128, 96, FPS)) as writer:
            writer.write(draw(1))
            raise RuntimeError("the network failed")

    with pytest.raises(RuntimeError, match="network"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_segment_without_frames_is_an_error(tmp_path: Path) -> None:
    writer = X264Writer(tmp_path / "s.mp4", VideoFormat(128, 96, FPS))
    with pytest.raises(ValueError, match="at least one"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_abort_before_the_first_frame(tmp_path: Path) -> None:
    X264Writer(tmp_path / "s.mp4", VideoFormat(128, 96, FPS)).abort()
    assert list(tmp_path.iterdir()) == []


def test_existing_segment_survives_a_failed_one(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "s.mp4"
    path.write_bytes(b"old")
    writer = X264Writer(path, VideoFormat(128, 96, FPS))
    writer.write(draw(1))
    writer.abort()
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "s.mp4"
    temp_path(path).symlink_to("/dev/full")
    dice = np.random.default_rng(0)

    def fill() -> None:
        with X264Writer(path, VideoFormat(320, 240, FPS), crf=0) as writer:
            for _ in range(20):
                picture = Picture.blank(320, 240)
                picture.y[:] = dice.integers(0, 256, picture.y.shape, np.uint8)
                writer.write(picture)

    with pytest.raises(Fault) as caught:
        fill()
    assert caught.value.code == "disk_full"
    assert not path.exists() and not temp_path(path).is_symlink()
    assert Path("/dev/full").exists()


def test_missing_folder_is_a_fault(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "gone" / "s.mp4"

    def write() -> None:
        with X264Writer(path, VideoFormat(128, 96, FPS)) as writer:
            writer.write(draw(1))

    with pytest.raises(Fault) as caught:
        write()
    assert caught.value.code == "encoder_failed"
