"""Open a presenter as it will be rendered: measured, and turned if the person lies or hangs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from appliance.config import VideoConfig
from appliance.face.detect import Detection, FaceDetector
from appliance.face.networks import face_networks
from appliance.media.convert import Orientation, turn_picture
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.render.notices import Notice

_SAMPLES = 3
# Scores of the detector for faces of 6 people: upright 0.89 to 0.97 with less than 20 degrees of
# roll, upside down 0.66 to 0.78, lying 0.72 to 0.88.
_UPRIGHT_SCORE, _MIN_GAIN = 0.88, 0.05
_MAX_ROLL_DEG = 35.0

# Degrees counterclockwise -> the steps that turn a picture by them.
_TURNS = {
    180: Orientation(mirror_x=True, mirror_y=True),
    90: Orientation(transpose=True, mirror_y=True),
    270: Orientation(transpose=True, mirror_x=True),
}


def open_presenter(path: Path, video: VideoConfig) -> PresenterInfo:
    """Measure the presenter ``path`` and turn it upright where its file does not say how.

    Raises ``BadInput`` like :func:`~appliance.media.probe.probe_presenter`.
    """
    return turn_upright(probe_presenter(path, max_fps=video.max_fps, short_side=video.size))


def turn_upright(info: PresenterInfo) -> PresenterInfo:
    """Return ``info``, with a quarter or half turn if faces are clearly better seen that way."""
    with FrameReader(info, 1) as reader:
        pictures = list(_samples(reader, info.frames))
    detector = face_networks()[0]
    score, roll_deg = _mean_score(detector, pictures, info)
    if score >= _UPRIGHT_SCORE and roll_deg <= _MAX_ROLL_DEG:
        return info
    best, best_score = 0, score + _MIN_GAIN
    for degrees, turn in _TURNS.items():
        turned = [turn_picture(picture, turn) for picture in pictures]
        score, roll_deg = _mean_score(detector, turned, _turned(info, degrees))
        if score > best_score and roll_deg <= _MAX_ROLL_DEG:
            best, best_score = degrees, score
    return _turned(info, best) if best else info


def _samples(reader: FrameReader, frames: int) -> Iterator[Picture]:
    for number in sorted({int(n) for n in np.linspace(0, frames - 1, _SAMPLES)}):
        yield from reader.read(number, number + 1)


def _turned(info: PresenterInfo, degrees: int) -> PresenterInfo:
    turn = _TURNS[degrees]
    width, height = turn.size(info.width, info.height)
    return replace(
        info,
        width=width,
        height=height,
        sar=1 / info.sar if turn.transpose else info.sar,
        orientation=info.orientation.then(turn),
        turned_deg=degrees,
    )


def _mean_score(
    detector: FaceDetector, pictures: list[Picture], info: PresenterInfo
) -> tuple[float, float]:
    """Return the mean score of the best face of each picture, and its median roll in degrees."""
    best = [faces[0] for p in pictures if (faces := detector.detect(p, float(info.sar)))]
    if not best:
        return 0.0, 0.0
    score = sum(face.score for face in best) / len(pictures)
    return score, float(np.median([abs(_roll_deg(face)) for face in best]))


def _roll_deg(face: Detection) -> float:
    right_eye, left_eye, _, mouth, *_ = face.keypoints
    down = mouth - (right_eye + left_eye) / 2
    return float(np.degrees(np.arctan2(down[0], down[1])))


def presenter_notices(info: PresenterInfo) -> list[Notice]:
    """Return what the user should know about how the presenter is shown."""
    notices = []
    if info.turned_deg:
        notices.append(Notice("presenter_turned", 0.0, {"degrees": str(info.turned_deg)}))
    if info.reduced_from is not None:
        size = {"width": str(info.width), "height": str(info.height)}
        notices.append(Notice("presenter_reduced", 0.0, size))
    if info.own_fps is not None:
        notices.append(Notice("presenter_slow", 0.0, {"fps": f"{float(info.own_fps):.3g}"}))
    return notices
