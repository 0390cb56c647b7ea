"""A presenter and a lecture to measure with, made of any picture of a face.

The picture sways and breathes as a person does, and every frame carries fresh camera grain, without
which an encoder has so little to do that no comparison with a transcode would mean anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from appliance.media.encode import SegmentWriter
from appliance.media.picture import ColorSpec, Picture

Image = npt.NDArray[np.uint8]
Sound = npt.NDArray[np.float32]

RATE = 16_000  # Hz, of the lecture
_GRAIN = 2.5  # standard deviation in grey levels: a phone's camera in a lit room
_GRAINS = 12  # different fields of it


def filmed(
    show: Callable[[int], Image], width: int, height: int, fps: int, seconds: float
) -> Iterator[Picture]:
    """Pictures of ``show(n)``, an RGB image (H, W, 3) a frame, as a camera would take them.

    The images fill the height; beside them the picture goes on mirrored.
    """
    rng = np.random.default_rng(7)
    grains = [
        (rng.standard_normal((height * 3 // 2, width)) * _GRAIN).astype(np.int16)
        for _ in range(_GRAINS)
    ]
    for n in range(round(fps * seconds)):
        image = show(n)
        planes = cv2.cvtColor(
            cv2.warpAffine(
                image,
                _sway(image.shape[1], image.shape[0], width, height, n / fps),
                (width, height),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REFLECT,
            ),
            cv2.COLOR_RGB2YUV_I420,
        ).astype(np.int16)
        planes += np.roll(grains[n % _GRAINS], (n * 37) % width, axis=1)
        np.clip(planes, 0, 255, out=planes)
        picture = Picture.empty(width, height, n)
        picture.y[:] = planes[:height]
        picture.u[:], picture.v[:] = planes[height:].reshape(2, height // 2, width // 2)
        yield picture


def _sway(
    image_width: int, image_height: int, width: int, height: int, t: float
) -> npt.NDArray[np.float64]:
    """From the image to the picture at ``t`` seconds: a turn, a step and a breath."""
    angle = np.deg2rad(2.0 * np.sin(t * 0.9))
    zoom = height / image_height * (1.02 + 0.01 * np.sin(t * 0.5))
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    x = image_width / 2 + image_height * 0.012 * np.sin(t * 0.7)
    y = image_height / 2 + image_height * 0.006 * np.sin(t * 1.3)
    return np.array([[c, -s, width / 2 - c * x + s * y], [s, c, height / 2 - s * x - c * y]])


def write_presenter(path: Path, pictures: Iterator[Picture], fps: int) -> Path:
    """H.264 as a phone makes it: quality 20, a key frame every two seconds."""
    first = next(pictures)
    size = first.width, first.height
    color = ColorSpec.for_size(*size)
    with SegmentWriter(
        path, *size, Fraction(fps), color, crf=20, preset="fast", gop=2 * fps
    ) as writer:
        writer.write(first)
        for picture in pictures:
            writer.write(picture)
    return path


def write_lecture(path: Path, sound: Sound) -> Path:
    """AAC in MP4 of mono ``sound`` in -1..1 at :data:`RATE`: what is copied and never encoded."""
    block = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
    block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return path


def murmur(seconds: float) -> Sound:
    """Four syllables a second with a pause now and then; nobody's voice."""
    t = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * t + k * k) / k for k in range(1, 24))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) * (np.sin(2 * np.pi * 0.2 * t) > -0.8)
    return np.asarray(0.12 * buzz * syllables, np.float32)
