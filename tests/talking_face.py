"""A face whose mouth opens as it is told, for tests that need a presenter and an answer.

The portrait of scikit-image's wheel (NASA, public domain), cropped to the head. Between the lips
it shows teeth; a backward warp stretches or closes that gap, darkens what it adds and carries the
lower lip and the chin along. The mesh reads the openings back (see tests/face).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import skimage.data

from appliance.media.picture import Picture

Image = npt.NDArray[np.uint8]
Sound = npt.NDArray[np.float32]

SIZE = 256  # of the portrait, a square
EYE_DISTANCE = 83.4  # between the outer eye corners of the portrait, in pixels
MOUTH = (121.3, 136.5)  # the middle of the upper lip's lower edge
FPS = 25

_HALF_WIDTH = 27.0  # from the mouth's middle to its corner
_GAP = 10.6  # between the lips in the photograph
_TURN = 0.055  # the portrait's roll in radians
_CHIN, _NECK = 30.0, 80.0  # below the mouth: moved as a whole down to here, not at all from there


@functools.cache
def portrait() -> Image:
    """(256, 256, 3) RGB; a smile that shows teeth, eyes 83 pixels apart."""
    head = skimage.data.astronaut()[40:232, 132:324]
    return np.asarray(cv2.resize(head, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), np.uint8)


def face_with_opening(opening: float, image: Image | None = None) -> Image:
    """The portrait with its inner lips ``opening`` (0…0.3) eye distances apart."""
    source = portrait() if image is None else image
    result = source.copy()
    # Nothing moves above the mouth's corners.
    top = int(MOUTH[1]) - 16
    y, x = np.mgrid[top:SIZE, :SIZE].astype(np.float32)
    turn_x, turn_y = np.float32(np.cos(_TURN)), np.float32(np.sin(_TURN))
    across = turn_x * (x - MOUTH[0]) + turn_y * (y - MOUTH[1])
    arch = np.clip(1 - (across / _HALF_WIDTH) ** 2, 0, 1)
    # Below the upper lip's edge; it is a smile, whose corners lie higher than the middle.
    below = turn_x * (y - MOUTH[1]) - turn_y * (x - MOUTH[0]) - 4 * (arch - 1)
    gap = _GAP * arch
    wanted = np.maximum(opening * EYE_DISTANCE * arch, 1e-3)
    fade = np.clip((_NECK - below) / (_NECK - _CHIN), 0, 1)
    inside = below - below / wanted * gap
    moved = np.where(below < wanted, inside, (wanted - gap) * fade) * (below > 0)
    warped = cv2.remap(
        source,
        (x + turn_y * moved).astype(np.float32),
        (y - turn_x * moved).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    # What is added between the teeth and the lower lip is the dark of the mouth.
    added = np.clip((wanted - gap) / 4, 0, 1) * (below > 0) * np.clip((wanted - below) / 1.5, 0, 1)
    shade = 1 - 0.85 * added * np.clip((below - 0.6 * gap) / 2, 0, 1)
    result[top:] = np.round(warped * shade[:, :, None])
    return result


def as_picture(image: Image, index: int = 0) -> Picture:
    """``image`` (H, W, 3) RGB, even sides, as 4:2:0 of limited range (BT.601)."""
    height, width = image.shape[:2]
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)
    picture = Picture.blank(width, height, index)
    picture.y[:] = planes[:height]
    u_and_v = planes[height:].reshape(2, height // 2, width // 2)
    picture.u[:], picture.v[:] = u_and_v
    return picture


def babble(frames: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Openings of ``frames`` frames: syllables of changing size, about four a second."""
    rng = np.random.default_rng(seed)
    openings = np.zeros(frames)
    start = 0
    while start < frames:
        length = int(rng.integers(4, 9))
        syllable = rng.uniform(0.08, 0.28) * np.sin(np.pi * np.arange(length) / length) ** 2
        part = openings[start : start + length]
        part[:] = syllable[: len(part)]
        start += length
    return openings


def voice(openings: npt.NDArray[np.float64], fps: float = FPS, rate: int = 16_000) -> Sound:
    """Mono sound in -1..1 as long as the frames, loud where the mouth is open, silent at 0."""
    t = np.arange(round(len(openings) / fps * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * t + k * k) / k for k in range(1, 24))
    level = np.interp(t * fps, np.arange(len(openings)) + 0.5, openings) / 0.3
    return np.asarray(0.12 * buzz * np.clip(level, 0, 1), np.float32)


def write_video(
    path: Path,
    images: Iterable[Image],
    fps: int = FPS,
    sound: Sound | None = None,
    rate: int = 16_000,
    crf: int = 10,
) -> Path:
    """An H.264 MP4 of RGB ``images``, with AAC of ``sound`` (mono, ``rate`` Hz); gives ``path``."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        video.options["preset"] = "ultrafast"
        audio = None
        if sound is not None:
            audio = container.add_stream("aac", rate=rate, layout="mono")
        for index, image in enumerate(images):
            if index == 0:
                video.height, video.width = image.shape[:2]
                video.pix_fmt = "yuv420p"
            frame = as_picture(image, index).to_av(index, Fraction(1, fps))
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            block = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = rate, 0, Fraction(1, rate)
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return path


def talking(openings: npt.NDArray[np.float64], image: Image | None = None) -> Iterator[Image]:
    """The portrait frame by frame, its mouth open as ``openings`` says."""
    return (face_with_opening(float(opening), image) for opening in openings)
