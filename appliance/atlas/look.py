"""Find the frames of one person in one look: what is learned there is never painted elsewhere.

The video is divided into windows of a few frames, and these into shots at cuts and sudden changes
of light. Shots belong together if faces, light and colour of the skin are alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from appliance.atlas.face_shape import FaceShape
from appliance.face.sampling import Planes, sample_plane

Array = npt.NDArray[np.float32]

# Between two frames there is a cut, or the light changes suddenly, if the faces correlate less than
# this, if the head jumps by more eye distances, or if light (logarithm) or chroma (levels) of the
# skin differ by more. Within ten shots of the web, faces correlate by 0.55 at least (a blink).
_MIN_CORRELATION, _MAX_JUMP, _MAX_LIGHT_STEP, _MAX_CHROMA_STEP = 0.5, 0.25, 0.2, 6.0
# There may be a cut if they correlate less than this: then the windows before and after decide. In
# the ten shots, their unlikeness was at most 3.5 at such places, in sudden turns of a head, apart
# from one of 5.4.
_DOUBTFUL_CORRELATION, _MIN_CUT_UNLIKE = 0.85, 3.8
_WINDOW = 5  # frames
_DRIFT_WINDOWS = 5  # windows in which drift is measured, about a second
# Two shots show the same person if the unlikeness of their faces is at most this. Of ten people,
# the most alike two had 2.15; the quarters of one clip have up to 3.4, when the head turns.
_MAX_UNLIKE = 1.6
# A window of a shot that is more unlike the rest than this shows another person: a dissolve.
_MAX_DRIFT = 4.5
# The same of light (logarithm) and chroma (levels), for shots.
_MAX_LIGHT, _MAX_CHROMA = 0.35, 8.0
# Unlikeness: (1 - correlation of the faces) / first + rms distance of the points / second.
_CORRELATION_UNIT, _DISTANCE_UNIT = 0.15, 0.01

# The thumbnail of the face: from the brows to the upper lip, in which speech moves little. Its
# coarse brightness, which depends on light, is taken out.
_SIZE = 24
_CORNERS = np.array([(-0.62, -0.32, -0.2), (0.62, -0.32, -0.2), (-0.62, 0.92, -0.2)])
_FINE_SIGMA, _COARSE_SIGMA = 1.0, 3.0


@dataclass
class _Window:
    """Sums over the frames of a part of a shot; ``doubtful`` if it may begin with a cut."""

    shot: int
    doubtful: bool = False
    frames: list[int] = field(default_factory=list)
    thumbnail: Array = field(default_factory=lambda: np.zeros(_SIZE * _SIZE, np.float32))
    points: npt.NDArray[np.float64] | float = 0.0
    skin: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))


class LookFinder:
    """Finds the look of most frames; frames are added in ascending order."""

    def __init__(self) -> None:
        self._windows: list[_Window] = []
        self._last: tuple[int, Array, FaceShape, Array] | None = None

    def add(self, index: int, picture: Planes, face: FaceShape, skin: Array) -> None:
        """Add frame ``index`` with its face; ``skin`` (3,) is the colour around the mouth."""
        new = index, _thumbnail(picture, face), face, skin
        if self._last is None or _is_cut(self._last, new):
            shot = self._windows[-1].shot + 1 if self._windows else 0
            self._windows.append(_Window(shot))
        elif float((self._last[1] * new[1]).mean()) < _DOUBTFUL_CORRELATION:
            self._windows.append(_Window(self._windows[-1].shot, doubtful=True))
        elif len(self._windows[-1].frames) >= _WINDOW:
            self._windows.append(_Window(self._windows[-1].shot))
        window = self._windows[-1]
        window.frames.append(index)
        window.thumbnail += new[1]
        window.points = window.points + face.identity
        window.skin += skin
        self._last = new

    def belongs(self, frames: int) -> npt.NDArray[np.bool_]:
        """Return which of the video's ``frames`` show the person of most of them in the same look.

        Frames that were not added do not.
        """
        found = np.zeros(frames, bool)
        numbers = self._shot_numbers()
        if not numbers:
            return found
        shots = _merge(self._windows, numbers)
        lengths = np.array([len(shot.frames) for shot in shots])
        alike = np.array([[_are_alike(a, b) for b in shots] for a in shots])
        members = alike[int(np.argmax(alike @ lengths))]
        windows = [w for w, number in zip(self._windows, numbers, strict=True) if members[number]]
        whole = _merge(windows, [0] * len(windows))[0]
        for start in range(0, len(windows), _DRIFT_WINDOWS):
            part = windows[start : start + _DRIFT_WINDOWS]
            second = _merge(part, [0] * len(part))[0]
            found[second.frames] = _unlikeness(second, whole) <= _MAX_DRIFT
        return found

    def _shot_numbers(self) -> list[int]:
        """Return the number of the shot of each window, from 0."""
        numbers: list[int] = []
        for number, window in enumerate(self._windows):
            before = self._windows[number - 1] if number else window
            is_new = window.shot != before.shot or (
                window.doubtful and _unlikeness(before, window) > _MIN_CUT_UNLIKE
            )
            numbers.append(numbers[-1] + is_new if numbers else 0)
        return numbers


def _thumbnail(picture: Planes, face: FaceShape) -> Array:
    """Return the fine structure of eyes and nose, (_SIZE²,) with mean 0 and variance 1."""
    corners = (np.array([[0, 0], [_SIZE, 0], [0, _SIZE]]) - 0.5).astype(np.float32)
    places = face.pose.project(_CORNERS)[:, :2].astype(np.float32)
    matrix = np.asarray(cv2.getAffineTransform(corners, places), np.float64)
    luma = sample_plane(picture.y, matrix, _SIZE, _SIZE).astype(np.float32)
    fine = cv2.GaussianBlur(np.log(np.maximum(luma - 16, 4)), (0, 0), _FINE_SIGMA)
    fine = np.asarray(fine - cv2.GaussianBlur(fine, (0, 0), _COARSE_SIGMA), np.float32)
    fine -= fine.mean()
    return np.asarray((fine / max(float(fine.std()), 0.02)).ravel(), np.float32)


def _is_cut(
    last: tuple[int, Array, FaceShape, Array], new: tuple[int, Array, FaceShape, Array]
) -> bool:
    if new[0] != last[0] + 1 or float((last[1] * new[1]).mean()) < _MIN_CORRELATION:
        return True
    jump = np.linalg.norm(new[2].pose.offset[:2] - last[2].pose.offset[:2])
    light = np.log(max(new[3][0] - 16, 2.0) / max(last[3][0] - 16, 2.0))
    chroma = np.hypot(*(new[3][1:] - last[3][1:]))
    return bool(
        jump > _MAX_JUMP * last[2].eye_distance
        or abs(light) > _MAX_LIGHT_STEP
        or chroma > _MAX_CHROMA_STEP
    )


def _merge(windows: list[_Window], groups: list[int]) -> list[_Window]:
    """Return the sum of the windows of each group; ``groups`` ascend from 0."""
    merged: list[_Window] = []
    for window, group in zip(windows, groups, strict=True):
        if group == len(merged):
            merged.append(_Window(window.shot))
        total = merged[group]
        total.frames = total.frames + window.frames
        total.thumbnail += window.thumbnail
        total.points = total.points + window.points
        total.skin += window.skin
    return merged


def _unlikeness(a: _Window, b: _Window) -> float:
    """Return how unlike two faces are; see ``_MAX_UNLIKE``."""
    norm = float(np.linalg.norm(a.thumbnail) * np.linalg.norm(b.thumbnail))
    correlation = float(a.thumbnail @ b.thumbnail) / max(norm, 1e-6)
    distance = a.points / len(a.frames) - b.points / len(b.frames)
    rms = float(np.sqrt(np.mean(np.square(distance))))
    return (1 - correlation) / _CORRELATION_UNIT + rms / _DISTANCE_UNIT


def _are_alike(a: _Window, b: _Window) -> bool:
    if a is b:
        return True
    skin_a, skin_b = a.skin / len(a.frames), b.skin / len(b.frames)
    light = np.log(max(skin_a[0] - 16, 2.0) / max(skin_b[0] - 16, 2.0))
    chroma = np.hypot(*(skin_a[1:] - skin_b[1:]))
    same_light = abs(light) <= _MAX_LIGHT and chroma <= _MAX_CHROMA
    return bool(same_light and _unlikeness(a, b) <= _MAX_UNLIKE)
