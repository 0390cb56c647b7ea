"""Files written beside a finished video: thumbnail, subtitles, and the verdict as a text."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from appliance.errors import BadInput
from appliance.face.detect import FaceDetector
from appliance.face.networks import face_networks
from appliance.files.atomic import translate_write_errors, write_text
from appliance.files.names import VERDICT_TEXT_SUFFIX
from appliance.media.picture import Picture
from appliance.media.subtitles import read_subtitles, write_srt
from appliance.media.thumbnail import save_video_thumbnail
from appliance.render.verdict_text import verdict_text
from appliance.render.warning_files import write_warning_files

log = logging.getLogger("lectern.render")


def write_sidecars(
    video: Path,
    warnings: Sequence[Mapping[str, Any]] = (),
    score: Mapping[str, Any] | None = None,
) -> None:
    """Write ``<stem>.jpg`` beside ``video``, and ``<stem>.srt`` if the video has subtitles.

    ``warnings`` of the report become the files of :mod:`appliance.render.warning_files`. ``score``
    is that of the report; the text of its verdict becomes ``<stem>.quality.txt``. A
    thumbnail that cannot be made is only logged. Raises ``Fault("disk_full")`` while the disk is
    full.
    """
    detector = face_networks()[0]
    with translate_write_errors(video):
        try:
            save_video_thumbnail(
                video, video.with_suffix(".jpg"), lambda image: _shows_face(detector, image)
            )
        except (BadInput, ValueError) as error:
            log.warning("no thumbnail: %s", error)
        cues = read_subtitles(video)
        if cues:
            write_srt(video.with_suffix(".srt"), cues)
        write_warning_files(video, warnings)
        if score is not None:
            write_text(video.with_suffix(VERDICT_TEXT_SUFFIX), verdict_text(score))


def _shows_face(detector: FaceDetector, image: npt.NDArray[np.uint8]) -> bool:
    """Return whether a face is detected in ``image`` (H, W, 3), uint8 RGB."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    planes = cv2.cvtColor(image[:height, :width], cv2.COLOR_RGB2YUV_I420)
    picture = Picture.blank(width, height, 0)
    picture.y[:] = planes[:height]
    picture.u[:], picture.v[:] = planes[height:].reshape(2, height // 2, width // 2)
    return bool(detector.detect(picture, 1.0))
