"""Examines a presenter and a lecture before a job is started, and estimates its disk usage."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from appliance.config import Config, FaceConfig, SpeechConfig
from appliance.errors import BadInput
from appliance.face.networks import face_networks
from appliance.face.person import find_people
from appliance.face.track import FaceLandmarks, FaceTracker, largest_face
from appliance.jobs.tasks import make_warning
from appliance.media.audio import audio_blocks
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo, probe_audio, probe_presenter
from appliance.media.thumbnail import save_picture
from appliance.render.narration import is_text
from appliance.render.presenter_analysis import sample_bursts
from appliance.speech.document import read_document
from appliance.tasks.estimates import expected_disk_mb, speaking_time_s

_FRAMES_PER_BURST = 6  # frames of each burst that are examined
_ANALYSED_S = 300  # seconds of the lecture that are analysed
_THUMBNAIL_SIDE = 480  # pixels of the longer side
_MIN_FACE_SIZE = 0.05  # distance of the outer eye corners, relative to the height of the frame
_QUIET_DB, _LOUD_DB = -40.0, -3.0  # RMS re full scale; speech is usually recorded at -30 to -15
_MIN_COVERAGE = 0.8  # a warning is issued if the face is in fewer of the frames


def estimate_disk_mb(presenter: Path, lecture: Path, config: Config) -> float:
    """Estimate the MiB of disk space that the job takes.

    Raises ``BadInput`` for files that cannot be used.
    """
    info = probe_presenter(presenter, max_fps=config.video.max_fps)
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

    ``coverage`` is the fraction of the sampled frames with the face, ``yaw_deg`` the median of the
    absolute yaw angle. Values that depend on the device are added by the caller. Raises
    ``BadInput`` for files that cannot be used at all.
    """
    info = probe_presenter(presenter, max_fps=config.video.max_fps)
    result: dict[str, Any] = {
        "width": info.width,
        "height": info.height,
        "fps": round(float(info.fps), 3),
        "presenter_s": None if info.kind == "photo" else round(float(info.frames / info.fps), 2),
        "thumbnail": str(thumbnail),
        "warnings": [],
    }
    result.update(_check_face(info, config.face, thumbnail, result["warnings"]))
    result.update(lecture_s=None, level_db=None, estimated_mb=None)
    if lecture is not None:
        seconds = lecture_duration_s(lecture, config.speech)
        result["lecture_s"] = round(seconds, 2)
        size = presenter.stat().st_size
        disk_mb = expected_disk_mb(info, size, seconds, config.video, config.audio)
        result["estimated_mb"] = math.ceil(disk_mb)
        if not is_text(lecture):
            result["level_db"] = _check_level(lecture, result["warnings"])
    return result


def _check_face(
    info: PresenterInfo, settings: FaceConfig, thumbnail: Path, warnings: list[dict[str, Any]]
) -> dict[str, Any]:
    networks = face_networks()
    landmarks: list[FaceLandmarks | None] = []
    detections = []
    best: tuple[float, Picture | None] = (-1.0, None)
    with FrameReader(info, 2) as reader:
        for burst in sample_bursts(info.frames, reader.keyframe_before):
            tracker = FaceTracker(*networks, largest_face, float(info.sar))
            pictures = reader.read_sparse(burst.start, min(_FRAMES_PER_BURST, len(burst)))
            for number, picture in enumerate(pictures):
                if number == 0:
                    faces = networks[0].detect(picture, float(info.sar))
                    detections.append((picture.index, faces))
                face = tracker.step(picture)
                landmarks.append(face)
                rank = 0.0 if face is None else face.confidence
                if rank > best[0]:
                    best = rank, picture
    assert best[1] is not None
    save_picture(best[1], info, thumbnail, _THUMBNAIL_SIDE)
    faces_seen = [face for face in landmarks if face is not None]
    coverage = len(faces_seen) / len(landmarks)
    if not faces_seen:
        return {"face_found": False, "coverage": 0.0, "yaw_deg": None, "faces": 0}
    yaw = float(np.median([abs(float(face.pose.yaw)) for face in faces_seen]))
    face_size = float(np.median([face.eye_distance for face in faces_seen])) / info.height
    count = len(find_people(detections, len(detections)))
    if coverage < _MIN_COVERAGE:
        warnings.append(make_warning("face_rarely_seen", percent=round(100 * coverage)))
    if yaw > settings.max_yaw_deg:
        warnings.append(make_warning("face_turned", degrees=round(yaw)))
    if face_size < _MIN_FACE_SIZE:
        warnings.append(make_warning("face_small", percent=round(100 * face_size, 1)))
    if count > 1:
        warnings.append(make_warning("multiple_faces", count=count))
    return {
        "face_found": True,
        "coverage": round(coverage, 3),
        "yaw_deg": round(yaw, 1),
        "faces": count,
    }


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
