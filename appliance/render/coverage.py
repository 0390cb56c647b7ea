"""Which frames of a presenter will be changed: the rule of rendering, and a measurement of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from appliance.config import FaceConfig
from appliance.face.person import Person
from appliance.face.track import SEGMENT_FRAMES, FaceLandmarks
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo
from appliance.render.presenter_analysis import make_tracker

Outcome = Literal["spoken", "no_face", "turned_away"]

YAW_FADE_DEG = 6.0
"""Degrees of yaw below the limit over which the effect fades out."""

_MAX_SEGMENTS = 30  # 1500 frames: a minute; of a longer presenter, this many are tracked
_Z95 = 1.96  # standard deviations of a 95 % interval


def yaw_strength(face: FaceLandmarks, limits: FaceConfig) -> float:
    """Return how strongly the lips of a turned face are moved, 0..1."""
    yaw = abs(float(face.pose.yaw))
    return float(np.clip((limits.max_yaw_deg - yaw) / YAW_FADE_DEG, 0, 1))


def outcome_of(face: FaceLandmarks | None, limits: FaceConfig) -> Outcome:
    """Return what rendering does with a frame: move the lips, or why it is left unchanged."""
    if face is None or face.confidence < limits.min_confidence:
        return "no_face"
    return "spoken" if yaw_strength(face, limits) > 0 else "turned_away"


@dataclass
class Coverage:
    """The outcomes of the tracked frames.

    ``share`` is the share of frames with moved lips, ``error`` half the width of its 95 % interval;
    it is 0 if every frame was tracked. Eye distances and yaw are of the frames with a face.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    segment_shares: list[float] = field(default_factory=list)
    is_complete: bool = True
    eye_distances: list[float] = field(default_factory=list)
    yaws_deg: list[float] = field(default_factory=list)
    best: tuple[float, Picture | None, FaceLandmarks | None] = (-1.0, None, None)

    @property
    def share(self) -> float:
        """Share of the frames with moved lips, 0..1."""
        return self.outcomes["spoken"] / max(self.outcomes.total(), 1)

    @property
    def error(self) -> float:
        """Half the width of the 95 % interval of ``share``, from the spread of the segments."""
        if self.is_complete or len(self.segment_shares) < 2:
            return 0.0
        deviation = float(np.std(self.segment_shares, ddof=1))
        return _Z95 * deviation / math.sqrt(len(self.segment_shares))


def measure_coverage(
    info: PresenterInfo, person: Person, limits: FaceConfig, frames: int
) -> Coverage:
    """Track ``person`` in the first ``frames`` frames, as rendering does.

    Of a longer presenter than a minute, segments spread evenly are tracked.
    """
    frames = min(frames, info.frames)
    count = -(-frames // SEGMENT_FRAMES)
    wanted = np.linspace(0, count - 1, min(count, _MAX_SEGMENTS))
    chosen = sorted({int(number) for number in wanted})
    found = Coverage(is_complete=len(chosen) == count)
    with FrameReader(info, 2) as reader:
        for segment in chosen:
            start = segment * SEGMENT_FRAMES
            tracker = make_tracker(info, person)
            spoken = total = 0
            for picture in reader.read(start, min(start + SEGMENT_FRAMES, frames)):
                face = tracker.step(picture)
                outcome = outcome_of(face, limits)
                found.outcomes[outcome] += 1
                total, spoken = total + 1, spoken + (outcome == "spoken")
                if face is not None:
                    found.eye_distances.append(face.eye_distance)
                    found.yaws_deg.append(abs(float(face.pose.yaw)))
                rank = 0.0 if face is None else face.confidence * (outcome == "spoken")
                if rank > found.best[0]:
                    found.best = rank, picture, face
            found.segment_shares.append(spoken / max(total, 1))
    return found
