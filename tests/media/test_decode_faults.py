"""Faulty files: variable rates, damage, clocks, wrongly declared groups of pictures."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import probe_presenter
from tests.media.reading import VPX, X264, MakeVideo, Number, full_read, same


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "libx264"), ("v.webm", "libvpx")])
def test_variable_rate_uses_the_nearest_frame(
    tmp_path: Path, make_video: MakeVideo, number: Number, name: str, codec: str
) -> None:
    times = np.cumsum([0, *np.random.default_rng(2).integers(15, 90, 149)])
    path = make_video(
        tmp_path / name,
        codec,
        150,
        options=VPX if codec == "libvpx" else X264,
        times_ms=times.tolist(),
    )
    info = probe_presenter(path)
    assert info.fps == 25  # video of 18.75 frames a second is shown at no less than 24
    assert info.duration_s == pytest.approx(times[-1] / 1000, abs=0.1)
    full = full_read(info)
    for picture in full:
        at = float(picture.index / info.fps) * 1000
        shown = times[number(picture)]
        assert shown <= at + 500 / float(info.fps)
        later = times[times > shown]
        assert not len(later) or later[0] > at + 500 / float(info.fps) - 1
    with FrameReader(info) as reader:
        assert same(reader.read(100, 120), full[100:120])


@pytest.mark.parametrize("name", ["d.mp4", "d.mkv", "d.avi", "h264.avi", "d.ts", "d.mpg"])
@pytest.mark.parametrize("seed", [0, 1])
def test_damage_in_the_middle_does_not_stop_reading(
    tmp_path: Path, make_video: MakeVideo, number: Number, name: str, seed: int
) -> None:
    codec = {"d.avi": "mpeg4", "d.mpg": "mpeg2video"}.get(name, "libx264")
    path = make_video(tmp_path / name, codec, 200, options={"g": "20", "b": "1M"})
    content = bytearray(path.read_bytes())
    dice = np.random.default_rng(seed)
    middle = len(content) // 2
    content[middle : middle + 1500] = dice.integers(0, 256, 1500, dtype=np.uint8).tobytes()
    path.write_bytes(content)
    info = probe_presenter(path)
    assert info.fps == 25
    full = full_read(info, threads=1)
    assert len(full) == info.frames >= 180
    # The undamaged parts show the right frames at the right times.
    assert [number(picture) for picture in full[:60]] == list(range(60))
    assert [number(picture) for picture in full[-40:]] == list(range(160, 200))
    with FrameReader(info, threads=1) as reader:
        for start in (info.frames - 10, 130, 110, 95, 70):
            assert same(reader.read(start, start + 10), full[start : start + 10])


def test_transport_stream_cut_within_a_group_of_pictures(
    tmp_path: Path, make_video: MakeVideo, number: Number
) -> None:
    path = make_video(tmp_path / "a.ts", "libx264", 100, options={"g": "20"})
    content = path.read_bytes()
    path.write_bytes(content[len(content) * 3 // 10 // 188 * 188 :])
    info = probe_presenter(path)
    shown = [number(picture) for picture in full_read(info)]
    assert shown == list(range(shown[0], 100))
    assert shown[0] % 20 == 0


def _restamped(source: Path, target: Path, move: Callable[[int], int]) -> Path:
    """Copy the pictures of ``source`` with every time changed by ``move``."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                assert packet.pts is not None and packet.dts is not None
                packet.pts, packet.dts = move(packet.pts), move(packet.dts)
                packet.stream = stream
                out.mux(packet)
    return target


def test_frames_before_the_edit_list_are_skipped(
    tmp_path: Path, make_video: MakeVideo, number: Number
) -> None:
    """A clip trimmed on a phone contains hidden frames before its first shown one."""
    plain = make_video(tmp_path / "a.mp4", "libx264", 60, options={"g": "30"})
    tick = 512  # libav's MP4 clock at 25 frames a second
    path = _restamped(plain, tmp_path / "trimmed.mp4", lambda time: time - 10 * tick)
    info = probe_presenter(path)
    full = full_read(info)
    assert [number(picture) for picture in full] == list(range(10, 60))
    with FrameReader(info) as reader:
        assert same(reader.read(22, 30), full[22:30])


