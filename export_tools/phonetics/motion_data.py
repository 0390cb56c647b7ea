"""Prepare the mouth movement and sound of video clips for training.

The shapes of a clip are relative to its closed mouth and divided by the range of the speaker,
exactly as in :mod:`appliance.lips.profile`; the result is the movement of a mouth with an average
range.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.face.pose import fit_pose
from appliance.lips.geometry import SPEECH_WEIGHTS, close_mouth, mouth_opening, to_face_frame
from appliance.lips.profile import TYPICAL_OPENING
from appliance.media.audio import audio_blocks

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

RATE_HZ = 50.0
# Sample i is at i / RATE_HZ + OFFSET_S; the offset is between the best lags of all splits.
OFFSET_S = -0.01
REST_SHARE = 0.2  # share of the most closed frames that define the resting mouth
SPLITS = Path(__file__).parents[1] / "splits.json"


@dataclass(frozen=True)
class Clip:
    """A clip of one talking face.

    ``shapes`` (T, 57, 3) are in the face frame at ``fps``, ``rest`` is (57, 3). ``amplitude`` is
    the range of the speaker relative to the average, ``samples`` is mono at 16 kHz.
    """

    name: str
    speaker: str
    fps: float
    shapes: Array64
    valid: npt.NDArray[np.bool_]
    rest: Array64
    amplitude: float
    samples: Array32

    def opening(self) -> Array64:
        """Return the distance of the inner lips per video frame, in eye distances."""
        return mouth_opening(self.shapes)


def speaker_of(stem: str, splits: dict[str, list[str]]) -> str:
    """Return the speaker of a GRID clip: ``s1``, else the name of the clip itself."""
    return "s1" if stem.startswith("s1_") else stem


def load_clip(landmarks: Path, video: Path, speaker: str) -> Clip:
    """Load one clip; invalid frames are interpolated linearly and remain marked as invalid."""
    with np.load(landmarks) as data:
        points, valid, fps = data["points"], data["valid"].astype(bool), float(data["fps"])
    shapes = np.full((len(points), 57, 3), np.nan)
    if valid.any():
        good = points[valid]
        shapes[valid] = to_face_frame(good, fit_pose(good))
    frames = np.arange(len(points))
    flat = shapes.reshape(len(points), -1)
    for column in range(flat.shape[1]):
        flat[:, column] = np.interp(frames, frames[valid], flat[valid, column])
    shapes = flat.reshape(shapes.shape)
    gaps = mouth_opening(shapes)
    order = np.argsort(np.where(valid, gaps, np.inf))
    resting = order[: max(int(valid.sum() * REST_SHARE), 1)]
    spread = float(np.quantile(gaps[valid], 0.95) - gaps[order[0]])
    return Clip(
        name=video.stem,
        speaker=speaker,
        fps=fps,
        shapes=shapes,
        valid=valid,
        rest=close_mouth(shapes[resting].mean(axis=0)),
        amplitude=float(np.clip(spread / TYPICAL_OPENING, 0.4, 2.5)),
        samples=np.concatenate(list(audio_blocks(video))),
    )


def load_split(data: Path, landmarks: Path) -> dict[str, list[Clip]]:
    """Load all clips by split.

    The splits are ``train``, ``known`` (s1, other sentences), ``new`` (held-out speakers) and
    ``wild``.
    """
    splits = json.loads(SPLITS.read_text(encoding="utf-8"))
    prefixes = tuple(splits["validation_s1_prefixes"])
    parts: dict[str, list[Clip]] = {"train": [], "known": [], "new": [], "wild": []}
    for folder in ("grid", "wild"):
        for video in sorted((data / folder).glob("*.mp4")):
            if folder == "wild":
                part = "wild"
            elif video.stem in splits["held_out_clips"]:
                part = "new"
            elif video.stem.startswith(prefixes):
                part = "known"
            else:
                part = "train"
            landmark_file = landmarks / f"{folder}_{video.stem}.npz"
            parts[part].append(load_clip(landmark_file, video, speaker_of(video.stem, splits)))
    equalize_amplitude(parts["train"])
    return parts


def equalize_amplitude(clips: list[Clip]) -> None:
    """Set the amplitude of all clips of a speaker to their median: one sentence is not enough."""
    for speaker in {clip.speaker for clip in clips}:
        own = [clip for clip in clips if clip.speaker == speaker]
        middle = float(np.median([clip.amplitude for clip in own]))
        for clip in own:
            object.__setattr__(clip, "amplitude", middle)


def motion_basis(clips: list[Clip], count: int) -> Array64:
    """Return (count, 57, 3) orthonormal directions of movement, most important first.

    They are the principal components of the normalised displacements of the training clips, with
    points weighted by how much they follow speech. The s1 clips have the same total weight as all
    others together. The file ``basis.npz`` of a model contains ten of them.
    """
    rows, weights = [], []
    many = sum(clip.speaker == "s1" for clip in clips)
    for clip in clips:
        moved = (clip.shapes[clip.valid] - clip.rest) / clip.amplitude
        rows.append((moved * SPEECH_WEIGHTS[:, None]).reshape(len(moved), -1))
        share = 1.0 / many if clip.speaker == "s1" else 1.0 / max(len(clips) - many, 1)
        weights.append(np.full(len(moved), share))
    stacked, weight = np.concatenate(rows), np.concatenate(weights)
    # Relative to the resting mouth, not to the mean: zero must remain the closed mouth.
    covariance = (stacked * weight[:, None]).T @ stacked
    _, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors[:, ::-1][:, :count].T.reshape(count, 57, 3))


def motion_targets(clip: Clip, vectors: Array64) -> Array32:
    """Return (n, K) coefficients at 50 Hz, with cubic interpolation between video frames."""
    from scipy.interpolate import CubicSpline

    flat = vectors.reshape(len(vectors), -1)
    moved = (clip.shapes - clip.rest) / clip.amplitude * SPEECH_WEIGHTS[:, None]
    values = moved.reshape(len(moved), -1) @ flat.T
    times = np.arange(len(values)) / clip.fps
    wanted = np.arange(int(times[-1] * RATE_HZ) + 1) / RATE_HZ
    return np.asarray(CubicSpline(times, values)(wanted), np.float32)
