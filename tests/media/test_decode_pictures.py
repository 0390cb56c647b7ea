"""Pictures of any shape, rotation and pixel format become upright 8-bit 4:2:0."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import probe_presenter
from tests.media.reading import MakeVideo, Number, full_read, same


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
def test_rotated_and_mirrored_video_is_upright(
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
        # The matrix rotates counterclockwise, then mirrors: undo both in reverse order.
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
    assert info.orientation.rotation == (360 - degrees) % 360 or flip
    for picture in full_read(info):
        for plane, expected in zip(picture.planes(), upright, strict=True):
            np.testing.assert_array_equal(plane, expected)


def test_rotated_pictures_stay_valid_while_held(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "turned.mp4", frames=12, size=(160, 96), turned=(90, False))
    info = probe_presenter(path)
    with FrameReader(info, 1) as reader:
        planes = [picture.y for picture in reader.read(0, 12)]
    with FrameReader(info, 1) as reader:
        for plane, picture in zip(planes, reader.read(0, 12), strict=True):
            np.testing.assert_array_equal(plane, picture.y)


def test_rotation_inverts_the_pixel_aspect(tmp_path: Path, make_video: MakeVideo) -> None:
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
def test_other_pixel_formats_keep_their_colours(
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


def test_full_range_is_not_rescaled(tmp_path: Path, make_video: MakeVideo) -> None:
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
def test_rgb_is_converted_with_the_matrix_for_its_size(
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


def test_size_change_within_a_stream_keeps_the_first_size(
    tmp_path: Path, make_video: MakeVideo, number: Number
) -> None:
    """WebRTC recorders change the size when the connection improves."""
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


def test_photo_has_one_frame(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "face.png"
    Image.new("RGB", (200, 100), "white").save(path)
    info = probe_presenter(path)
    with FrameReader(info) as reader:
        (picture,) = reader.read(0, 1)
        assert (picture.width, picture.height, picture.index) == (200, 100, 0)
        assert (picture.y == 235).all()
        assert len(list(reader.read_backward(1, 0, 8))) == 1
