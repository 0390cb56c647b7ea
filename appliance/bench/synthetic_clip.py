"""Generate a presenter clip from an image of a face, and a lecture, for benchmarks.

The image moves slightly, as a standing person does, and every frame has new camera noise: without
noise an encoder has too little work for a meaningful comparison with a transcode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from appliance.media.picture import ColorSpec, Picture, VideoFormat
from appliance.media.x264 import X264Writer

Image = npt.NDArray[np.uint8]
Sound = npt.NDArray[np.float32]

RATE = 16_000  # sample rate of the lecture, Hz
_NOISE_SIGMA = 2.5  # standard deviation of the noise in grey levels: a phone camera in a lit room
_NOISE_IMAGES = 12  # number of different noise images


def camera_frames(
    image_at: Callable[[int], Image], width: int, height: int, fps: int, seconds: float
) -> Iterator[Picture]:
    """Yield camera-like frames of ``seconds`` length, made from ``image_at(n)`` for frame ``n``.

    ``image_at`` returns an RGB image (H, W, 3). It is scaled to the height of the frame; the area
    beside it is filled by mirroring.
    """
    rng = np.random.default_rng(7)
    noise = [
        (rng.standard_normal((height * 3 // 2, width)) * _NOISE_SIGMA).astype(np.int16)
        for _ in range(_NOISE_IMAGES)
    ]
    for n in range(round(fps * seconds)):
        image = image_at(n)
        planes = cv2.cvtColor(
            cv2.warpAffine(
                image,
                _camera_motion(image.shape[1], image.shape[0], width, height, n / fps),
                (width, height),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REFLECT,
            ),
            cv2.COLOR_RGB2YUV_I420,
        ).astype(np.int16)
        planes += np.roll(noise[n % _NOISE_IMAGES], (n * 37) % width, axis=1)
        np.clip(planes, 0, 255, out=planes)
        picture = Picture.empty(width, height, n)
        picture.y[:] = planes[:height]
        picture.u[:], picture.v[:] = planes[height:].reshape(2, height // 2, width // 2)
        yield picture


def _camera_motion(
    image_width: int, image_height: int, width: int, height: int, t: float
) -> npt.NDArray[np.float64]:
    """Return the affine matrix (2, 3) from image to frame at ``t`` seconds.

    It combines a slow rotation, shift and zoom.
    """
    angle = np.deg2rad(2.0 * np.sin(t * 0.9))
    zoom = height / image_height * (1.02 + 0.01 * np.sin(t * 0.5))
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    x = image_width / 2 + image_height * 0.012 * np.sin(t * 0.7)
    y = image_height / 2 + image_height * 0.006 * np.sin(t * 1.3)
    return np.array([[c, -s, width / 2 - c * x + s * y], [s, c, height / 2 - s * x - c * y]])


def write_presenter(path: Path, pictures: Iterator[Picture], fps: int) -> Path:
    """Write ``pictures`` as H.264 like a phone does: CRF 20, a keyframe every two seconds."""
    first = next(pictures)
    size = first.width, first.height
    video_format = VideoFormat(*size, Fraction(fps), ColorSpec.for_size(*size))
    with X264Writer(path, video_format, crf=20, preset="fast", gop=2 * fps) as writer:
        writer.write(first)
        for picture in pictures:
            writer.write(picture)
    return path


def write_lecture(path: Path, samples: Sound) -> Path:
    """Write mono ``samples`` (-1..1, at :data:`RATE`) as AAC in MP4.

    Lectern copies such a stream without encoding it again.
    """
    block = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return path


def synthetic_speech(seconds: float) -> Sound:
    """Return synthetic speech, mono float32 at :data:`RATE`: four syllables per second, pauses."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 120 * k * t + k * k) / k for k in range(1, 24))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) * (np.sin(2 * np.pi * 0.2 * t) > -0.8)
    return np.asarray(0.12 * tone * syllables, np.float32)
