"""Pictures are read-only views of decoded frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.media.picture import ColorSpec, Picture

TICK = Fraction(1, 25)


def _decoded(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def test_decoded_picture_is_read_only(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    picture = Picture.from_av(_decoded(make_video(tmp_path / "a.mp4", frames=1)), 7)
    assert picture.index == 7
    for plane in picture.planes():
        with pytest.raises(ValueError, match="read-only"):
            plane[0, 0] = 1


def test_writable_copy_does_not_change_the_original(draw: Callable[..., Picture]) -> None:
    original = draw(5)
    before = [plane.copy() for plane in original.planes()]
    copy = original.writable()
    for plane in copy.planes():
        plane[:] = 0
    for plane, unchanged in zip(original.planes(), before, strict=True):
        np.testing.assert_array_equal(plane, unchanged)


def test_encoder_uses_the_memory_of_the_picture(draw: Callable[..., Picture]) -> None:
    picture = draw(5)
    frame = picture.to_av(3, TICK)
    picture.y[0, 0] = 77
    assert bytes(frame.planes[0])[0] == 77
    assert (frame.pts, frame.time_base, frame.pict_type) == (3, TICK, 0)


def test_planes_outlive_the_frame(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "a.mp4", frames=12, options={"qp": "0"})
    with av.open(str(path)) as container:
        planes = [Picture.from_av(frame, 0).y for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        for plane, frame in zip(planes, container.decode(video=0), strict=True):
            np.testing.assert_array_equal(plane, Picture.from_av(frame, 0).y)


def test_odd_frame_loses_its_last_row_and_column() -> None:
    frame = av.VideoFrame(67, 65, "yuv420p")
    picture = Picture.from_av(frame, 0)
    assert [plane.shape for plane in picture.planes()] == [(64, 66), (32, 33), (32, 33)]
    even = picture.to_av(0, TICK)
    assert (even.width, even.height) == (66, 64)
    np.testing.assert_array_equal(Picture.from_av(even, 0).v, picture.v)


def test_full_range_bytes_reach_the_encoder_unchanged() -> None:
    frame = av.VideoFrame(64, 64, "yuvj420p")
    for plane in frame.planes:
        plane.update(bytes([255]) * plane.buffer_size)
    encoded = Picture.from_av(frame, 0).to_av(0, TICK)
    assert encoded.format.name == "yuv420p"
    assert (Picture.from_av(encoded, 0).y == 255).all()


def test_blank_picture_is_black_and_even() -> None:
    picture = Picture.blank(64, 66, 3)
    assert (picture.width, picture.height, picture.index) == (64, 66, 3)
    assert (picture.y == 16).all() and (picture.u == 128).all() and (picture.v == 128).all()
    with pytest.raises(ValueError, match="even"):
        Picture.blank(65, 64)


def test_other_pixel_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="4:2:0"):
        Picture.from_av(av.VideoFrame(64, 64, "yuv444p"), 0)


def test_picture_with_another_index_shares_memory_read_only(draw: Callable[..., Picture]) -> None:
    picture = draw(1)
    again = picture.with_index(9)
    assert again.index == 9
    assert np.shares_memory(again.y, picture.y)
    assert not again.y.flags.writeable


@pytest.mark.parametrize(
    ("width", "height", "weights"),
    [(1920, 1080, (0.2126, 0.0722)), (720, 576, (0.299, 0.114)), (608, 1080, (0.2126, 0.0722))],
)
def test_unknown_matrix_is_guessed_by_size(
    width: int, height: int, weights: tuple[float, float]
) -> None:
    assert ColorSpec().luma_weights(width, height) == weights
    assert ColorSpec(matrix=9).luma_weights(width, height) == (0.2627, 0.0593)


def test_colour_is_read_from_the_frame() -> None:
    frame = av.VideoFrame(64, 64, "yuv420p")
    frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc = 2, 1, 9, 14
    assert ColorSpec.of_frame(frame) == ColorSpec(True, 1, 9, 14)
    assert ColorSpec.of_frame(av.VideoFrame(64, 64, "yuvj420p")).full_range
    assert ColorSpec.of_frame(av.VideoFrame(1280, 720, "rgb24")) == ColorSpec(False, 1, 1, 1)
