"""Presenters that lie or hang are turned; slow and large ones are adapted."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from appliance.config import VideoConfig
from appliance.errors import BadInput
from appliance.media.convert import Orientation, turn_picture
from appliance.media.decode import FrameReader
from appliance.media.probe import probe_presenter
from appliance.render.presenter_analysis import analyse_presenter
from appliance.render.presenter_file import open_presenter, presenter_notices
from tests.talking_face import as_picture, portrait, write_video


def shown(path: Path) -> tuple[int, np.ndarray]:
    """Return the degrees by which a presenter is turned, and the luma of its first frame."""
    info = open_presenter(path, VideoConfig())
    with FrameReader(info, 1) as reader:
        picture = next(iter(reader.read(0, 1)))
    assert (picture.width, picture.height) == (info.width, info.height)
    return info.turned_deg, np.array(picture.y, np.float32)


def scene() -> np.ndarray:
    """The portrait in a picture that is wider than high."""
    image = np.full((256, 320, 3), 100, np.uint8)
    image[:, 32:288] = portrait()
    return image


@pytest.mark.parametrize("kind", ["photo", "video"])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_person_is_turned_upright(tmp_path: Path, kind: str, quarters: int) -> None:
    image = np.ascontiguousarray(np.rot90(scene(), quarters))
    if kind == "photo":
        path = tmp_path / "a.png"
        Image.fromarray(image).save(path)
    else:
        path = write_video(tmp_path / "a.mp4", [image] * 5, crf=4)
    degrees, luma = shown(path)
    assert degrees == -90 * quarters % 360
    upright = np.array(as_picture(scene()).y, np.float32)
    assert luma.shape == upright.shape
    assert np.abs(luma - upright).mean() < 6


def test_orientations_are_combined() -> None:
    picture = as_picture(np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8))
    every = [Orientation(*steps) for steps in product((False, True), repeat=3)]
    for one in every:
        for other in every:
            twice = turn_picture(turn_picture(picture, one), other)
            once = turn_picture(picture, one.then(other))
            np.testing.assert_array_equal(twice.y, once.y)


def test_slow_presenter_is_shown_smoothly(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [portrait()] * 5, fps=5)
    info = open_presenter(path, VideoConfig())
    assert [info.fps, info.frames] == [25, 25]
    assert [notice.code for notice in presenter_notices(info)] == ["presenter_slow"]


def test_large_video_is_reduced(tmp_path: Path) -> None:
    image = np.asarray(cv2.resize(portrait(), (192, 108)), np.uint8)
    path = write_video(tmp_path / "a.mp4", [image] * 3)
    info = probe_presenter(path, max_sides=(128, 96))
    assert (info.width, info.height, info.reduced_from) == (128, 72, (192, 108))
    assert [notice.code for notice in presenter_notices(info)] == ["presenter_reduced"]


def test_face_that_is_too_small_is_measured(tmp_path: Path) -> None:
    image = np.full((1080, 1920, 3), 120, np.uint8)
    image[800:880, 1500:1580] = cv2.resize(portrait(), (80, 80), interpolation=cv2.INTER_AREA)
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    with pytest.raises(BadInput) as caught:
        analyse_presenter(open_presenter(path, VideoConfig()), 0, 1)
    assert caught.value.code == "face_too_small"
    pixels, needed = (int(caught.value.details[name]) for name in ("pixels", "needed"))
    assert 34 <= pixels <= 52 and pixels < needed <= 60


def test_picture_without_a_face(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (640, 360), (120, 120, 120)).save(path)
    with pytest.raises(BadInput) as caught:
        analyse_presenter(open_presenter(path, VideoConfig()), 0, 1)
    assert caught.value.code == "no_face"
