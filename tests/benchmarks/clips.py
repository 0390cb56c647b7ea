"""Presenters and lectures to measure with, kept in a folder: the talking portrait of the tests in
front of its own background, swaying, with camera grain."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from appliance.bench.synthetic_clip import (
    RATE,
    Image,
    camera_frames,
    write_lecture,
    write_presenter,
)
from tests.talking_face import babble, face_with_opening, voice

_HEAD = (slice(40, 232), slice(132, 324))  # of the portrait, where talking_face cuts its own
_OPENINGS, _WIDEST = 12, 0.25


@functools.cache
def _mouths() -> tuple[Image, ...]:
    """The whole portrait with its mouth from shut to wide open."""
    images: list[Image] = []
    for opening in np.linspace(0, _WIDEST, _OPENINGS):
        image = skimage.data.astronaut().copy()
        head = face_with_opening(float(opening))
        image[_HEAD] = cv2.resize(head, (192, 192), interpolation=cv2.INTER_AREA)
        images.append(np.asarray(image, np.uint8))
    return tuple(images)


def presenter(folder: Path, width: int, height: int, fps: int, seconds: float) -> Path:
    """A talking presenter, made unless it is there."""
    path = folder / f"presenter-{width}x{height}-{fps}-{seconds:g}s.mp4"
    if not path.exists():
        talk = babble(round(fps * seconds)) / _WIDEST * (_OPENINGS - 1)

        def show(n: int) -> Image:
            mouth: Image = _mouths()[min(round(talk[n]), _OPENINGS - 1)]
            return mouth

        write_presenter(path, camera_frames(show, width, height, fps, seconds), fps)
    return path


def lecture(folder: Path, seconds: float) -> Path:
    """Speech-like sound with pauses, made unless it is there."""
    path = folder / f"lecture-{seconds:g}s.m4a"
    if not path.exists():
        write_lecture(path, voice(babble(round(25 * seconds), seed=3), 25, RATE))
    return path
