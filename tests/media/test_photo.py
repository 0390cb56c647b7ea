"""Photos from cameras and image editors."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from appliance.errors import BadInput
from appliance.media.photo import is_photo, load_photo
from appliance.media.picture import Picture
from appliance.media.probe import probe_presenter

RED_709, RED_601 = (63, 102, 240), (81, 90, 240)


def _quarters(width: int = 128, height: int = 96) -> Image.Image:
    """Return a grey image with a white top left quarter, which shows every rotation."""
    pixels = np.full((height, width, 3), 100, np.uint8)
    pixels[: height // 2, : width // 2] = 255
    return Image.fromarray(pixels)


def _bright_corner(picture: Picture) -> tuple[str, str]:
    half_y, half_x = picture.height // 2, picture.width // 2
    means = {
        (v, h): picture.y[rows, columns].mean()
        for v, rows in (("top", slice(half_y)), ("bottom", slice(half_y, None)))
        for h, columns in (("left", slice(half_x)), ("right", slice(half_x, None)))
    }
    return max(means, key=lambda corner: means[corner])


def _colour(picture: Picture) -> tuple[float, ...]:
    return tuple(float(np.median(plane)) for plane in picture.planes())


def _code(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        probe_presenter(path)
    assert path.name in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_photo_is_a_still_presenter(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"teacher.{suffix}"
    _quarters().save(path, quality=95)
    info = probe_presenter(path)
    assert (info.kind, info.width, info.height) == ("photo", 128, 96)
    assert (info.fps, info.frames, info.is_still) == (Fraction(25), 1, True)
    picture, color = load_photo(path)
    assert color == info.color
    assert _bright_corner(picture) == ("top", "left")


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [
        (1, ("top", "left")),
        (2, ("top", "right")),
        (3, ("bottom", "right")),
        (4, ("bottom", "left")),
        (5, ("top", "left")),
        (6, ("top", "right")),
        (7, ("bottom", "right")),
        (8, ("bottom", "left")),
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_exif_orientation_is_applied(
    tmp_path: Path, suffix: str, orientation: int, corner: tuple[str, str]
) -> None:
    path = tmp_path / f"phone.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    _quarters().save(path, exif=exif)
    picture, _ = load_photo(path)
    expected = (96, 128) if orientation >= 5 else (128, 96)
    assert (picture.width, picture.height) == expected
    assert _bright_corner(picture) == corner


@pytest.mark.parametrize(
    ("size", "red"), [((1280, 720), RED_709), ((640, 480), RED_601)], ids=["hd", "sd"]
)
def test_colour_matrix_depends_on_the_size(
    tmp_path: Path, size: tuple[int, int], red: tuple[int, ...]
) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", size, (255, 0, 0)).save(path)
    assert _colour(load_photo(path)[0]) == pytest.approx(red, abs=1)


def test_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (640, 480), (0, 255, 255, 0)).save(path, quality=100)
    assert _colour(load_photo(path)[0]) == pytest.approx(RED_601, abs=3)


def test_embedded_profile_is_applied(tmp_path: Path) -> None:
    """A profile with swapped red and blue turns blue values into a red picture."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    tags = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    path = tmp_path / "wide.png"
    Image.new("RGB", (640, 480), (0, 0, 255)).save(path, icc_profile=bytes(profile))
    assert _colour(load_photo(path)[0]) == pytest.approx(RED_601, abs=3)


def test_broken_profile_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    Image.new("RGB", (640, 480), (255, 0, 0)).save(path, icc_profile=b"nonsense" * 20)
    assert _colour(load_photo(path)[0]) == pytest.approx(RED_601, abs=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_white(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "cutout.png"
    clear = Image.new("RGBA", (128, 96), (0, 0, 0, 0))
    more: dict[str, Any] = {"transparency": 0} if mode == "P" else {}
    clear.convert(mode).save(path, **more)
    assert _colour(load_photo(path)[0]) == pytest.approx((235, 128, 128), abs=1)


def test_sixteen_bit_and_grey_images_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((96, 128), 0x80FF, np.uint16)).save(path)
    assert _colour(load_photo(path)[0]) == pytest.approx((126, 128, 128), abs=1)


def test_animation_becomes_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "wave.webp"
    first, second = (Image.new("RGB", (128, 96), colour) for colour in ("red", "blue"))
    first.save(path, save_all=True, append_images=[second], duration=100, lossless=True)
    assert _colour(load_photo(path)[0]) == pytest.approx(RED_601, abs=2)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4000, 3000), (1920, 1440)), ((1500, 3999), (720, 1920)), ((129, 97), (128, 96))],
)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_large_photos_are_downscaled_and_odd_sizes_cropped(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int], suffix: str
) -> None:
    path = tmp_path / f"camera.{suffix}"
    _quarters(*size).save(path)
    picture, _ = load_photo(path)
    assert (picture.width, picture.height) == expected
    assert _bright_corner(picture) == ("top", "left")


def test_format_does_not_depend_on_the_name(tmp_path: Path) -> None:
    path = tmp_path / "holiday.mp4"
    _quarters().save(path, format="JPEG")
    assert is_photo(path) and probe_presenter(path).kind == "photo"


@pytest.mark.parametrize("name", ["a%03d.png", "x:y.png", "-v.png", "two\nlines 日本.png"])
def test_unusual_file_names_are_accepted(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    _quarters().save(path)
    assert probe_presenter(path).frames == 1


def test_heic_has_its_own_error(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic" + bytes(500))
    assert _code(path) == "photo_format_unsupported"


def test_too_small_photo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "icon.png"
    _quarters(63, 200).save(path)
    assert _code(path) == "picture_too_small"
    wide = tmp_path / "banner.png"
    _quarters(4000, 100).save(wide)
    assert _code(wide) == "picture_too_small"


def test_decompression_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (20000, 20000)).save(path)
    assert _code(path) == "photo_too_large"


def test_large_jpeg_is_downscaled_while_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.media.photo._MAX_MEGAPIXELS", 4)
    for suffix in ("jpg", "png"):
        _quarters(4000, 3000).save(tmp_path / f"camera.{suffix}")
    assert load_photo(tmp_path / "camera.jpg")[0].width == 1920
    assert _code(tmp_path / "camera.png") == "photo_too_large"


def test_truncated_photo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    assert _code(path) == "file_truncated"


@pytest.mark.parametrize("start", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP"])
def test_photo_signature_with_other_data_is_refused(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "fake.jpg"
    path.write_bytes(start + bytes(range(256)) * 8)
    assert _code(path) in ("picture_unreadable", "file_truncated")


@pytest.mark.parametrize(
    ("name", "kind"), [("a.bmp", "BMP"), ("a.tif", "TIFF"), ("a.jfif", "JPEG"), ("a.avif", "AVIF")]
)
def test_other_formats_are_read(tmp_path: Path, name: str, kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow was built without AVIF")
    path = tmp_path / name
    Image.new("RGB", (128, 96), (200, 40, 40)).save(path, kind)
    info = probe_presenter(path)
    assert (info.kind, info.width, info.height) == ("photo", 128, 96)
    picture, _ = load_photo(path)
    assert 60 < picture.y.mean() < 110 and picture.v.mean() > 170
