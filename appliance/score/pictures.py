"""Pictures of the reasons of a verdict: a frame with the mouth marked, and the mouth enlarged."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from appliance.files.atomic import write_bytes
from appliance.files.names import MAX_VERDICT_PICTURES, verdict_picture_suffix
from appliance.media.convert import to_rgb
from appliance.media.decode import FrameReader
from appliance.media.probe import PresenterInfo
from appliance.score.report import Score
from appliance.score.verdict import VerdictReason

Image = npt.NDArray[np.uint8]

_HEIGHT = 360  # of a picture, in pixels
_MARGIN = 0.6  # around the lips, in widths of the mouth
_COLOUR = (255, 214, 10)
_QUALITY = 85


def picture_path(video: Path, number: int) -> Path:
    """Return the path of the picture ``number``, from 1, beside ``video``."""
    return video.with_suffix(verdict_picture_suffix(number))


def save_pictures(
    score: Score, info: PresenterInfo, mouths: npt.NDArray[np.float32], video: Path
) -> Score:
    """Save a picture of each reason that has a time, and return the score with their numbers.

    ``mouths`` (frames, 4) are the boxes around the lips. The pictures are saved beside ``video``;
    older ones are removed.
    """
    for number in range(1, MAX_VERDICT_PICTURES + 1):
        picture_path(video, number).unlink(missing_ok=True)
    wanted = [reason for reason in score.verdict.reasons if reason.span is not None]
    numbers: dict[str, int] = {}
    with FrameReader(info) as reader:
        # in the order of the frames, so that the file is read once
        for reason in sorted(wanted[:MAX_VERDICT_PICTURES], key=_frame_of):
            picture = next(reader.read(_frame_of(reason), _frame_of(reason) + 1))
            frame = picture.to_av(0, Fraction(1))
            image = to_rgb(frame, info.color, (info.width, info.height))
            image = draw_picture(image, mouths[_frame_of(reason)])
            numbers[reason.code] = len(numbers) + 1
            save_jpeg(image, picture_path(video, numbers[reason.code]))
    reasons = tuple(
        replace(reason, picture=numbers.get(reason.code)) for reason in score.verdict.reasons
    )
    return replace(score, verdict=replace(score.verdict, reasons=reasons))


def draw_picture(image: Image, mouth: npt.NDArray[np.float32]) -> Image:
    """Return a frame (H, W, 3) with the mouth marked, and beside it the mouth enlarged.

    ``mouth`` is the box around the lips: left, top, right, bottom. Without a face it is NaN,
    and the frame is returned alone.
    """
    height, width = image.shape[:2]
    frame = _resize(image, _HEIGHT)
    if not np.isfinite(mouth).all():
        return frame
    centre, half = (mouth[:2] + mouth[2:]) / 2, (0.5 + _MARGIN) * float(mouth[2] - mouth[0])
    half = float(np.clip(half, 8, min(width, height) / 2))
    low = np.clip(np.round(centre - half), 0, [width - 2 * half, height - 2 * half]).astype(int)
    high = np.minimum(low + int(2 * half), [width, height])
    detail = _resize(image[low[1] : high[1], low[0] : high[0]], _HEIGHT)
    scale = _HEIGHT / height
    corners = [tuple(int(value) for value in np.round(corner * scale)) for corner in (low, high)]
    cv2.rectangle(frame, corners[0], corners[1], _COLOUR, 3)
    cv2.rectangle(detail, (1, 1), (detail.shape[1] - 2, detail.shape[0] - 2), _COLOUR, 3)
    return np.concatenate([frame, detail], axis=1)


def _frame_of(reason: VerdictReason) -> int:
    assert reason.span is not None
    return reason.span.frame


def _resize(image: Image, height: int) -> Image:
    width = max(round(image.shape[1] * height / image.shape[0]), 1)
    way = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(image, (width, height), interpolation=way), np.uint8)


def save_jpeg(image: Image, path: Path) -> None:
    """Write ``image`` (H, W, 3) RGB to ``path``, atomically."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    write_bytes(path, data.tobytes())
