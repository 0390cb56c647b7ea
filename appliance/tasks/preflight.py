"""Examines a presenter and a lecture before a job is started, and estimates its disk usage."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from appliance.config import Config, FaceConfig, SpeechConfig
from appliance.errors import BadInput
from appliance.face.track import FaceLandmarks
from appliance.jobs.tasks import make_warning
from appliance.media.audio import audio_blocks
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo, probe_audio, probe_presenter
from appliance.media.thumbnail import save_picture
from appliance.render.coverage import measure_coverage
from appliance.render.narration import is_text
from appliance.render.presenter_analysis import analyse_presenter
from appliance.render.presenter_file import open_presenter, presenter_notices
from appliance.speech.document import read_document
from appliance.speech.tts import check_voice
from appliance.tasks.estimates import expected_disk_mb, speaking_time_s

_ANALYSED_S = 300  # seconds of the lecture that are analysed
_THUMBNAIL_SIDE = 480  # pixels of the longer side
_NEEDED_EYE_PX = 36
"""Distance of the outer eye corners in pixels below which the mouth is too coarse to look right."""

_FRAME_MARGIN = 0.15  # of the frame around the face, as a share of its size
_QUIET_DB, _LOUD_DB = -40.0, -3.0  # RMS re full scale; speech is usually recorded at -30 to -15
_MIN_COVERAGE = 0.8  # a warning is issued if the face is in fewer of the frames


def estimate_disk_mb(presenter: Path, lecture: Path, config: Config) -> float:
    """Estimate the MiB of disk space that the job takes.

    Raises ``BadInput`` for files that cannot be used.
    """
    info = probe_presenter(presenter, max_fps=config.video.max_fps, short_side=config.video.size)
    duration_s = lecture_duration_s(lecture, config.speech)
    return expected_disk_mb(info, presenter.stat().st_size, duration_s, config.video, config.audio)


def lecture_duration_s(lecture: Path, speech: SpeechConfig) -> float:
    """Return the duration of the lecture in seconds; that of a text is a rough estimate."""
    if not is_text(lecture):
        return probe_audio(lecture).duration_s
    return speaking_time_s(read_document(lecture).text) / speech.speed


def preflight(
    presenter: Path, lecture: Path | None, config: Config, thumbnail: Path
) -> dict[str, Any]:
    """Check the files, write ``thumbnail`` (JPEG) and return the result that the panel shows.

    ``coverage`` is the share of frames whose lips will be moved, with half the width of its 95 %
    interval in ``coverage_error``; ``yaw_deg`` is the median of the absolute yaw angle, ``face_px``
    that of the distance of the outer eye corners, of which ``face_needed_px`` are needed. The
    thumbnail shows the person who will speak in a frame. Values that depend on the device are added
    by the caller. Raises ``BadInput`` for files that cannot be used at all.
    """
    info = open_presenter(presenter, config.video)
    result: dict[str, Any] = {
        "width": info.width,
        "height": info.height,
        "fps": round(float(info.fps), 3),
        "presenter_s": None if info.kind == "photo" else round(float(info.frames / info.fps), 2),
        "thumbnail": str(thumbnail),
        "warnings": [],
    }
    seconds = None if lecture is None else lecture_duration_s(lecture, config.speech)
    used = info.frames if seconds is None else math.ceil(seconds * info.fps)
    result.update(_check_face(info, used, config.face, thumbnail, result["warnings"]))
    for notice in presenter_notices(info):
        result["warnings"].append(make_warning(notice.code, **notice.details))
    result.update(lecture_s=None, level_db=None, estimated_mb=None)
    if lecture is not None and seconds is not None:
        result["lecture_s"] = round(seconds, 2)
        size = presenter.stat().st_size
        disk_mb = expected_disk_mb(info, size, seconds, config.video, config.audio)
        result["estimated_mb"] = math.ceil(disk_mb)
        if is_text(lecture):
            check_voice(read_document(lecture).text, config.speech.voice)
        else:
            result["level_db"] = _check_level(lecture, result["warnings"])
    return result


def _check_face(
    info: PresenterInfo,
    used_frames: int,
    settings: FaceConfig,
    thumbnail: Path,
    warnings: list[dict[str, Any]],
) -> dict[str, Any]:
    """Find the person as rendering does, and measure in how many frames the lips will move.

    Only the ``used_frames`` that the lecture needs count. Raises the ``BadInput`` of a presenter
    that cannot be used, such as ``no_face``.
    """
    person, _ = analyse_presenter(info, settings.index, 2)
    found = measure_coverage(info, person, settings, used_frames)
    picture, face = found.best[1:]
    assert picture is not None
    save_picture(
        picture if face is None else _framed(picture, face), info, thumbnail, _THUMBNAIL_SIDE
    )
    if not found.eye_distances:
        raise BadInput("no_face", name=info.path.name)
    yaw = float(np.median(found.yaws_deg))
    eye_distance = float(np.median(found.eye_distances))
    count = 1 + len(person.others) + person.successors
    if found.share < _MIN_COVERAGE:
        warnings.append(make_warning("face_rarely_seen", percent=round(100 * found.share)))
    if yaw > settings.max_yaw_deg:
        warnings.append(make_warning("face_turned", degrees=round(yaw)))
    if eye_distance < _NEEDED_EYE_PX:
        pixels = {"pixels": round(eye_distance), "needed": _NEEDED_EYE_PX}
        warnings.append(make_warning("face_small", **pixels))
    if count > 1:
        warnings.append(make_warning("multiple_faces", count=count))
    return {
        "face_found": True,
        "coverage": round(found.share, 3),
        "coverage_error": round(found.error, 3),
        "yaw_deg": round(yaw, 1),
        "faces": count,
        "face_px": round(eye_distance),
        "face_needed_px": _NEEDED_EYE_PX,
    }


def _framed(picture: Picture, face: FaceLandmarks) -> Picture:
    """Return a copy of ``picture`` with a white frame around the face that will speak."""
    copy = Picture.empty(picture.width, picture.height, picture.index)
    for source, target in zip(picture.planes(), copy.planes(), strict=True):
        target[:] = source
    low, high = face.points[:, :2].min(axis=0), face.points[:, :2].max(axis=0)
    margin = _FRAME_MARGIN * (high - low)
    left, top = (int(value) for value in np.maximum(low - margin, 0))
    right, bottom = (int(value) for value in high + margin)
    thickness = max(picture.height // 180, 2) * 2
    for plane, scale, value in zip(copy.planes(), (1, 2, 2), (235, 128, 128), strict=True):
        corners = (left // scale, top // scale), (right // scale, bottom // scale)
        cv2.rectangle(plane, *corners, value, thickness // scale)
    return copy


def _check_level(lecture: Path, warnings: list[dict[str, Any]]) -> float:
    """Return the 90th percentile of the RMS level of half seconds, in dB re full scale.

    Only the first ``_ANALYSED_S`` seconds are analysed.
    """
    levels = []
    for block in islice(audio_blocks(lecture, block_s=0.5), 2 * _ANALYSED_S):
        levels.append(float(np.sqrt(np.mean(block.astype(np.float64) ** 2))))
    if not levels:
        raise BadInput("audio_missing", name=lecture.name)
    level = 20 * math.log10(max(float(np.percentile(levels, 90)), 1e-5))
    if level < _QUIET_DB:
        warnings.append(make_warning("audio_too_quiet", level=round(level)))
    if level > _LOUD_DB:
        warnings.append(make_warning("audio_too_loud", level=round(level)))
    return round(level, 1)
