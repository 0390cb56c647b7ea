"""Thumbnails: of a moment with speech."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from appliance.errors import BadInput
from appliance.media.picture import BT709, SMPTE170M, ColorSpec, Picture, VideoFormat
from appliance.media.thumbnail import (
    LIST_SIDE,
    MAX_SIDE,
    save_list_thumbnail,
    save_presenter_thumbnail,
    save_video_thumbnail,
)
from appliance.media.x264 import X264Writer
from tests.talking_face import voice, write_video

Shade = NDArray[np.uint8]

SECONDS, FPS = 12, 10
LOUD_S = 6.4


def shade(n: int) -> Shade:
    """Return a picture whose brightness encodes its number."""
    return np.full((96, 128, 3), 16 + 2 * (n % 110), np.uint8)


def made(path: Path, sound: bool = True, shape: tuple[int, int] | None = None) -> Path:
    openings = np.full(SECONDS * FPS, 0.02)
    openings[int(LOUD_S * FPS) : int(LOUD_S * FPS) + 3] = 0.3
    images = [shade(n) for n in range(SECONDS * FPS)]
    if shape:
        images = [np.asarray(cv2.resize(image, shape), np.uint8) for image in images]
    return write_video(path, images, FPS, voice(openings, FPS) if sound else None)


def number(path: Path) -> float:
    with Image.open(path) as image:
        assert image.format == "JPEG"
        return (float(np.asarray(image.convert("L")).mean()) - 16) / 2


def test_thumbnail_shows_the_loudest_moment(tmp_path: Path) -> None:
    save_video_thumbnail(made(tmp_path / "a.mp4"), tmp_path / "a.jpg")
    assert number(tmp_path / "a.jpg") == pytest.approx(LOUD_S * FPS + 1, abs=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jpg", "a.mp4"]


def test_accepted_picture_is_preferred(tmp_path: Path) -> None:
    seen = []

    def third(image: Shade) -> bool:
        seen.append(float(image.mean()))
        return len(seen) == 3

    save_video_thumbnail(made(tmp_path / "a.mp4"), tmp_path / "a.jpg", third)
    assert len(seen) == 3
    assert number(tmp_path / "a.jpg") == pytest.approx((seen[2] - 16) / 2, abs=2)


def test_fallback_without_audio_and_accepted_picture(tmp_path: Path) -> None:
    video = made(tmp_path / "a.mp4", sound=False, shape=(1280, 720))
    save_video_thumbnail(video, tmp_path / "a.jpg", lambda image: False)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.size == (MAX_SIDE, 360)


def test_thumbnail_of_a_video_with_one_frame(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [shade(50)], FPS)
    save_video_thumbnail(tmp_path / "a.mp4", tmp_path / "a.jpg")
    assert number(tmp_path / "a.jpg") == pytest.approx(50, abs=2)


class TestPresenter:
    def test_video_thumbnail_shows_the_middle(self, tmp_path: Path) -> None:
        save_presenter_thumbnail(made(tmp_path / "p.mp4"), tmp_path / "small" / "p.jpg")
        middle = SECONDS * FPS / 2
        assert number(tmp_path / "small" / "p.jpg") < middle + 1  # the key frame before it

    def test_photo_thumbnail_is_upright_and_small(self, tmp_path: Path) -> None:
        photo = np.zeros((900, 1600, 3), np.uint8)
        photo[:, :800, 0] = 255
        exif = Image.Exif()
        exif[0x0112] = 6  # rotated: the left of the image is at the top
        Image.fromarray(photo).save(tmp_path / "p.jpg", exif=exif)
        save_presenter_thumbnail(tmp_path / "p.jpg", tmp_path / "small.jpg")
        with Image.open(tmp_path / "small.jpg") as small:
            assert small.size == (MAX_SIDE * 9 // 16, MAX_SIDE)
            above, below = small.getpixel((100, 50)), small.getpixel((100, 600))
        assert isinstance(above, tuple) and above[0] > 200
        assert isinstance(below, tuple) and below[0] < 60

    @pytest.mark.parametrize("full", [True, False])
    @pytest.mark.parametrize("matrix", [BT709, SMPTE170M])
    def test_thumbnail_has_the_colours_of_the_video(
        self, full: bool, matrix: int, tmp_path: Path
    ) -> None:
        color = ColorSpec(full, matrix, matrix, matrix)
        picture = Picture.blank(128, 96)
        picture.y[:], picture.u[:], picture.v[:] = 60, 100, 180
        with X264Writer(
            tmp_path / "p.mp4", VideoFormat(128, 96, Fraction(25), color), crf=0
        ) as writer:
            for _ in range(2):
                writer.write(picture)
        save_presenter_thumbnail(tmp_path / "p.mp4", tmp_path / "p.jpg")
        save_video_thumbnail(tmp_path / "p.mp4", tmp_path / "t.jpg")
        kr, kb = color.luma_weights(128, 96)
        y, u, v = (60 / 255, -28 / 255, 52 / 255) if full else (44 / 219, -28 / 224, 52 / 224)
        red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
        green = (y - kr * red - kb * blue) / (1 - kr - kb)
        wanted = [max(round(255 * value), 0) for value in (red, green, blue)]
        for name in ("p.jpg", "t.jpg"):
            with Image.open(tmp_path / name) as small:
                assert small.getpixel((64, 48)) == pytest.approx(wanted, abs=4)

    def test_thumbnail_file_is_small(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8)
        Image.fromarray(noise).resize((640, 360)).save(tmp_path / "large.jpg", quality=88)
        save_list_thumbnail(tmp_path / "large.jpg", tmp_path / "small.jpg")
        with Image.open(tmp_path / "small.jpg") as small:
            assert (small.format, small.size) == ("JPEG", (LIST_SIDE, LIST_SIDE * 9 // 16))
        assert (tmp_path / "small.jpg").stat().st_size < 20_000
        for name in ("missing.jpg", "text.jpg"):
            (tmp_path / "text.jpg").write_text("no picture")
            with pytest.raises(OSError):
                save_list_thumbnail(tmp_path / name, tmp_path / "none.jpg")
        assert not (tmp_path / "none.jpg").exists()

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "p.mp4").write_text("no video")
        with pytest.raises(BadInput):
            save_presenter_thumbnail(tmp_path / "p.mp4", tmp_path / "small.jpg")
        assert not (tmp_path / "small.jpg").exists()
