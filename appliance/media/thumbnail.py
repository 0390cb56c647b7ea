"""Thumbnails of a finished video, from a moment of speech, and of a presenter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import av.container
import numpy as np
import numpy.typing as npt

from appliance.files.atomic import commit, temp_path
from appliance.media.container import open_media
from appliance.media.convert import to_rgb
from appliance.media.decode import FrameReader
from appliance.media.picture import ColorSpec, Picture
from appliance.media.probe import PresenterInfo, probe_presenter

MAX_SIDE = 640
"""Maximum side of the thumbnail, in pixels."""

LIST_SIDE = 240
"""Maximum side of a thumbnail in a list, in pixels: 96 CSS pixels on displays with two or more
pixels per CSS pixel."""

_POSITIONS = (Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(1, 6), Fraction(5, 6))
_WINDOW_S = 3.0  # length of audio analysed at each position of a video
_STEP_S = 0.08  # about a syllable's vowel
_QUALITY, _SMALL_QUALITY = 88, 80

Image = npt.NDArray[np.uint8]


class _Moment(NamedTuple):
    """A loud moment: level in dB, and seconds from the start of the video."""

    level: float
    at_s: float


def save_video_thumbnail(
    video: Path, target: Path, is_suitable: Callable[[Image], bool] = lambda image: True
) -> None:
    """Write a JPEG of ``video`` to ``target``, atomically.

    The loudest moments near a few positions of the video are tried, the loudest first, because the
    mouth is likely to be open then. The first image, (H, W, 3) RGB, that ``is_suitable`` accepts is
    used, else that of the loudest moment. A video without audio is tried at the same positions,
    from the last to the first. Raises ``BadInput`` for a video that cannot be opened,
    ``ValueError`` for one without frames, and ``OSError``.
    """
    from PIL import Image as Pillow

    with open_media(video) as container:
        moments = sorted(_loudest_moments(container), reverse=True)
    chosen: Image | None = None
    for moment in moments:
        image = _frame_at(video, moment.at_s)
        if image is not None and is_suitable(image):
            chosen = image
            break
        chosen = image if chosen is None else chosen
    if chosen is None:
        raise ValueError(f"no picture in {video.name}")
    small = Pillow.fromarray(chosen)
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    small.save(temp_path(target), "JPEG", quality=_QUALITY)
    commit(target)


def save_list_thumbnail(picture: Path, target: Path) -> None:
    """Write a smaller version of the JPEG ``picture``, at most ``LIST_SIDE`` pixels, for lists.

    Raises ``OSError``, also if ``picture`` is not a JPEG.
    """
    from PIL import Image as Pillow

    with Pillow.open(picture, formats=["JPEG"]) as image:
        image.thumbnail((LIST_SIDE, LIST_SIDE))
        image.save(temp_path(target), "JPEG", quality=_SMALL_QUALITY)
    commit(target)


def save_presenter_thumbnail(presenter: Path, target: Path) -> None:
    """Write a JPEG of a presenter's photo, or of the middle of its video, to ``target``.

    ``target`` is written atomically. The image is upright and has square pixels. Raises
    ``BadInput`` for a presenter that cannot be used, and ``OSError``.
    """
    info = probe_presenter(presenter)
    with FrameReader(info, 1) as reader:
        index = reader.keyframe_before(info.frames // 2)
        save_picture(next(iter(reader.read(index, index + 1))), info, target)


def save_picture(picture: Picture, info: PresenterInfo, target: Path, side: int = MAX_SIDE) -> None:
    """Write ``picture`` of the presenter ``info`` as a JPEG of at most ``side`` pixels.

    The image has square pixels and the presenter's colours. Raises ``OSError``.
    """
    from PIL import Image as Pillow

    frame = picture.to_av(0, 1 / info.fps)
    image = Pillow.fromarray(to_rgb(frame, info.color, (picture.width, picture.height)))
    wide = round(image.width * float(info.sar))
    scale = min(side / max(wide, image.height), 1.0)
    size = max(round(wide * scale), 1), max(round(image.height * scale), 1)
    target.parent.mkdir(parents=True, exist_ok=True)
    image.resize(size).save(temp_path(target), "JPEG", quality=_QUALITY)
    commit(target)


def _loudest_moments(container: av.container.InputContainer) -> Iterator[_Moment]:
    """Yield the loudest moment near each position; the level is minus infinity in silence."""
    length = (container.duration or 0) / av.time_base
    for position in _POSITIONS:
        start = max(float(position) * length - _WINDOW_S / 2, 0.0)
        levels = np.zeros(round(_WINDOW_S / _STEP_S))
        if container.streams.audio:
            _measure_power(container, start, levels)
        loudest = int(np.argmax(levels))
        with np.errstate(divide="ignore"):
            level = float(10 * np.log10(levels[loudest]))
        at = start + (loudest + 0.5) * _STEP_S if levels.any() else float(position) * length
        yield _Moment(level, min(at, max(length - _STEP_S, 0.0)))


def _measure_power(
    container: av.container.InputContainer, start: float, levels: npt.NDArray[np.float64]
) -> None:
    """Store the highest power of each step from ``start`` seconds on in ``levels``."""
    stream = container.streams.audio[0]
    try:
        container.seek(round(start * av.time_base))
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            step = int((float(frame.pts * frame.time_base) - start) / _STEP_S)
            if step >= len(levels):
                return
            if step >= 0:
                samples = frame.to_ndarray().astype(np.float64)
                levels[step] = max(levels[step], float((samples**2).mean()))
    except av.FFmpegError:  # a damaged part of the lecture's audio, which was copied
        return


def _frame_at(video: Path, at_s: float) -> Image | None:
    """Return the frame shown at ``at_s``, with square pixels; ``None`` if there is none."""
    latest: av.VideoFrame | None = None
    with open_media(video) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        container.seek(round(at_s * av.time_base))
        for frame in container.decode(stream):
            if latest is not None and frame.time is not None and frame.time > at_s:
                break
            latest = frame
    if latest is None:
        return None
    aspect = float(stream.sample_aspect_ratio or 1)
    size = round(latest.width * aspect), latest.height
    return to_rgb(latest, ColorSpec.of_frame(latest), size)
