"""Match the light and the colour of painted pixels to the skin of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from appliance.atlas.base_warp import BaseWarp
from appliance.atlas.face_shape import LIPS
from appliance.atlas.pixels import draw_polygon, in_window
from appliance.lips.geometry import OUTER
from appliance.lips.window import Window

Array = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

_CELL = 1 / 40  # patch fractions; size of the cells in which light is compared
_SIGMA = 5 / 48  # patch fractions; light changes slowly over the face
_RING_SCALE, _LIPS_SCALE = 1.08, 1.12  # the skin that is compared: a ring, without the lips
_BLACK, _GREY = 16.0, 128.0
_LUMA_OFFSET = 4.0  # grey levels added before the logarithm, so that black does not count
_MIN_GAIN, _MAX_GAIN = -2.3, 1.2  # logarithms
_MAX_CHROMA_SCALE = 1.6
# The chroma of lips varies by this much (logarithm) in unchanged light, as lips are measured.
_CHROMA_TOLERANCE = 0.25


class Layer(NamedTuple):
    """Painted pixels of a window: luma (h, w) and chroma (h / 2, w / 2), float32 in 0..255."""

    y: Array
    u: Array
    v: Array

    def times(self, weight: float) -> Layer:
        """Return the layer with all values multiplied."""
        return Layer(*(plane * np.float32(weight) for plane in self))

    def plus(self, other: Layer, weight: float) -> Layer:
        """Return the sum of this layer and ``weight`` times the ``other``."""
        return Layer(*(a + b * np.float32(weight) for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class LightMatch:
    """The skin around the mouth in a window.

    ``skin`` (rows, columns) is how much of each cell is skin, ``share`` its blurred sum.
    """

    skin: Array
    share: Array
    sigma: float

    @classmethod
    def of(cls, window: Window, warp: BaseWarp) -> LightMatch:
        """Find the skin around the warped mouth."""
        per_pixel = float(np.hypot(*window.to_patch[:, 0])) / _CELL
        columns = max(round(window.width * per_pixel), 4)
        rows = max(round(window.height * per_pixel), 4)
        middle = warp.inner_ring.mean(axis=0)
        outlines = [
            middle + (warp.outer_ring - middle) * _RING_SCALE,
            middle + (warp.wanted[LIPS][OUTER] - middle) * _LIPS_SCALE,
        ]
        ring, lips = (draw_polygon(in_window(o, window), columns, rows) for o in outlines)
        skin = cv2.threshold(ring - lips, 0.5, 0, cv2.THRESH_TOZERO)[1]
        sigma = _SIGMA / _CELL
        share = np.asarray(cv2.GaussianBlur(skin, (0, 0), sigma), np.float32)
        return cls(np.asarray(skin, np.float32), share + np.float32(1e-3), sigma)

    def match(self, base: tuple[Plane, Plane, Plane], layer: Layer, chroma_scale: float) -> Layer:
        """Return ``layer`` in the light of ``base``, the planes that it is painted over.

        ``chroma_scale`` is :func:`chroma_scale`.
        """
        ratio = self._reduce(np.log, base[0], layer.y)
        gain = cv2.exp(np.clip(self._smooth(ratio), _MIN_GAIN, _MAX_GAIN))
        luma = (layer.y - _BLACK) * self._enlarge(np.asarray(gain, np.float32), layer.y)
        luma += _BLACK
        chroma = []
        for plane, values in zip(base[1:], layer[1:], strict=True):
            scaled = values
            if chroma_scale != 1:
                scaled = (values - _GREY) * np.float32(chroma_scale) + np.float32(_GREY)
            offset = self._shrink(plane) - self._shrink(scaled)
            chroma.append(scaled + self._enlarge(self._smooth(offset), scaled))
        return Layer(luma, *chroma)

    def _reduce(self, log: np.ufunc, plane: Plane, values: Array) -> Array:
        a, b = (np.maximum(self._shrink(p) - _BLACK, 0) + _LUMA_OFFSET for p in (plane, values))
        return np.asarray(log(a / b), np.float32)

    def _shrink(self, plane: Plane | Array) -> Array:
        size = (self.skin.shape[1], self.skin.shape[0])
        return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)

    def _smooth(self, difference: Array) -> Array:
        """Return the Gaussian mean of ``difference`` over the skin."""
        return np.asarray(cv2.GaussianBlur(difference * self.skin, (0, 0), self.sigma) / self.share)

    def _enlarge(self, cells: Array, like: Array) -> Array:
        return np.asarray(cv2.resize(cells, like.shape[::-1], interpolation=cv2.INTER_LINEAR))


def chroma_scale(frame: float, source: float) -> float:
    """Return by which factor to scale the chroma of a mouth.

    ``frame`` and ``source`` are how far the chroma of the lips is from that of the skin, where the
    mouth is painted and where it comes from. Grey or dim pictures need it; an offset alone would
    leave red lips on grey skin. Small differences are noise.
    """
    ratio = float(np.log((frame + 0.5) / (source + 0.5)))
    beyond = np.sign(ratio) * max(abs(ratio) - _CHROMA_TOLERANCE, 0)
    return float(min(np.exp(beyond), _MAX_CHROMA_SCALE))
