"""Presenters and lectures to measure with, made on the spot and kept in a folder.

The presenter is the portrait of scikit-image's wheel in front of its own background: it sways,
breathes and talks, and every frame carries fresh camera grain, without which an encoder has so
little to do that no comparison with a transcode would mean anything.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import skimage.data

from appliance.media.encode import SegmentWriter
from appliance.media.picture import ColorSpec, Picture
from tests.talking_face import babble, face_with_opening, voice

Image = npt.NDArray[np.uint8]

_HEAD = (slice(40, 232), slice(132, 324))  # of the portrait, where talking_face cuts its own
_OPENINGS, _WIDEST = 12, 0.25
_GRAIN = 2.5  # standard deviation in grey levels: a phone's camera in a lit room
_GRAINS = 12


@functools.cache
def _mouths() -> tuple[Image, ...]:
    """The whole portrait with its mouth from shut to wide open."""
    images = []
    for opening in np.linspace(0, _WIDEST, _OPENINGS):
        image = skimage.data.astronaut().copy()
        head = cv2.resize(
            face_with_opening(float(opening)), (192, 192), interpolation=cv2.INTER_AREA
        )
        image[_HEAD] = head
        images.append(image)
    return tuple(images)


def frames(width: int, height: int, fps: int, seconds: float) -> Iterator[Picture]:
    """The presenter's pictures, 8-bit 4:2:0."""
    rng = np.random.default_rng(7)
    grains = [
        (rng.standard_normal((height * 3 // 2, width)) * _GRAIN).astype(np.int16)
        for _ in range(_GRAINS)
    ]
    talk = babble(round(fps * seconds))
    scale = height / 512
    for n in range(round(fps * seconds)):
        t = n / fps
        angle = np.deg2rad(2.0 * np.sin(t * 0.9))
        zoom = scale * (1.02 + 0.01 * np.sin(t * 0.5))
        c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
        x, y = 256 + 6 * np.sin(t * 0.7), 256 + 3 * np.sin(t * 1.3)
        matrix = np.array(
            [[c, -s, width / 2 - c * x + s * y], [s, c, height / 2 - s * x - c * y]]
        )
        mouth = _mouths()[min(round(talk[n] / _WIDEST * (_OPENINGS - 1)), _OPENINGS - 1)]
        image = cv2.warpAffine(
            mouth, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        planes = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420).astype(np.int16)
        grain = np.roll(grains[n % _GRAINS], (n * 37) % width, axis=1)
        planes = np.clip(planes + grain, 0, 255).astype(np.uint8)
        picture = Picture.empty(width, height, n)
        picture.y[:] = planes[:height]
        half = planes[height:].reshape(2, height // 2, width // 2)
        picture.u[:], picture.v[:] = half
        yield picture


def presenter(folder: Path, width: int, height: int, fps: int, seconds: float) -> Path:
    """An H.264 clip as a phone makes it (quality 20, a key frame every two seconds)."""
    path = folder / f"presenter-{width}x{height}-{fps}-{seconds:g}s.mp4"
    if not path.exists():
        color = ColorSpec.for_size(width, height)
        with SegmentWriter(
            path, width, height, Fraction(fps), color, crf=20, preset="fast", gop=2 * fps
        ) as writer:
            for picture in frames(width, height, fps, seconds):
                writer.write(picture)
    return path


def lecture(folder: Path, seconds: float) -> Path:
    """Speech-like sound with pauses, AAC in MP4, so that it is copied and never encoded."""
    path = folder / f"lecture-{seconds:g}s.m4a"
    if not path.exists():
        rate = 16_000
        sound = voice(babble(round(25 * seconds), seed=3), 25, rate)
        block = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = rate, 0, Fraction(1, rate)
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("aac", rate=rate, layout="mono")
            container.mux(stream.encode(block))
            container.mux(stream.encode(None))
    return path
