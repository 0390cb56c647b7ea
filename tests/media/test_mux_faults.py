"""Invalid input of muxing, and files that it must not change."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.errors import BadInput, Fault
from appliance.files.atomic import temp_path
from appliance.media.mux import mux
from appliance.media.picture import ColorSpec, Picture, VideoFormat
from appliance.media.probe import AudioInfo, probe_audio
from appliance.media.x264 import X264Writer
from tests.media.muxed import TAGS, pictures_in

Make = Callable[..., Path]
Draw = Callable[..., Picture]
Sound = NDArray[np.float32]


def _refused(segments: list[Path], info: AudioInfo, out: Path, frames: int) -> str:
    with pytest.raises(Fault) as caught:
        mux(segments, info, out, fps=Fraction(25), frames=frames, metadata=TAGS)
    assert not out.exists() and not temp_path(out).exists()
    return caught.value.code


def test_segments_of_different_quality_can_be_joined(
    tmp_path: Path, minute: AudioInfo, cut_segments: Callable[..., list[Path]]
) -> None:
    """A job that is resumed with other settings does not start again."""
    segments = []
    for crf in (18, 30):
        folder = tmp_path / str(crf)
        folder.mkdir()
        segments += cut_segments(folder, [20], Fraction(25), crf=crf)
    out = tmp_path / "out.mp4"
    mux(segments, minute, out, fps=Fraction(25), frames=40, metadata=TAGS)
    apart = [frame for path in segments for _, frame in pictures_in(path)]
    for (_, frame), source in zip(pictures_in(out), apart, strict=True):
        np.testing.assert_array_equal(Picture(frame, 0).y, Picture(source, 0).y)


def test_times_rounded_to_milliseconds_are_regularized(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    cut_segments: Callable[..., list[Path]],
) -> None:
    info = probe_audio(make_sound(tmp_path / "a.mkv", "aac", babble(4)))
    out = tmp_path / "out.mp4"
    segments = cut_segments(tmp_path, [100], Fraction(25), preset="ultrafast")
    mux(segments, info, out, fps=Fraction(25), frames=100, metadata=TAGS)
    with av.open(str(out)) as made:
        times = [p.pts for p in made.demux(audio=0) if p.size and p.pts is not None]
    assert set(np.diff(times).tolist()) == {1024}


def test_colour_and_pixel_aspect_survive_muxing(
    tmp_path: Path, minute: AudioInfo, draw: Draw
) -> None:
    color, sar = ColorSpec(True, 1, 9, 14), Fraction(16, 11)
    segments = [tmp_path / "0.mp4", tmp_path / "1.mp4"]
    for path in segments:
        with X264Writer(path, VideoFormat(128, 96, Fraction(25), color, sar)) as writer:
            writer.write(draw(1))
    out = tmp_path / "out.mp4"
    mux(segments, minute, out, fps=Fraction(25), frames=2, metadata=TAGS)
    with av.open(str(out)) as made:
        assert made.streams.video[0].sample_aspect_ratio == sar
    assert [ColorSpec.of_frame(frame) for _, frame in pictures_in(out)] == [color, color]


def test_no_segments_are_refused(tmp_path: Path, minute: AudioInfo) -> None:
    with pytest.raises(ValueError, match="nothing"):
        mux([], minute, tmp_path / "out.mp4", fps=Fraction(25), frames=0, metadata=TAGS)


def test_damaged_segments_are_detected(
    tmp_path: Path, minute: AudioInfo, cut_segments: Callable[..., list[Path]]
) -> None:
    out = tmp_path / "out.mp4"
    segments = cut_segments(tmp_path, [20, 20, 20], Fraction(25))
    assert _refused(segments, minute, out, 61) == "segment_damaged"
    assert _refused(segments[:2], minute, out, 60) == "segment_damaged"
    other = tmp_path / "other"
    other.mkdir()
    wider = cut_segments(other, [20], Fraction(25), width=160)
    assert _refused([*segments[:2], *wider], minute, out, 60) == "segment_damaged"
    content = segments[1].read_bytes()
    segments[1].write_bytes(content[: len(content) // 2])
    assert _refused(segments, minute, out, 60) == "segment_damaged"
    segments[1].unlink()
    assert _refused(segments, minute, out, 60) == "segment_damaged"


def test_missing_audio_file_is_refused(
    tmp_path: Path, cut_segments: Callable[..., list[Path]], minute: AudioInfo
) -> None:
    gone = AudioInfo(tmp_path / "gone.mp3", 4.0, "mp3", 44100, 1, copyable=True)
    segments = cut_segments(tmp_path, [20], Fraction(25))
    with pytest.raises(BadInput) as caught:
        mux(segments, gone, tmp_path / "out.mp4", fps=Fraction(25), frames=20, metadata=TAGS)
    assert caught.value.code == "file_missing"
    assert not temp_path(tmp_path / "out.mp4").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_a_fault(
    tmp_path: Path, minute: AudioInfo, cut_segments: Callable[..., list[Path]]
) -> None:
    out = tmp_path / "out.mp4"
    segments = cut_segments(tmp_path, [20], Fraction(25))
    temp_path(out).symlink_to("/dev/full")
    assert _refused(segments, minute, out, 20) == "disk_full"


def test_existing_video_stays_until_the_new_one_is_complete(
    tmp_path: Path, minute: AudioInfo, cut_segments: Callable[..., list[Path]]
) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")
    segments = cut_segments(tmp_path, [20], Fraction(25))
    with pytest.raises(Fault):
        mux(segments, minute, out, fps=Fraction(25), frames=21, metadata=TAGS)
    assert out.read_bytes() == b"old"
    mux(segments, minute, out, fps=Fraction(25), frames=20, metadata=TAGS)
    assert len(pictures_in(out)) == 20


@pytest.mark.parametrize("name", ["two words.mp4", "a:b 100%d.mp4", "讲课.mp4"])
def test_any_file_name_is_accepted(
    tmp_path: Path, minute: AudioInfo, cut_segments: Callable[..., list[Path]], name: str
) -> None:
    segments = cut_segments(tmp_path, [20], Fraction(25))
    mux(segments, minute, tmp_path / name, fps=Fraction(25), frames=20, metadata=TAGS)
    assert (tmp_path / name).stat().st_size > 0
