"""Any stretch of any container is the same, bit for bit, as the full read."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

from appliance.errors import BadInput
from appliance.media.decode import FrameReader
from appliance.media.encode import SegmentWriter
from appliance.media.frames import timed_frames
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo, probe_presenter

MakeVideo = Callable[..., Path]
Number = Callable[[Picture], int]
NTSC = Fraction(30000, 1001)


class Kind(NamedTuple):
    name: str
    codec: str
    options: dict[str, str]
    more: dict[str, Any] = {}  # noqa: RUF012  (never changed)


X264 = {"preset": "ultrafast"}
VPX = {"g": "20", "b": "1M", "deadline": "realtime", "cpu-used": "8"}
BFRAMES = {"bf": "2", "g": "15", "b": "1M"}
KINDS = [
    Kind("h264.mp4", "libx264", {"preset": "veryfast", "g": "20"}),
    Kind("open.mp4", "libx264", {"x264-params": "keyint=15:open-gop=1:bframes=3:scenecut=0"}),
    Kind("refresh.mp4", "libx264", {"x264-params": "keyint=20:intra-refresh=1"}),
    Kind("long.mp4", "libx264", X264 | {"g": "250"}),
    Kind("fragmented.mp4", "libx264", X264, {"container_options": {"movflags": "frag_keyframe"}}),
    Kind("h264.mov", "libx264", X264 | {"g": "20"}),
    Kind("prores.mov", "prores_ks", {}, {"pix_fmt": "yuv422p10le"}),
    Kind("h264.mkv", "libx264", {"g": "20"}),
    Kind("open.mkv", "libx265", {"x265-params": "keyint=15:open-gop=1:log-level=none"}),
    Kind("mpeg4.avi", "mpeg4", {"g": "15", "b": "1M"}),
    Kind("bframes.avi", "mpeg4", BFRAMES),
    Kind("h264.avi", "libx264", {"g": "20"}),
    Kind("open.avi", "libx264", {"x264-params": "keyint=15:open-gop=1:bframes=3:scenecut=0"}),
    Kind("mjpeg.avi", "mjpeg", {"q": "3"}, {"pix_fmt": "yuvj420p"}),
    Kind("vp8.webm", "libvpx", VPX | {"auto-alt-ref": "1", "lag-in-frames": "9"}),
    Kind("vp9.webm", "libvpx-vp9", VPX),
    Kind("live.webm", "libvpx", VPX, {"container_options": {"live": "1"}}),
    Kind("live.mkv", "libx264", {"g": "20"}, {"container_options": {"live": "1"}}),
    Kind("h264.flv", "libx264", {"g": "20"}),
    Kind("sorenson.flv", "flv", {"g": "20", "b": "1M"}),
    Kind("h264.ts", "libx264", {"g": "20"}),
    Kind("mpeg2.ts", "mpeg2video", BFRAMES),
    Kind("mpeg4.ts", "mpeg4", {"g": "20", "b": "1M"}),
    Kind("mpeg4.m4v", "mpeg4", BFRAMES),
    Kind("mpeg2.mpg", "mpeg2video", BFRAMES),
]
FRAMES = 200


def full_read(info: PresenterInfo, threads: int = 2) -> list[Picture]:
    with FrameReader(info, threads) as reader:
        return list(reader.read(0, info.frames))


def same(a: Iterable[Picture], b: Iterable[Picture]) -> bool:
    return all(
        first.index == second.index and np.array_equal(one, other)
        for first, second in zip(a, b, strict=True)
        for one, other in zip(first.planes(), second.planes(), strict=True)
    )


@pytest.fixture(scope="module")
def clips(
    tmp_path_factory: pytest.TempPathFactory, make_video: MakeVideo
) -> Callable[[Kind], PresenterInfo]:
    folder = tmp_path_factory.mktemp("clips")
    made: dict[str, PresenterInfo] = {}

    def get(kind: Kind) -> PresenterInfo:
        if kind.name not in made:
            path = folder / kind.name
            make_video(path, kind.codec, FRAMES, fps=NTSC, options=kind.options, **kind.more)
            made[kind.name] = probe_presenter(path)
        return made[kind.name]

    return get


every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@every_kind
def test_every_picture_comes_once_in_order(
    kind: Kind, clips: Callable[[Kind], PresenterInfo], number: Number
) -> None:
    info = clips(kind)
    assert (info.fps, info.frames) == (NTSC, FRAMES)
    pictures = full_read(info)
    assert [number(picture) for picture in pictures] == list(range(FRAMES))
    assert [picture.index for picture in pictures] == list(range(FRAMES))


@every_kind
def test_any_stretch_equals_the_full_read(
    kind: Kind, clips: Callable[[Kind], PresenterInfo]
) -> None:
    info = clips(kind)
    full = full_read(info)
    dice = random.Random(kind.name)
    with FrameReader(info, threads=1) as reader:
        for _ in range(12):
            start = dice.randrange(FRAMES)
            stop = min(FRAMES, start + dice.randrange(1, 12))
            assert same(reader.read(start, stop), full[start:stop]), f"{start}..{stop}"
    with FrameReader(info, threads=2) as fresh:
        assert same(fresh.read(FRAMES - 5, FRAMES), full[-5:])


@every_kind
def test_backward_is_forward_reversed(kind: Kind, clips: Callable[[Kind], PresenterInfo]) -> None:
    info = clips(kind)
    full = full_read(info)
    with FrameReader(info, threads=2) as reader:
        assert same(reader.read_backward(FRAMES, 150, 16), full[:149:-1])
        assert same(reader.read_backward(21, 0, 64), full[20::-1])


def test_backward_holds_no_more_than_a_block(
    clips: Callable[[Kind], PresenterInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    with FrameReader(clips(KINDS[0])) as reader:
        read = reader.read

        def counted(start: int, stop: int) -> Iterator[Picture]:
            asked.append(stop - start)
            return read(start, stop)

        monkeypatch.setattr(reader, "read", counted)
        assert len(list(reader.read_backward(90, 13, 25))) == 77
    assert sum(asked) == 77 and max(asked) == 25


def test_reading_on_does_not_seek(
    clips: Callable[[Kind], PresenterInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    info = clips(KINDS[0])
    with FrameReader(info) as reader:
        next(reader.read(0, 1))
        monkeypatch.setattr(reader, "_seek", lambda n: pytest.fail(f"seeks to {n}"))
        for start in range(1, FRAMES, 30):
            assert len(list(reader.read(start, min(FRAMES, start + 30)))) > 0


@pytest.mark.parametrize(
    "kind",
    [kind for kind in KINDS if kind.name not in ("h264.avi", "open.avi", "long.mp4")],
    ids=lambda kind: kind.name,
)
def test_a_late_frame_is_found_without_decoding_from_the_start(
    kind: Kind, clips: Callable[[Kind], PresenterInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FrameReader(clips(kind)) as reader:
        monkeypatch.setattr(reader, "_rewind", lambda: pytest.fail("starts all over"))
        assert next(reader.read(FRAMES - 2, FRAMES)).index == FRAMES - 2


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "mpeg4.avi", "vp9.webm"])
def test_a_seek_decodes_little_more_than_it_shows(
    clips: Callable[[Kind], PresenterInfo], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (kind,) = [kind for kind in KINDS if kind.name == name]
    decoded = 0

    def counted(*args: Any, **options: Any) -> Iterator[Any]:
        nonlocal decoded
        for timed in timed_frames(*args, **options):
            decoded += 1
            yield timed

    monkeypatch.setattr("appliance.media.decode.timed_frames", counted)
    with FrameReader(clips(kind), threads=1) as reader:
        assert len(list(reader.read(120, 130))) == 10
    assert decoded <= 20 + 11  # the group of pictures before, at most, and one ahead


def test_a_reader_holds_few_pictures(clips: Callable[[Kind], PresenterInfo]) -> None:
    def alive() -> int:
        return sum(type(thing) is Picture for thing in gc.get_objects())

    before = alive()
    with FrameReader(clips(KINDS[0])) as reader:
        held = [alive() - before for shown in reader.read(0, FRAMES) if shown.index % 20 == 0]
    assert max(held) <= 3


def test_two_readers_and_a_writer_side_by_side(
    tmp_path: Path, clips: Callable[[Kind], PresenterInfo], number: Number
) -> None:
    info = clips(KINDS[0])

    def copy(name: str) -> list[int]:
        path = tmp_path / name
        with (
            FrameReader(info, threads=1) as reader,
            SegmentWriter(path, info.width, info.height, info.fps, info.color) as writer,
        ):
            for picture in reader.read(50, 150):
                writer.write(picture)
        return [number(picture) for picture in full_read(probe_presenter(path))]

    with ThreadPoolExecutor(3) as pool:
        for shown in pool.map(copy, ["1.mp4", "2.mp4", "3.mp4"]):
            assert shown == list(range(50, 150))


def test_no_frames_outside_the_presenter(clips: Callable[[Kind], PresenterInfo]) -> None:
    with FrameReader(clips(KINDS[0])) as reader:
        assert list(reader.read(5, 5)) == []
        for start, stop in [(-1, 2), (0, FRAMES + 1), (9, 3)]:
            with pytest.raises(ValueError):
                next(reader.read(start, stop))
        with pytest.raises(ValueError, match="block"):
            next(reader.read_backward(9, 3, 0))


def test_a_file_that_goes_away_is_a_bad_input(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4")
    info = probe_presenter(path)
    path.unlink()
    with pytest.raises(BadInput) as caught:
        FrameReader(info)
    assert caught.value.code == "file_missing"


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "libx264"), ("v.webm", "libvpx")])
def test_variable_rate_shows_the_nearest_picture(
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
    assert float(info.fps) == pytest.approx(149 / (times[-1] / 1000), rel=1e-3)
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
def test_damage_in_the_middle_never_ends_the_read(
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
    # The undamaged stretches show what they should, at its time.
    assert [number(picture) for picture in full[:60]] == list(range(60))
    assert [number(picture) for picture in full[-40:]] == list(range(160, 200))
    with FrameReader(info, threads=1) as reader:
        for start in (info.frames - 10, 130, 110, 95, 70):
            assert same(reader.read(start, start + 10), full[start : start + 10])


def test_transport_stream_cut_in_the_middle_of_a_group(
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


def test_pictures_before_the_edit_list_are_not_shown(
    tmp_path: Path, make_video: MakeVideo, number: Number
) -> None:
    """A phone's trimmed clip keeps the pictures before its first key frame, hidden."""
    plain = make_video(tmp_path / "a.mp4", "libx264", 60, options={"g": "30"})
    tick = 512  # libav's MP4 clock at 25 frames a second
    path = _restamped(plain, tmp_path / "trimmed.mp4", lambda time: time - 10 * tick)
    info = probe_presenter(path)
    full = full_read(info)
    assert [number(picture) for picture in full] == list(range(10, 60))
    with FrameReader(info) as reader:
        assert same(reader.read(22, 30), full[22:30])


