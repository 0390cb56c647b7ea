"""Examines a presenter and a lecture before a job is started, and estimates its disk usage."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from appliance.config import Config
from appliance.errands.spoken import spoken_s
from appliance.errands.warning import warning
from appliance.errors import BadInput
from appliance.face.choose import people
from appliance.face.track import FaceTracker, Sighting, largest_face
from appliance.governor.footprint import expected_mb
from appliance.media.audio import audio_blocks
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo, probe_audio, probe_presenter
from appliance.media.thumbnail import save_picture
from appliance.render.presenter import bursts, face_networks
from appliance.render.voice import is_text
from appliance.speech.document import read_document

_LOOKS = 6  # frames of each burst that are examined
_HEARD_S = 300  # seconds of the lecture that are analysed
_THUMBNAIL = 480  # pixels of the longer side
_SMALL_FACE = 0.05  # distance of the outer eye corners, relative to the height of the frame
_QUIET_DB, _LOUD_DB = -40.0, -3.0  # RMS re full scale; speech is usually recorded at -30 to -15
_SEEN_SELDOM = 0.8  # share of the frames with the face below which a warning is issued


def measure_size(presenter: Path, lecture: Path, config: Config) -> float:
    """Estimate the MiB of disk space that the job takes.

    Raises ``BadInput`` for files that cannot be used.
    """
    info = probe_presenter(presenter, max_fps=config.video.max_fps)
    return expected_mb(info, presenter.stat().st_size, duration_of(lecture, config), config)


def duration_of(lecture: Path, config: Config) -> float:
    """Return the duration of the lecture in seconds; that of a text is a rough estimate."""
    if not is_text(lecture):
        return probe_audio(lecture).duration_s
    return spoken_s(read_document(lecture)) / config.speech.speed


def look_at(
    presenter: Path, lecture: Path | None, config: Config, thumbnail: Path
) -> dict[str, Any]:
    """Check the files and return the result that the panel shows; writes ``thumbnail`` (JPEG).

    ``coverage`` is the share of the sampled frames with the face, ``yaw_deg`` the median of the
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
    result.update(_face(info, config, thumbnail, result["warnings"]))
    result.update(lecture_s=None, level_db=None, estimated_mb=None)
    if lecture is not None:
        seconds = duration_of(lecture, config)
        result["lecture_s"] = round(seconds, 2)
        bytes_ = presenter.stat().st_size
        result["estimated_mb"] = math.ceil(expected_mb(info, bytes_, seconds, config))
        if not is_text(lecture):
            result["level_db"] = _level(lecture, result["warnings"])
    return result


def _face(
    info: PresenterInfo, config: Config, thumbnail: Path, warnings: list[dict[str, Any]]
) -> dict[str, Any]:
    networks = face_networks()
    seen: list[Sighting | None] = []
    found = []
    best: tuple[float, Picture | None] = (-1.0, None)
    with FrameReader(info, 2) as reader:
        for burst in bursts(info.frames, reader.key_before):
            tracker = FaceTracker(*networks, largest_face, float(info.sar))
            pictures = reader.glimpse(burst.start, min(_LOOKS, len(burst)))
            for number, picture in enumerate(pictures):
                if number == 0:
                    faces = networks[0].detect(picture, float(info.sar))
                    found.append((picture.index, faces))
                sighting = tracker.step(picture)
                seen.append(sighting)
                rank = 0.0 if sighting is None else sighting.confidence
                if rank > best[0]:
                    best = rank, picture
    assert best[1] is not None
    save_picture(best[1], info, thumbnail, _THUMBNAIL)
    faces_seen = [sighting for sighting in seen if sighting is not None]
    coverage = len(faces_seen) / len(seen)
    if not faces_seen:
        return {"face_found": False, "coverage": 0.0, "yaw_deg": None, "faces": 0}
    yaw = float(np.median([abs(float(s.pose.yaw)) for s in faces_seen]))
    share = float(np.median([s.eye_distance for s in faces_seen])) / info.height
    count = len(people(found, len(found)))
    if coverage < _SEEN_SELDOM:
        warnings.append(warning("face_seldom", percent=round(100 * coverage)))
    if yaw > config.face.max_yaw_deg:
        warnings.append(warning("face_turned", degrees=round(yaw)))
    if share < _SMALL_FACE:
        warnings.append(warning("face_small", percent=round(100 * share, 1)))
    if count > 1:
        warnings.append(warning("faces_several", count=count))
    return {
        "face_found": True,
        "coverage": round(coverage, 3),
        "yaw_deg": round(yaw, 1),
        "faces": count,
    }


def _level(lecture: Path, warnings: list[dict[str, Any]]) -> float:
    """Return the 90th percentile of the RMS level of half seconds, in dB re full scale.

    Only the first ``_HEARD_S`` seconds are analysed.
    """
    levels = []
    for block in islice(audio_blocks(lecture, block_s=0.5), 2 * _HEARD_S):
        levels.append(float(np.sqrt(np.mean(block.astype(np.float64) ** 2))))
    if not levels:
        raise BadInput("audio_missing", name=lecture.name)
    level = 20 * math.log10(max(float(np.percentile(levels, 90)), 1e-5))
    if level < _QUIET_DB:
        warnings.append(warning("sound_quiet", level=round(level)))
    if level > _LOUD_DB:
        warnings.append(warning("sound_loud", level=round(level)))
    return round(level, 1)
