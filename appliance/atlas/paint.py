"""Paint mouths of an atlas into a frame, at the frame's own resolution; nothing else is changed.

The frame itself is warped, so that chin and cheeks fit the wanted mouth; lips and the skin next to
them come from the atlas, matched to the light and the colour of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.atlas.atlas import Atlas, CutOut
from appliance.atlas.base_warp import BaseWarp
from appliance.atlas.face_shape import FaceShape
from appliance.atlas.light import Layer, LightMatch, chroma_scale
from appliance.atlas.mouth_layer import LipEdges, LipWarp, find_inside
from appliance.atlas.pixels import (
    draw_polygon,
    enlarge,
    fetch,
    grid_points,
    half_places,
    in_window,
    pixel_places,
    resample,
    window_around,
)
from appliance.atlas.wanted import WantedShapes, limit_pull
from appliance.face.sampling import Matrix, Planes, apply, compose, invert
from appliance.face.track import FaceLandmarks
from appliance.lips.geometry import INNER
from appliance.lips.window import Window

Array = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

_BASE_GRID, _MOUTH_GRID = 16, 18  # nodes per side of the grids on which splines are evaluated
_BORDER_FADE = 8 / 96  # patch fractions over which the warp of the frame fades out at the border
_MIN_FLOW = 0.03  # pixels; a smaller movement is not seen
_EDGE = 3 / 96  # patch fractions; standard deviation of the blur of the mask's edge
_MASK_STEP = 4  # pixels per pixel of the mask, which is enlarged
_DETAIL_SIGMA, _DETAIL_GAIN = 0.8, 0.4  # fine detail that the warp loses is restored
# Upper and lower lip are joined on the line between them: with a step within the corners of the
# mouth, with a slope (patch fractions) beyond them, where cheeks must not tear.
_SLOPE, _CORNER = 0.12, 0.03
_LIP_EDGE = 0.003  # patch fractions; standard deviation of the blur of the inner lips' edge
_GREY = np.float32(128)


@dataclass(frozen=True)
class MouthInput:
    """What :meth:`MouthPainter.paint` needs besides the picture.

    ``shape`` (57, 3) is the mouth to paint in the face frame, ``mouths`` are numbers of mouths with
    their weights. ``lip_chroma`` is that of the frame. ``strength`` in 0..1 fades the effect out.
    """

    face: FaceShape
    shape: npt.NDArray[np.float64]
    mouths: list[tuple[int, float]]
    lip_chroma: float
    strength: float


class MouthPainter:
    """Paints the mouths of one presenter."""

    def __init__(self, atlas: Atlas, shapes: WantedShapes) -> None:
        self._atlas = atlas
        self._shapes = shapes

    def prepare(
        self,
        index: int,
        face: FaceLandmarks,
        motion: Array,
        mouths: list[tuple[int, float]],
        strength: float,
    ) -> MouthInput:
        """Return what to paint in frame ``index`` of the presenter, in which ``face`` is seen.

        ``motion`` (K,) are the coefficients, ``mouths`` are those of
        :meth:`~appliance.atlas.mixing.MouthMix.at`.
        """
        shape = FaceShape.of(face)
        wanted = np.zeros_like(shape.shape)
        for mouth, weight in mouths:
            source = self._atlas.shapes[mouth].astype(np.float64)
            painted = self._shapes.painted(motion, shape.shape, source)
            wanted += weight * limit_pull(painted, source)
        chroma = float(self._atlas.track.lip_chroma[index])
        return MouthInput(shape, wanted, mouths, chroma, strength)

    def paint(self, picture: Planes, item: MouthInput) -> None:
        """Paint into the writable ``picture``."""
        face = item.face
        warp = BaseWarp.to(face, item.shape)
        _warp_frame(picture, face.matrix, warp, item.strength)
        ring = (warp.inner_ring + warp.outer_ring) / 2
        bounds = np.concatenate([ring - 3 * _EDGE, ring + 3 * _EDGE, warp.outer_ring])
        low, high = bounds.min(axis=0), bounds.max(axis=0)
        window = window_around(face.matrix, low, high, picture.y.shape)
        if window is None:
            return
        half = window.half_size()
        base = picture.y[window.slices], picture.u[half.slices], picture.v[half.slices]
        light = LightMatch.of(window, warp)
        canvas = _Canvas(window, warp)
        total: Layer | None = None
        for mouth, weight in item.mouths:
            source_chroma = float(self._atlas.track.lip_chroma[self._atlas.frames[mouth]])
            scale = chroma_scale(item.lip_chroma, source_chroma)
            layer = canvas.layer(
                self._atlas.cut_out(mouth), self._atlas.mouths[mouth], self._atlas.rings[mouth]
            )
            layer = light.match(base, layer, scale)
            if total is None:
                total = layer if weight == 1 else layer.times(weight)
            else:
                total = total.plus(layer, weight)
        if total is None:
            return
        soft = cv2.GaussianBlur(total.y, (0, 0), _DETAIL_SIGMA)
        luma = cv2.addWeighted(total.y, 1 + _DETAIL_GAIN, soft, -_DETAIL_GAIN, 0)
        mask = _mask(window, ring) * np.float32(item.strength)
        half_mask = cv2.resize(mask, base[1].shape[::-1], interpolation=cv2.INTER_AREA)
        for plane, values, weights in zip(
            base, (luma, total.u, total.v), (mask, half_mask, half_mask), strict=True
        ):
            change = cv2.multiply(cv2.subtract(values, plane, dtype=cv2.CV_32F), weights)
            plane[...] = cv2.add(plane, change, dtype=cv2.CV_8U)


class _Canvas:
    """The pixels of ``window``, in which mouths of the shape of ``warp`` are painted."""

    def __init__(self, window: Window, warp: BaseWarp) -> None:
        self._window = window
        self._warp = warp
        self._points = grid_points(window, _MOUTH_GRID, _MOUTH_GRID)
        self._edges = LipEdges.of(warp.wanted)
        step = float(np.hypot(*window.to_patch[:, 0]))  # patch fractions per pixel
        depth, within = cv2.split(enlarge(self._edges.depth(self._points), window))
        slope = np.clip(depth * np.float32(1 / _SLOPE) + 0.5, 0, 1)
        edge = np.clip(depth * np.float32(1 / step) + 0.5, 0, 1)
        edge -= slope
        edge *= np.clip(within * np.float32(1 / _CORNER) + 0.5, 0, 1)
        slope += edge
        self._lower_share = slope
        self._edge_sigma = max(_LIP_EDGE / step, 0.5)

    def layer(self, cut_out: CutOut, mouth: Array, ring: Array) -> Layer:
        """Return the mouth (57, 2) of ``cut_out`` with its outer ring of skin (20, 2), warped."""
        window, warp = self._window, self._warp
        splines = LipWarp.fit(warp.wanted, warp.outer_ring, mouth, ring)
        to_pixels = cut_out.matrix[:, :2].T.astype(np.float32)
        above = enlarge(splines.above(self._points) @ to_pixels, window)
        below = enlarge(splines.below(self._points) @ to_pixels, window)
        below -= above
        below *= self._lower_share[..., None]
        above += below
        above += pixel_places(compose(cut_out.matrix, window.to_patch), window)
        halved = half_places(above)
        layer = Layer(
            fetch(cut_out.y, above, cv2.INTER_CUBIC),
            fetch(cut_out.u, halved),
            fetch(cut_out.v, halved),
        )
        self._paint_inside(layer, cut_out, mouth)
        return layer

    def _paint_inside(self, layer: Layer, cut_out: CutOut, mouth: Array) -> None:
        outline = self._warp.wanted[INNER]
        window = self._window
        pixels = apply(invert(window.to_patch), outline)
        margin = int(3 * self._edge_sigma) + 1
        start = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - margin, 0) // 2 * 2
        stop = np.minimum(
            (np.ceil(pixels.max(axis=0)).astype(int) + margin + 2) // 2 * 2,
            (window.width, window.height),
        )
        (left, top), (width, height) = start.tolist(), (stop - start).tolist()
        if width < 2 or height < 2:
            return
        inside = find_inside(self._edges, LipEdges.of(mouth))
        rows, columns = inside.shade.shape
        # pixels of the part -> cells of the inside
        scale = np.array([columns, rows]) / (inside.high - inside.low)
        to_cells = compose(
            np.array(
                [
                    [scale[0], 0, -inside.low[0] * scale[0] - 0.5],
                    [0, scale[1], -inside.low[1] * scale[1] - 0.5],
                ]
            ),
            compose(window.to_patch, np.array([[1.0, 0, left], [0, 1.0, top]])),
        )
        cells = np.dstack([apply(cut_out.matrix, inside.source), inside.shade]).astype(np.float32)
        part = cv2.warpAffine(
            cells,
            to_cells,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        places, shade = np.array(part[..., :2], np.float32), np.asarray(part[..., 2], np.float32)
        alpha = np.zeros((height, width), np.uint8)
        fixed = np.round((pixels - (left, top)) * 16).astype(np.int32)
        cv2.fillPoly(alpha, [fixed], 255, lineType=cv2.LINE_AA, shift=4)
        soft = cv2.GaussianBlur(alpha, (0, 0), self._edge_sigma) * np.float32(1 / 255)
        luma = layer.y[top : top + height, left : left + width]
        value = fetch(cut_out.y, places, cv2.INTER_CUBIC) - np.float32(16)
        value *= shade
        value += 16
        value -= luma
        value *= soft
        luma += value
        halved, size = half_places(places), (width // 2, height // 2)
        half_shade = 0.5 + 0.5 * cv2.resize(shade, size, interpolation=cv2.INTER_AREA)
        half_soft = cv2.resize(soft, size, interpolation=cv2.INTER_AREA)
        part_of = np.s_[top // 2 : top // 2 + size[1], left // 2 : left // 2 + size[0]]
        for plane, source in ((layer.u, cut_out.u), (layer.v, cut_out.v)):
            chroma = plane[part_of]
            value = (fetch(source, halved) - _GREY) * half_shade + _GREY
            chroma += (value - chroma) * half_soft


def _warp_frame(picture: Planes, matrix: Matrix, warp: BaseWarp, strength: float) -> None:
    """Warp the frame itself under the patch."""
    window = window_around(matrix, np.zeros(2), np.ones(2), picture.y.shape)
    if window is None:
        return
    points = grid_points(window, _BASE_GRID, _BASE_GRID)
    edge = np.minimum(points, 1 - points).min(axis=-1) - 0.5 / _BASE_GRID
    fade = np.clip(edge / _BORDER_FADE, 0, 1)
    fade = fade * fade * (3 - 2 * fade) * strength
    flow = (warp.flow(points) * fade[..., None] @ matrix[:, :2].T).astype(np.float32)
    moved = np.abs(flow).max(axis=-1) >= _MIN_FLOW
    if not moved.any():
        return
    x, y, columns, rows = cv2.boundingRect(moved.astype(np.uint8))
    left, right = (
        min(max(n, 0) * window.width // _BASE_GRID // 2 * 2, window.width)
        for n in (x - 1, x + columns + 2)
    )
    top, bottom = (
        min(max(n, 0) * window.height // _BASE_GRID // 2 * 2, window.height)
        for n in (y - 1, y + rows + 2)
    )
    places = enlarge(flow, window)[top:bottom, left:right]
    part = Window(window.left + left, window.top + top, right - left, bottom - top, matrix)
    places += pixel_places(np.array([[1.0, 0, part.left], [0, 1.0, part.top]]), part)
    halved = half_places(places)
    half = np.s_[part.top // 2 : (part.top + part.height) // 2,
                 part.left // 2 : (part.left + part.width) // 2]  # fmt: skip
    for plane, slices, where, flags in (
        (picture.y, part.slices, places, cv2.INTER_CUBIC),
        (picture.u, half, halved, cv2.INTER_LINEAR),
        (picture.v, half, halved, cv2.INTER_LINEAR),
    ):
        plane[slices] = resample(plane, where, flags)


def _mask(window: Window, ring: npt.NDArray[np.float64]) -> Array:
    """Return the soft mask (height, width) of the inside of ``ring`` (20, 2)."""
    columns, rows = -(-window.width // _MASK_STEP), -(-window.height // _MASK_STEP)
    mask = draw_polygon(in_window(ring, window), columns, rows)
    step = float(np.hypot(*window.to_patch[:, 0])) * window.width / columns
    return enlarge(np.asarray(cv2.GaussianBlur(mask, (0, 0), _EDGE / step), np.float32), window)
