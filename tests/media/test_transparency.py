"""Transparent video is laid on white, whatever colour the file hides behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.media.decode import FrameReader
from appliance.media.probe import probe_presenter


def see_through(index: int) -> av.VideoFrame:
    """A grey square in the middle of black that is transparent."""
    image = np.zeros((96, 128, 4), np.uint8)
    image[24:72, 32:96] = (120, 120, 120, 255)
    return av.VideoFrame.from_ndarray(image, "rgba")


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.mkv", "ffv1", "yuva420p"),
        ("a.mov", "png", "rgba"),
        ("a.mov", "prores_ks", "yuva444p10le"),
    ],
)
def test_background_is_white(
    tmp_path: Path, make_video: Callable[..., Path], name: str, codec: str, pix_fmt: str
) -> None:
    def picture(index: int) -> av.VideoFrame:
        return see_through(index).reformat(format=pix_fmt)

    options = {"auto-alt-ref": "0"} if codec == "libvpx-vp9" else {}
    path = make_video(tmp_path / name, codec, 12, pix_fmt=pix_fmt, picture=picture, options=options)
    info = probe_presenter(path)
    with FrameReader(info, 1) as reader:
        pictures = [*reader.read(0, 12), *reader.read_sparse(0, 6)]
    for shown in pictures:
        assert shown.y[4, 4] == pytest.approx(235, abs=3)
        assert shown.y[48, 64] == pytest.approx(119, abs=4)
        assert shown.u[2, 2] == pytest.approx(128, abs=3)


def test_animated_gif_is_laid_on_white(tmp_path: Path) -> None:
    from PIL import Image

    images = []
    for left in (10, 40, 70):
        image = Image.new("RGBA", (128, 96), (0, 0, 0, 0))
        image.paste((120, 120, 120, 255), (left, 20, left + 30, 70))
        images.append(image)
    path = tmp_path / "a.gif"
    images[0].save(path, save_all=True, append_images=images[1:], duration=100, disposal=2)
    info = probe_presenter(path)
    with FrameReader(info, 1) as reader:
        shown = next(iter(reader.read(0, 1)))
    assert shown.y[4, 4] >= 230
