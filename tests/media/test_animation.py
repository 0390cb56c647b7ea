"""Animated images move; still ones do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.media.decode import FrameReader
from appliance.media.probe import probe_presenter

LEVELS = (40, 90, 140, 190, 240)


def write(path: Path, kind: str, durations: int | list[int] = 100) -> Path:
    images = [Image.new("RGB", (96, 96), (level,) * 3) for level in LEVELS]
    images[0].save(
        path, kind, save_all=True, append_images=images[1:], duration=durations, lossless=True
    )
    return path


@pytest.mark.parametrize(("name", "kind"), [("a.webp", "WEBP"), ("a.png", "PNG")])
def test_images_are_frames(tmp_path: Path, name: str, kind: str) -> None:
    info = probe_presenter(write(tmp_path / name, kind))
    assert (info.kind, info.is_still) == ("video", False)
    assert info.fps >= 24 and info.duration_s == pytest.approx(0.5, abs=0.05)
    with FrameReader(info, 1) as reader:
        forward = [int(picture.y.mean()) for picture in reader.read(0, info.frames)]
        backward = [int(p.y.mean()) for p in reader.read_backward(info.frames, 0, 4)]
    assert forward == sorted(forward) and len(set(forward)) == 5
    assert backward == forward[::-1]


def test_durations_are_kept(tmp_path: Path) -> None:
    info = probe_presenter(write(tmp_path / "a.webp", "WEBP", [400, 100, 100, 100, 300]))
    with FrameReader(info, 1) as reader:
        levels = np.array([picture.y.mean() for picture in reader.read(0, info.frames)])
    first = float(np.mean(np.abs(levels - levels[0]) < 1))
    assert first == pytest.approx(0.4, abs=0.06)


def test_single_image_is_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.new("RGB", (96, 96)).save(path)
    assert probe_presenter(path).kind == "photo"


def test_pages_are_no_movement(tmp_path: Path) -> None:
    assert probe_presenter(write(tmp_path / "a.tiff", "TIFF")).kind == "photo"
