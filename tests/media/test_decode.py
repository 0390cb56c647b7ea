"""Any range of any container is bit for bit the same as in a full read."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from appliance.errors import BadInput
from appliance.media.decode import FrameReader
from appliance.media.demux import timed_frames
from appliance.media.picture import Picture, VideoFormat
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.media.x264 import X264Writer
from tests.media.reading import VPX, X264, MakeVideo, Number, full_read, same

NTSC = Fraction(30000, 1001)


class Kind(NamedTuple):
    name: str
    codec: str
    options: dict[str, str]
    more: dict[str, Any] = {}  # noqa: RUF012  (never changed)


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
def test_every_frame_is_decoded_once_in_order(
    kind: Kind, clips: Callable[[Kind], PresenterInfo], number: Number
) -> None:
    info = clips(kind)
    assert (info.fps, info.frames) == (NTSC, FRAMES)
    pictures = full_read(info)
    assert [number(picture) for picture in pictures] == list(range(FRAMES))
    assert [picture.index for picture in pictures] == list(range(FRAMES))


@every_kind
def test_any_range_equals_the_full_read(kind: Kind, clips: Callable[[Kind], PresenterInfo]) -> None:
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
def test_reading_backward_reverses_reading_forward(
    kind: Kind, clips: Callable[[Kind], PresenterInfo]
) -> None:
    info = clips(kind)
    full = full_read(info)
    with FrameReader(info, threads=2) as reader:
        assert same(reader.read_backward(FRAMES, 150, 16), full[:149:-1])
        assert same(reader.read_backward(21, 0, 64), full[20::-1])


@every_kind
def test_sparse_reading_returns_exact_frames(
    kind: Kind, clips: Callable[[Kind], PresenterInfo]
) -> None:
    info = clips(kind)
    full = full_read(info)
    with FrameReader(info, threads=1) as reader:
        for start, count in (
            (reader.keyframe_before(150), 5),
            (reader.keyframe_before(90), 20),
            (77, 9),
        ):
            pictures = list(reader.read_sparse(start, count))
            positions = [picture.index for picture in pictures]
            assert positions == sorted(set(positions)) and positions[0] == start
            assert count / 2 < len(positions) <= count
            assert start + count / 2 < positions[-1] < start + 2 * count
            assert same(pictures, [full[position] for position in positions])
            assert same(reader.read(start, start + 3), full[start : start + 3])
        assert list(reader.read_sparse(FRAMES - 3, 9))[-1].index == FRAMES - 1


def test_sparse_reading_decodes_only_what_it_returns(
    clips: Callable[[Kind], PresenterInfo],
) -> None:
    with FrameReader(clips(KINDS[0]), threads=1) as reader:
        start = reader.keyframe_before(120)
        positions = [picture.index - start for picture in reader.read_sparse(start, 5)]
    assert positions == [0, 2, 4]  # the pictures between are predicted from these


def test_reading_backward_holds_at_most_one_block(
    clips: Callable[[Kind], PresenterInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[int] = []
    with FrameReader(clips(KINDS[0])) as reader:
        read = reader.read

        def counted(start: int, stop: int) -> Iterator[Picture]:
            requested.append(stop - start)
            return read(start, stop)

        monkeypatch.setattr(reader, "read", counted)
        assert len(list(reader.read_backward(90, 13, 25))) == 77
    assert sum(requested) == 77 and max(requested) == 25


def test_continued_reading_does_not_seek(
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
def test_late_frame_is_read_without_decoding_from_the_start(
    kind: Kind, clips: Callable[[Kind], PresenterInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FrameReader(clips(kind)) as reader:
        monkeypatch.setattr(reader, "_rewind", lambda: pytest.fail("starts all over"))
        assert next(reader.read(FRAMES - 2, FRAMES)).index == FRAMES - 2


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "mpeg4.avi", "vp9.webm"])
def test_seek_decodes_few_extra_frames(
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


def test_reader_holds_few_pictures(clips: Callable[[Kind], PresenterInfo]) -> None:
    def alive() -> int:
        return sum(type(thing) is Picture for thing in gc.get_objects())

    before = alive()
    with FrameReader(clips(KINDS[0])) as reader:
        held = [alive() - before for shown in reader.read(0, FRAMES) if shown.index % 20 == 0]
    assert max(held) <= 3


def test_two_readers_and_a_writer_run_concurrently(
    tmp_path: Path, clips: Callable[[Kind], PresenterInfo], number: Number
) -> None:
    info = clips(KINDS[0])

    def copy(name: str) -> list[int]:
        path = tmp_path / name
        with (
            FrameReader(info, threads=1) as reader,
            X264Writer(path, VideoFormat(info.width, info.height, info.fps, info.color)) as writer,
        ):
            for picture in reader.read(50, 150):
                writer.write(picture)
        return [number(picture) for picture in full_read(probe_presenter(path))]

    with ThreadPoolExecutor(3) as pool:
        for shown in pool.map(copy, ["1.mp4", "2.mp4", "3.mp4"]):
            assert shown == list(range(50, 150))


def test_frames_outside_the_presenter_are_refused(clips: Callable[[Kind], PresenterInfo]) -> None:
    with FrameReader(clips(KINDS[0])) as reader:
        assert list(reader.read(5, 5)) == []
        for start, stop in [(-1, 2), (0, FRAMES + 1), (9, 3)]:
            with pytest.raises(ValueError):
                next(reader.read(start, stop))
        with pytest.raises(ValueError, match="block"):
            next(reader.read_backward(9, 3, 0))


def test_deleted_file_is_bad_input(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4")
    info = probe_presenter(path)
    path.unlink()
    with pytest.raises(BadInput) as caught:
        FrameReader(info)
    assert caught.value.code == "file_missing"
