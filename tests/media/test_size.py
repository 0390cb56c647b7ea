"""Downscaled presenters."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from appliance.media.decode import FrameReader
from appliance.media.probe import probe_presenter
from tests.talking_face import portrait, write_video


def large(width: int = 854, height: int = 640) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(portrait(), (width, height)), np.uint8)


@pytest.fixture(params=["video.mp4", "photo.png", "upright.jpg"])
def presenter(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / str(request.param)
    if path.suffix == ".mp4":
        return write_video(path, [large()] * 3)
    image = large(640, 854) if path.stem == "upright" else large()
    Image.fromarray(image).save(path)
    return path


def test_short_side_is_as_requested_and_aspect_is_kept(presenter: Path) -> None:
    info = probe_presenter(presenter, short_side=360)
    assert sorted((info.width, info.height)) == [360, 480]
    with FrameReader(probe_presenter(presenter)) as reader:
        whole = next(reader.read(0, 1))
    with FrameReader(info) as reader:
        for picture in reader.read(0, info.frames):
            assert (picture.width, picture.height) == (info.width, info.height)
            wanted = cv2.resize(whole.y, (info.width, info.height), interpolation=cv2.INTER_AREA)
            assert np.abs(picture.y.astype(int) - wanted).mean() < 2
            assert abs(float(picture.u.mean()) - float(whole.u.mean())) < 1


@pytest.mark.parametrize("side", [0, 640, 2160])
def test_pictures_are_never_enlarged(presenter: Path, side: int) -> None:
    assert probe_presenter(presenter, short_side=side) == probe_presenter(presenter)
