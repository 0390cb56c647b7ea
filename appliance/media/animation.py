"""Animated images (WebP, PNG, AVIF) as presenters: their frames and the times of these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from appliance.media.photo import FORMATS, load_photo
from appliance.media.picture import Picture
from appliance.system.regular_file import open_regular

_DEFAULT_MS = 100  # of a frame without a duration, as in browsers
_MOVING = frozenset({"WEBP", "PNG", "AVIF"})  # the pages of a TIFF are no movement
_MAX_PIXELS = 4_000_000_000  # of all frames: 80 s of 1920 x 1080 at 25 frames a second
_CACHED = 4  # pictures kept: neighbours are read again for smoothing


def frame_times(path: Path) -> tuple[npt.NDArray[np.int64], int]:
    """Return the start of each frame and the duration of the last one, in ms.

    Of an image without movement or that cannot be read, it is one frame. Frames beyond
    ``_MAX_PIXELS`` are left out: a small file may describe any number of them.
    """
    starts, at, duration = [], 0, _DEFAULT_MS
    try:
        with open_regular(path) as file, Image.open(file, formats=FORMATS) as image:
            frames = getattr(image, "n_frames", 1) if image.format in _MOVING else 1
            most = max(_MAX_PIXELS // (image.width * image.height), 1)
            for number in range(min(frames, most)):
                image.seek(number)
                image.load()
                starts.append(at)
                duration = round(float(image.info.get("duration") or _DEFAULT_MS))
                at += max(duration, 1)
    except Exception:  # Pillow's parsers raise exceptions of any type for damaged data
        starts = starts[:-1] or [0]
    return np.array(starts, np.int64), duration


class AnimationFrames:
    """The decoded frames of an animated image, by number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pictures: dict[int, Picture] = {}

    def picture(self, number: int) -> Picture:
        """Return frame ``number``, counted from 0. Raises like :func:`.photo.load_photo`."""
        if number not in self._pictures:
            while len(self._pictures) >= _CACHED:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[number] = load_photo(self._path, number)[0]
        return self._pictures[number]
