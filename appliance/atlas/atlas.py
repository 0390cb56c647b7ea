"""The atlas of one presenter's mouths: shape, pose, light and pixels of frames of the video."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix

Array = npt.NDArray[np.float32]

MIN_MOUTHS = 50
"""An atlas with fewer mouths is not used."""

MAX_MOUTHS = 1600
"""The most mouths of an atlas: a minute at 25 frames per second. More would hardly be nearer."""


@dataclass(frozen=True)
class CutOut:
    """The mouth of one frame and the skin around it: 4:2:0 planes at native resolution.

    ``matrix`` maps patch fractions to its luma pixels.
    """

    y: npt.NDArray[np.uint8]
    u: npt.NDArray[np.uint8]
    v: npt.NDArray[np.uint8]
    matrix: Matrix


@dataclass(frozen=True)
class PresenterTrack:
    """What is known about every frame of the presenter; N frames.

    ``belongs`` (N,) bool tells in which frames the person of the atlas is seen in its look; others
    are left to the network. ``yaw``, ``pitch`` in degrees, ``eye_distance`` in pixels, ``skin``
    (N, 3) and ``lip_chroma`` are as in :class:`~appliance.atlas.appearance.FrameLook`, all
    float32.
    """

    belongs: npt.NDArray[np.bool_]
    yaw: Array
    pitch: Array
    eye_distance: Array
    skin: Array
    lip_chroma: Array


@dataclass(frozen=True)
class Atlas:
    """The mouths of one person in one look; n mouths in the order of the video.

    ``frames`` (n,) are their frame numbers; ``shapes`` (n, 57, 3) are in the face frame; ``mouths``
    (n, 57, 2) and ``rings`` (n, 20, 2), the outer ring, in patch fractions. ``thumbnails`` (n, m)
    and ``upper_red`` (n,) are those of :class:`~appliance.atlas.appearance.FrameLook`; ``detail``
    (n,) is the fine detail of the lips compared to the median. ``matrices`` (n, 2, 3) map patch
    fractions to pixels of the cut-outs, whose luma has ``sizes`` (n, 2): height, width. ``pixels``
    are all planes, one after another.
    """

    track: PresenterTrack
    frames: npt.NDArray[np.int32]
    shapes: Array
    mouths: Array
    rings: Array
    thumbnails: Array
    detail: Array
    upper_red: Array
    matrices: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.int32]
    pixels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def successors(self) -> npt.NDArray[np.int32]:
        """For each mouth, the number of the one filmed next; -1 where that is not in the atlas."""
        following = np.full(len(self), -1, np.int32)
        adjacent = np.flatnonzero(np.diff(self.frames) == 1)
        following[adjacent] = adjacent + 1
        return following

    @cached_property
    def _offsets(self) -> npt.NDArray[np.int64]:
        ends = np.cumsum(self.sizes.astype(np.int64).prod(axis=1) * 3 // 2)
        return np.concatenate([[0], ends])

    def cut_out(self, mouth: int) -> CutOut:
        """Return the pixels of a mouth, as views."""
        height, width = (int(side) for side in self.sizes[mouth])
        luma = height * width
        planes = self.pixels[self._offsets[mouth] : self._offsets[mouth + 1]]
        half = (height // 2, width // 2)
        return CutOut(
            planes[:luma].reshape(height, width),
            planes[luma : luma * 5 // 4].reshape(half),
            planes[luma * 5 // 4 :].reshape(half),
            self.matrices[mouth],
        )

    def save(self, path: Path | BinaryIO) -> None:
        """Write the atlas to ``path``."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        track = {f"track_{name}": values for name, values in vars(self.track).items()}
        np.savez(path, **arrays, **track)

    @classmethod
    def load(cls, path: Path | BinaryIO) -> Atlas:
        """Read what :meth:`save` wrote. Raises ``KeyError`` for a file of another layout."""
        with np.load(path) as data:
            track = PresenterTrack(*(data[f"track_{f.name}"] for f in fields(PresenterTrack)))
            return cls(track, *(data[field.name] for field in fields(cls)[1:]))