def test_clock_overflow_does_not_add_a_day(
    tmp_path: Path, make_video: MakeVideo, number: Number
) -> None:
    """Two recordings in one transport stream: the second begins 20 hours later, or earlier."""
    first = make_video(tmp_path / "1.ts", "libx264", 100, options={"g": "20"})
    later = _restamped(first, tmp_path / "2.ts", lambda time: time + 20 * 3600 * 90000)
    for parts in ((first, later), (later, first)):
        path = tmp_path / "both.ts"
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        info = probe_presenter(path)
        assert info.fps == 25 and 198 <= info.frames <= 200
        full = full_read(info)
        assert [number(picture) for picture in full[:100]] == list(range(100))
        assert [number(picture) for picture in full[-90:]] == list(range(10, 100))
        with FrameReader(info) as reader:
            assert same(reader.read(150, 160), full[150:160])


def test_clock_restart_is_repaired(tmp_path: Path, make_video: MakeVideo) -> None:
    """A repeated time stamp does not determine the position of its frame."""
    first = make_video(tmp_path / "1.ts", "libx264", 300, size=(64, 64), options=X264 | {"g": "20"})
    path = tmp_path / "both.ts"
    path.write_bytes(first.read_bytes() * 2)
    info = probe_presenter(path)
    assert info.fps == 25 and 598 <= info.frames <= 600
    full = full_read(info)
    with FrameReader(info) as reader:
        for start in (500, 310, 280):
            assert same(reader.read(start, start + 5), full[start : start + 5])


def _rewritten(source: Path, target: Path, rewrite: Callable[[int, bytes], bytes]) -> Path:
    """Copy the pictures of ``source`` with each packet's bytes, counted in decoding order,
    changed."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0])
        for n, packet in enumerate(container.demux(video=0)):
            if packet.size:
                copy: Any = av.Packet(rewrite(n, bytes(packet)))
                copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
                copy.time_base, copy.is_keyframe = packet.time_base, packet.is_keyframe
                copy.stream = stream
                out.mux(copy)
    return target


def test_undeclared_open_groups_are_handled(tmp_path: Path, make_video: MakeVideo) -> None:
    """Without its recovery points, such H.264 can only be decoded from its start."""

    def without_sei(_: int, packet: bytes) -> bytes:
        saved = b""
        while packet:
            size = 4 + int.from_bytes(packet[:4], "big")
            saved += packet[:size] if packet[4] & 31 != 6 else b""
            packet = packet[size:]
        return saved

    open_groups = "keyint=15:open-gop=1:bframes=3:scenecut=0:b-adapt=0"
    plain = make_video(tmp_path / "a.mp4", "libx264", 120, options={"x264-params": open_groups})
    info = probe_presenter(_rewritten(plain, tmp_path / "b.mp4", without_sei))
    full = full_read(info)
    with FrameReader(info) as reader:
        for start in range(118, 50, -1):
            assert same(reader.read(start, start + 1), full[start : start + 1]), start


def test_damaged_frame_is_replaced_by_the_previous_one(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    def noise(index: int) -> av.VideoFrame:
        picture = Picture.blank(128, 96)
        dice = np.random.default_rng(index)
        picture.y[:] = np.kron(dice.integers(16, 235, (12, 16)), np.ones((8, 8)))
        return picture.to_av(index, Fraction(1, 25))

    def hurt(n: int, packet: bytes) -> bytes:
        if n != 33:
            return packet
        middle = len(packet) // 3
        return packet[:middle] + bytes(b ^ 0x5A for b in packet[middle:-8]) + packet[-8:]

    plain = make_video(tmp_path / "a.mp4", options={"g": "10", "bf": "0"}, frames=60, picture=noise)
    whole = full_read(probe_presenter(plain))
    info = probe_presenter(_rewritten(plain, tmp_path / "b.mp4", hurt))
    assert info.frames == 60
    for threads in (1, 2):
        full = full_read(info, threads)
        assert same(full[:33], whole[:33])
        np.testing.assert_array_equal(full[33].y, whole[32].y)
        assert same(full[40:], whole[40:])
