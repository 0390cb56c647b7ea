"""Build the atlas of a presenter in one pass over the frames of the video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.atlas.appearance import describe
from appliance.atlas.atlas import MAX_MOUTHS, MIN_MOUTHS, Atlas, CutOut, PresenterTrack
from appliance.atlas.face_shape import LIPS, FaceShape
from appliance.atlas.look import LookFinder
from appliance.face.sampling import Planes, apply, compose
from appliance.face.track import FaceLandmarks
from appliance.lips.geometry import PATCH_CENTRE, PATCH_SIDE, open_mouth
from appliance.lips.profile import Profile

Array = npt.NDArray[np.float32]

_RUN = 12  # frames; mouths are kept or left out in runs of so many, so that they can follow
_MARGIN = 0.08  # patch fractions around the outer ring of skin in a cut-out
_MEAN_OPENING = 0.06  # eye distances; the opening of the lips that thumbnails are warped to
_CHROMA_WINDOW = 12  # frames before and after; the chroma of lips that speak varies by frame
# A frame is not used as a mouth if its skin is darker or brighter than the median by this factor,
# its chroma differs by more levels than this, or its detail is less than this share of the median.
_MAX_LIGHT_RATIO, _MAX_CHROMA, _MIN_DETAIL = 1.35, 8.0, 0.55
# A mouth is not used if its pixels are unlike those of the mouths with the nearest shapes: this
# many times the median distance. The mesh was wrong, or something covers the mouth.
_NEIGHBOURS, _MAX_UNLIKE = 5, 2.2
_MIN_APART = 5  # frames between a mouth and a neighbour that it is compared with


@dataclass(frozen=True)
class _Frame:
    """What is kept of every frame with a face."""

    index: int
    yaw: float
    pitch: float
    eye_distance: float
    skin: Array
    lip_chroma: float
    upper_red: float
    detail: float


@dataclass(frozen=True)
class _Mouth:
    """What else is kept of a frame that may be used as a mouth; see :class:`Atlas`."""

    cut_out: CutOut
    shape: Array
    mouth: Array
    ring: Array
    thumbnail: Array

    @property
    def size(self) -> int:
        """Number of bytes of the pixels."""
        return self.cut_out.y.size * 3 // 2


class AtlasBuilder:
    """Builds the atlas of a presenter with ``profile``, frame by frame in ascending order.

    Frames turned away by more than ``max_yaw`` degrees or with less than ``min_confidence`` are not
    used as mouths. ``limit_bytes`` limits the pixels that are kept, and ``limit`` the mouths: when
    there are more, every second run of frames is left out, so that the rest is spread over the
    whole video.
    """

    def __init__(
        self,
        profile: Profile,
        max_yaw: float,
        min_confidence: float,
        limit_bytes: int,
        limit: int = MAX_MOUTHS,
    ) -> None:
        lips = open_mouth(profile.rest, _MEAN_OPENING)[LIPS, :2]
        self._mean_lips = ((lips - PATCH_CENTRE[:2]) / PATCH_SIDE + 0.5).astype(np.float32)
        self._max_yaw = max_yaw
        self._min_confidence = min_confidence
        self._limit_bytes = limit_bytes
        self._limit = limit
        self._count = 0
        self._look = LookFinder()
        self._frames: list[_Frame] = []
        self._mouths: dict[int, _Mouth] = {}
        self._bytes = 0
        self._stride = 1  # of the runs, every ``_stride``-th is kept

    def add(self, picture: Planes, face: FaceLandmarks | None) -> None:
        """Add the next frame, in which the smoothed face of the presenter is ``face``."""
        index = self._count
        self._count += 1
        if face is None:
            return
        shape = FaceShape.of(face)
        look = describe(picture, shape, self._mean_lips)
        self._look.add(index, picture, shape, look.skin)
        pose = (shape.yaw, shape.pitch, shape.eye_distance)
        self._frames.append(
            _Frame(index, *pose, look.skin, look.lip_chroma, look.upper_red, look.detail)
        )
        usable = face.confidence >= self._min_confidence and abs(shape.yaw) <= self._max_yaw
        if usable and index // _RUN % self._stride == 0:
            arrays = (shape.shape, shape.mouth, shape.outer_ring, look.mouth)
            cut_out = _cut_out(picture, shape)
            self._mouths[index] = _Mouth(cut_out, *(array.astype(np.float32) for array in arrays))
            self._bytes += self._mouths[index].size
            self._thin_out()

    def _thin_out(self) -> None:
        while (self._bytes > self._limit_bytes or len(self._mouths) > self._limit) and (
            self._stride <= self._count
        ):
            self._stride *= 2
            for index in list(self._mouths):
                if index // _RUN % self._stride:
                    self._bytes -= self._mouths.pop(index).size

    def atlas(self) -> Atlas | None:
        """Return the atlas; ``None`` if there are fewer than ``MIN_MOUTHS`` usable mouths."""
        belongs = self._look.belongs(self._count)
        chosen = [f for f in self._frames if f.index in self._mouths and belongs[f.index]]
        if len(chosen) >= MIN_MOUTHS:
            chosen = [f for f, ok in zip(chosen, _is_typical(chosen), strict=True) if ok]
        if len(chosen) >= MIN_MOUTHS:
            mouths = [self._mouths[frame.index] for frame in chosen]
            consistent = _is_consistent([frame.index for frame in chosen], mouths)
            chosen = [f for f, ok in zip(chosen, consistent, strict=True) if ok]
        return self._make_atlas(chosen, belongs) if len(chosen) >= MIN_MOUTHS else None

    def _make_atlas(self, chosen: list[_Frame], belongs: npt.NDArray[np.bool_]) -> Atlas:
        mouths = [self._mouths[frame.index] for frame in chosen]
        cut_outs = [mouth.cut_out for mouth in mouths]
        detail = np.array([frame.detail for frame in chosen], np.float32)
        return Atlas(
            self._track(belongs),
            np.array([frame.index for frame in chosen], np.int32),
            np.stack([mouth.shape for mouth in mouths]),
            np.stack([mouth.mouth for mouth in mouths]),
            np.stack([mouth.ring for mouth in mouths]),
            np.stack([mouth.thumbnail for mouth in mouths]),
            detail / np.median(detail),
            np.array([frame.upper_red for frame in chosen], np.float32),
            np.stack([cut.matrix for cut in cut_outs]),
            np.array([cut.y.shape for cut in cut_outs], np.int32),
            np.concatenate([p.ravel() for cut in cut_outs for p in (cut.y, cut.u, cut.v)]),
        )

    def _track(self, belongs: npt.NDArray[np.bool_]) -> PresenterTrack:
        """Return the track; values of frames without a face are interpolated."""
        frames = self._frames
        columns = np.array(
            [(f.yaw, f.pitch, f.eye_distance, *f.skin, f.lip_chroma) for f in frames], np.float32
        )
        around = np.pad(columns[:, -1], _CHROMA_WINDOW, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(around, 2 * _CHROMA_WINDOW + 1)
        columns[:, -1] = np.median(windows, axis=1)
        known = [frame.index for frame in frames]
        rows = np.stack(
            [np.interp(np.arange(self._count), known, column) for column in columns.T], axis=1
        ).astype(np.float32)
        yaw, pitch, eye_distance = rows[:, :3].T
        return PresenterTrack(belongs, yaw, pitch, eye_distance, rows[:, 3:6], rows[:, 6])


def _cut_out(picture: Planes, face: FaceShape) -> CutOut:
    """Return a copy of the mouth and the skin around it."""
    height, width = picture.y.shape
    low, high = face.outer_ring.min(axis=0) - _MARGIN, face.outer_ring.max(axis=0) + _MARGIN
    corners = apply(face.matrix, np.array([low, (high[0], low[1]), (low[0], high[1]), high]))
    start = np.clip(np.floor(corners.min(axis=0) / 2) * 2, 0, [width - 2, height - 2]).astype(int)
    stop = np.clip(np.ceil(corners.max(axis=0) / 2) * 2, start + 2, [width, height]).astype(int)
    (left, top), (right, bottom) = start, stop
    half = np.s_[top // 2 : bottom // 2, left // 2 : right // 2]
    shift = np.array([[1.0, 0, -float(left)], [0, 1.0, -float(top)]])
    y = picture.y[top:bottom, left:right].copy()
    return CutOut(y, picture.u[half].copy(), picture.v[half].copy(), compose(shift, face.matrix))


def _is_typical(frames: list[_Frame]) -> npt.NDArray[np.bool_]:
    """Return in which frames light and sharpness are near the median."""
    skin = np.array([frame.skin for frame in frames])
    detail = np.array([frame.detail for frame in frames])
    light, *chroma = np.median(skin, axis=0)
    ratio = np.maximum(skin[:, 0] - 16, 1) / max(light - 16, 1)
    same_light = np.abs(np.log(ratio)) < np.log(_MAX_LIGHT_RATIO)
    same_colour = np.hypot(skin[:, 1] - chroma[0], skin[:, 2] - chroma[1]) < _MAX_CHROMA
    return np.asarray(same_light & same_colour & (detail >= _MIN_DETAIL * np.median(detail)))


def _is_consistent(frames: list[int], mouths: list[_Mouth]) -> npt.NDArray[np.bool_]:
    """Return which mouths look like one of the mouths whose shapes are nearest to theirs.

    ``frames`` are the numbers of their frames; mouths filmed at nearly the same time do not count.
    """
    numbers = np.array(frames)
    shapes = np.stack([mouth.shape[LIPS, :2].ravel() for mouth in mouths])
    looks = np.stack([mouth.thumbnail for mouth in mouths])
    unlike = np.empty(len(mouths))
    for k, number in enumerate(numbers):
        distance = ((shapes - shapes[k]) ** 2).sum(axis=1)
        distance[np.abs(numbers - number) < _MIN_APART] = np.inf
        nearest = np.argpartition(distance, _NEIGHBOURS)[:_NEIGHBOURS]
        unlike[k] = np.sqrt(((looks[nearest] - looks[k]) ** 2).mean(axis=1)).min()
    return np.asarray(unlike <= _MAX_UNLIKE * np.median(unlike))