def test_a_clock_that_runs_over_does_not_last_a_day(
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


def test_a_clock_that_begins_again(tmp_path: Path, make_video: MakeVideo) -> None:
    """A time that comes twice says nothing about where its picture is."""
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


def test_open_groups_that_do_not_say_so(tmp_path: Path, make_video: MakeVideo) -> None:
    """Without its recovery points, such H.264 can only be decoded from its start."""

    def without_sei(_: int, packet: bytes) -> bytes:
        kept = b""
        while packet:
            size = 4 + int.from_bytes(packet[:4], "big")
            kept += packet[:size] if packet[4] & 31 != 6 else b""
            packet = packet[size:]
        return kept

    open_groups = "keyint=15:open-gop=1:bframes=3:scenecut=0:b-adapt=0"
    plain = make_video(tmp_path / "a.mp4", "libx264", 120, options={"x264-params": open_groups})
    info = probe_presenter(_rewritten(plain, tmp_path / "b.mp4", without_sei))
    full = full_read(info)
    with FrameReader(info) as reader:
        for start in range(118, 50, -1):
            assert same(reader.read(start, start + 1), full[start : start + 1]), start


def test_a_damaged_picture_is_replaced_by_the_one_before(
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


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path, make_video: MakeVideo) -> None:
    def picture(index: int) -> av.VideoFrame:
        frame = av.VideoFrame(131, 97, "yuv444p")
        for plane, value in zip(frame.planes, (60 + index, 90, 160), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        return frame

    path = make_video(
        tmp_path / "odd.mkv", "ffv1", 10, size=(131, 97), pix_fmt="yuv444p", picture=picture
    )
    info = probe_presenter(path)
    assert (info.width, info.height) == (130, 96)
    for shown in full_read(info):
        assert (shown.width, shown.height) == (130, 96)
        assert (shown.y == 60 + shown.index).all()
        assert (shown.u == 90).all() and (shown.v == 160).all()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turned_and_mirrored_video_is_shown_upright(
    tmp_path: Path,
    make_video: MakeVideo,
    draw: Callable[..., Picture],
    degrees: int,
    flip: bool,
) -> None:
    turns = {0: 0, 90: 1, 180: 2, 270: 3}[degrees]
    wide = draw(0b100110101011, 160, 96)
    wide.y[::2, ::2] += 20  # no symmetry
    upright = [np.array(plane) for plane in wide.planes()]

    def stored(index: int) -> av.VideoFrame:
        # The matrix turns counterclockwise, then mirrors: undo both, last first.
        mirrored = [plane[:, ::-1] if flip else plane for plane in upright]
        planes = [np.rot90(plane, -turns) for plane in mirrored]
        picture = Picture.empty(planes[0].shape[1], planes[0].shape[0])
        for plane, target in zip(planes, picture.planes(), strict=True):
            target[:] = plane
        return picture.to_av(index, Fraction(1, 25))

    size = (160, 96) if turns % 2 == 0 else (96, 160)
    path = make_video(
        tmp_path / "turned.mp4",
        frames=3,
        size=size,
        options={"qp": "0"},
        turned=(degrees, flip),
        picture=stored,
    )
    info = probe_presenter(path)
    assert (info.width, info.height) == (160, 96)
    assert info.rotation == (360 - degrees) % 360 or flip
    for picture in full_read(info):
        for plane, expected in zip(picture.planes(), upright, strict=True):
            np.testing.assert_array_equal(plane, expected)


def test_turning_swaps_the_shape_of_the_pixels(tmp_path: Path, make_video: MakeVideo) -> None:
    lying = probe_presenter(make_video(tmp_path / "a.mp4", sar=Fraction(4, 3)))
    assert (lying.width, lying.height, lying.sar) == (128, 96, Fraction(4, 3))
    upright = probe_presenter(
        make_video(tmp_path / "b.mp4", sar=Fraction(4, 3), turned=(90, False))
    )
    assert (upright.width, upright.height, upright.sar) == (96, 128, Fraction(3, 4))


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("ffv1", "yuv420p10le"),
        ("ffv1", "yuv422p10le"),
        ("ffv1", "yuv444p"),
        ("ffv1", "yuv422p"),
        ("libx264", "yuv420p10le"),
    ],
)
def test_other_layouts_keep_their_colours(
    tmp_path: Path, make_video: MakeVideo, codec: str, pix_fmt: str
) -> None:
    depth = 4 if "10" in pix_fmt else 1

    def picture(index: int) -> av.VideoFrame:
        frame = av.VideoFrame(96, 64, pix_fmt)
        for plane, value in zip(frame.planes, (100 + index, 80, 170), strict=True):
            sample = (value * depth).to_bytes(2, "little") if depth > 1 else bytes([value])
            plane.update(sample * (plane.buffer_size // len(sample)))
        return frame

    options = {"qp": "0", "preset": "ultrafast"} if codec == "libx264" else {}
    path = make_video(
        tmp_path / "deep.mkv",
        codec,
        5,
        size=(96, 64),
        pix_fmt=pix_fmt,
        options=options,
        picture=picture,
        colorspace=1,
        color_range=1,
    )
    info = probe_presenter(path)
    assert (info.color.matrix, info.color.full_range) == (1, False)
    for shown in full_read(info):
        assert abs(shown.y.astype(int) - (100 + shown.index)).max() <= 1
        assert abs(shown.u.astype(int) - 80).max() <= 1
        assert abs(shown.v.astype(int) - 170).max() <= 1


def test_full_range_is_kept_as_it_is(tmp_path: Path, make_video: MakeVideo) -> None:
    def picture(index: int) -> av.VideoFrame:
        frame = av.VideoFrame(96, 64, "yuvj422p")
        for plane, value in zip(frame.planes, (250, 10, 245), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        return frame

    path = make_video(
        tmp_path / "webcam.avi",
        "mjpeg",
        5,
        size=(96, 64),
        pix_fmt="yuvj422p",
        options={"q": "1"},
        picture=picture,
        qmin=1,
    )
    info = probe_presenter(path)
    assert info.color.full_range
    for shown in full_read(info):
        for plane, value in zip(shown.planes(), (250, 10, 245), strict=True):
            assert abs(plane.astype(int) - value).max() <= 2


@pytest.mark.parametrize(
    ("size", "matrix", "yuv"),
    [((128, 96), 6, (81, 90, 240)), ((1280, 720), 1, (63, 102, 240))],
)
def test_rgb_becomes_what_players_expect_of_the_size(
    tmp_path: Path,
    make_video: MakeVideo,
    size: tuple[int, int],
    matrix: int,
    yuv: tuple[int, int, int],
) -> None:
    red = np.zeros((size[1], size[0], 3), np.uint8)
    red[..., 0] = 255
    path = make_video(
        tmp_path / "screen.mkv",
        "ffv1",
        2,
        size=size,
        pix_fmt="bgr0",
        picture=lambda index: av.VideoFrame.from_ndarray(red, "rgb24").reformat(format="bgr0"),
    )
    info = probe_presenter(path)
    assert (info.color.matrix, info.color.full_range) == (matrix, False)
    for plane, value in zip(full_read(info)[0].planes(), yuv, strict=True):
        assert abs(plane.astype(int) - value).max() <= 1


@pytest.mark.parametrize(("name", "codec"), [("i.ts", "mpeg2video"), ("i.mp4", "libx264")])
def test_interlaced_video_is_deinterlaced_at_the_same_rate(
    tmp_path: Path, make_video: MakeVideo, name: str, codec: str
) -> None:
    """A light bar moves by 4 pixels a field; woven fields would show it as a comb."""

    def picture(index: int) -> av.VideoFrame:
        shown = Picture.blank(160, 96)
        for field in (0, 1):
            left = 8 * index % 120 + 4 * field
            shown.y[field::2, left : left + 16] = 200
        frame = shown.to_av(index, Fraction(1, 25))
        return frame

    options = {"b": "4M", "g": "10", "flags": "+ildct+ilme", "top": "1", "field_order": "tt"}
    if codec == "libx264":
        options = {"x264-params": "tff=1:keyint=10", "flags": "+ildct+ilme", "crf": "5"}
    path = make_video(tmp_path / name, codec, 120, size=(160, 96), options=options, picture=picture)
    info = probe_presenter(path)
    assert info.interlaced and (info.fps, info.frames) == (Fraction(25), 120)
    full = full_read(info)
    combs = [np.abs(np.diff(shown.y[8:-8].astype(int), axis=0)).mean() for shown in full[2:-2]]
    woven = 4 * 2 * 180 / 160  # two bar edges, 4 pixels each, out of step in every row
    assert np.mean(combs) < woven / 4
    with FrameReader(info, threads=1) as reader:
        for start in (12, 110, *range(75, 53, -1)):
            assert same(reader.read(start, start + 4), full[start : start + 4]), start


def test_a_stream_that_changes_its_size_keeps_the_first(
    tmp_path: Path, make_video: MakeVideo, number: Number
) -> None:
    """What WebRTC recorders do when the connection gets better."""
    first = make_video(tmp_path / "1.ts", "libx264", 20, size=(128, 96), options={"g": "10"})
    second = make_video(tmp_path / "2.ts", "libx264", 20, size=(256, 192), options={"g": "10"})
    path = tmp_path / "both.ts"
    with av.open(str(path), "w") as out:
        stream = None
        for part, (source, shift) in enumerate([(first, 0), (second, 20 * 3600)]):
            with av.open(str(source)) as container:
                stream = stream or out.add_stream_from_template(container.streams.video[0])
                for packet in container.demux(video=0):
                    if packet.size:
                        assert packet.pts is not None and packet.dts is not None
                        packet.pts += shift
                        packet.dts += shift
                        packet.stream = stream
                        out.mux(packet)
            assert part < 2
    info = probe_presenter(path)
    assert (info.width, info.height, info.frames) == (128, 96, 40)
    full = full_read(info)
    assert {(shown.width, shown.height) for shown in full} == {(128, 96)}
    assert [number(shown) for shown in full] == [*range(20), *range(20)]


def test_a_photo_is_its_one_frame(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "face.png"
    Image.new("RGB", (200, 100), "white").save(path)
    info = probe_presenter(path)
    with FrameReader(info) as reader:
        (picture,) = reader.read(0, 1)
        assert (picture.width, picture.height, picture.index) == (200, 100, 0)
        assert (picture.y == 235).all()
        assert len(list(reader.read_backward(1, 0, 8))) == 1
