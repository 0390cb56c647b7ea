"""Presenters and lectures for benchmarks, cached in a folder.

A presenter is the talking portrait of the tests before its background, moving slightly and with
camera noise.
"""

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

_HEAD = (
    slice(40, 232),
    slice(132, 324),
)  # rows and columns of the head in the portrait, as in talking_face
_OPENINGS, _MAX_OPENING = 12, 0.25


@functools.cache
def _mouths() -> tuple[Image, ...]:
    """Return the whole portrait with its mouth closed to wide open."""
    images: list[Image] = []
    for opening in np.linspace(0, _MAX_OPENING, _OPENINGS):
        image = skimage.data.astronaut().copy()
        head = face_with_opening(float(opening))
        image[_HEAD] = cv2.resize(head, (192, 192), interpolation=cv2.INTER_AREA)
        images.append(np.asarray(image, np.uint8))
    return tuple(images)


def presenter(folder: Path, width: int, height: int, fps: int, seconds: float) -> Path:
    """Return a video of a talking presenter; generate it if it does not exist."""
    path = folder / f"presenter-{width}x{height}-{fps}-{seconds:g}s.mp4"
    if not path.exists():
        indices = babble(round(fps * seconds)) / _MAX_OPENING * (_OPENINGS - 1)

        def show(n: int) -> Image:
            mouth: Image = _mouths()[min(round(indices[n]), _OPENINGS - 1)]
            return mouth

        write_presenter(path, camera_frames(show, width, height, fps, seconds), fps)
    return path


def lecture(folder: Path, seconds: float) -> Path:
    """Return speech-like sound with pauses; generate it if it does not exist."""
    path = folder / f"lecture-{seconds:g}s.m4a"
    if not path.exists():
        write_lecture(path, voice(babble(round(25 * seconds), seed=3), 25, RATE))
    return path
