"""Composite a mouth into a frame at the frame's own resolution; nothing else is changed.

The network's output for a patch has no fixed resolution: flow and weights are resampled to the
frame's pixels, the presenter's pixels are fetched from where the flow points, and a soft mask that
follows lips and chin blends them in. Where the mask is zero, every byte stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, Planes
from appliance.lips.geometry import JAW_LINE, OUTER
from appliance.lips.shape_maps import fill_polygon
from appliance.lips.window import Window, mask_bounds, to_half_size

Array = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

_MASK_SIZE = 96  # side of the mask that covers the patch, in mask pixels
_MASK_MARGIN = 5  # mask pixels by which the mask extends beyond lips and jaw
_MARGIN_KERNEL = cv2.getStructuringElement(
    cv2.MORPH_ELLIPSE, (2 * _MASK_MARGIN + 1, 2 * _MASK_MARGIN + 1)
)
_EDGE_SIGMA = 3.0  # standard deviation of the blur of its edge, mask pixels
_BORDER_FADE = 6  # mask pixels over which it fades out at the patch's border
_DETAIL_SIGMA = 0.8  # standard deviation in pixels of the blur that separates fine detail
# Share of fine detail to add, which restores the sharpness of warped lips: the minimum, for faces
# no larger than the network's patch, and the maximum. Large faces also lose some detail where
# layers meet.
_MIN_DETAIL, _MAX_DETAIL = 0.2, 0.3
# Edges between layers are steepened by the enlargement to this power. At 1 they would be as sharp
# in pixels as in the network's output; a large face is rarely that sharp, so its lips would look
# too hard.
_EDGE_POWER = 2 / 3
_MIN_VISIBLE_WEIGHT = 1 / 512  # a smaller weight changes a pixel by less than half a grey level
_EMPTY = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class RendererOutput:
    """The renderer's output for one patch, all float32.

    ``flow`` (h, w, 4) in patch fractions: the positions to fetch from in the source (x, y) and in
    the reference (x, y). ``layers`` (p, p, 4): the weights of source, reference and fill, and the
    luma of the fill. ``fill_uv`` (q, q, 2): the chroma of the fill. Fill values are in 0..1 of the
    stored byte values.
    """

    flow: Array
    layers: Array
    fill_uv: Array

    @property
    def weights(self) -> Array:
        """The weights of source, reference and fill, (p, p, 3)."""
        return self.layers[..., :3]

    @property
    def fill_y(self) -> Array:
        """The luma of the fill, (p, p)."""
        return self.layers[..., 3]


@dataclass(frozen=True)
class ReferencePatch:
    """Pixels of the presenter in which the teeth are visible.

    ``y``, ``u``, ``v`` are a cut-out at native resolution, ``matrix`` maps patch fractions to its
    luma pixels, ``points`` (57, 2) float32 are its mouth points in patch fractions.
    """

    y: Plane
    u: Plane
    v: Plane
    matrix: Matrix
    points: Array


def mouth_mask(source: Array, target: Array) -> Array:
    """Return a soft mask (96, 96) in 0..1 over lips, jaw and chin, before and after the change.

    It is float32. ``source`` and ``target`` are mouth points (57, 2) in patch fractions.
    """
    area = np.zeros((_MASK_SIZE, _MASK_SIZE), np.float32)
    for shape in (source, target):
        outline = np.concatenate([shape[JAW_LINE], shape[OUTER]])
        hull = cv2.convexHull(outline.astype(np.float32))[:, 0]
        area = np.maximum(area, fill_polygon(np.asarray(hull, np.float32), _MASK_SIZE))
    soft = cv2.GaussianBlur(cv2.dilate(area, _MARGIN_KERNEL), (0, 0), _EDGE_SIGMA)
    return np.asarray(soft * _BORDER_WEIGHTS, dtype=np.float32)


def _make_border_weights() -> Array:
    """Return a mask that is 1 inside the patch and falls to exactly 0 at its border."""
    edge = np.minimum(np.arange(_MASK_SIZE), np.arange(_MASK_SIZE)[::-1]).astype(np.float32)
    ramp = np.clip(edge / _BORDER_FADE, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.asarray(ramp[:, None] * ramp[None, :], dtype=np.float32)


_BORDER_WEIGHTS = _make_border_weights()


def composite(
    picture: Planes,
    matrix: Matrix,
    output: RendererOutput,
    mask: Array,
    reference: ReferencePatch | None,
) -> None:
    """Blend ``output`` into the writable planes of ``picture``.

    ``matrix`` maps patch fractions to picture pixels; ``mask`` (m, m) in 0..1 is multiplied in.
    ``reference`` may be ``None`` if ``output`` does not use it.
    """
    window = Window.of_mask(matrix, mask, picture.y.shape)
    if window is None:
        return
    mouth = mask_bounds(output.layers[..., 0] < 1 - _MIN_VISIBLE_WEIGHT)
    reference_matrix = None if reference is None else reference.matrix
    luma = _Blend(window, matrix, output, mask, mouth, reference_matrix)
    luma.blend_into(
        picture.y, None if reference is None else reference.y, luma.fill_y, add_detail=True
    )
    reference_matrix = None if reference_matrix is None else to_half_size(reference_matrix)
    chroma = _Blend(window.half_size(), to_half_size(matrix), output, mask, mouth, reference_matrix)
    for name, colour in zip(("u", "v"), chroma.fill_chroma(output.fill_uv), strict=True):
        reference_plane = None if reference is None else getattr(reference, name)
        chroma.blend_into(getattr(picture, name), reference_plane, colour)


def sharpen_edges(weights: Array, enlargement: float) -> tuple[Array, Array, Array]:
    """Return the weights of source, reference and fill, with edges sharpened for this picture.

    ``weights`` (h, w, ≥ 3) are the weights in the network's output, with an edge between two layers
    several of its own pixels wide. In a picture with pixels ``enlargement`` times as fine,
    such an edge would be a broad band in which both layers are visible. So the weights are
    steepened around one half: first source against the others, then reference against fill. Weights
    for pictures as coarse as the network's output are not changed.
    """
    source, reference, fill_weight = (_extract_channel(weights, k) for k in range(3))
    steepness = np.float32(enlargement**_EDGE_POWER)
    if steepness <= 1:
        return source, reference, fill_weight
    inside = reference + fill_weight
    part = _steepen(fill_weight / np.maximum(inside, _MIN_VISIBLE_WEIGHT), steepness)
    inside = _steepen(inside, steepness)
    fill_weight = inside * part
    return 1 - inside, inside - fill_weight, fill_weight


def _steepen(share: Array, steepness: np.float32) -> Array:
    """Return ``share`` with ``steepness`` times the slope around one half, clipped to 0..1."""
    return np.asarray(np.clip(share * steepness + (1 - steepness) / 2, 0, 1), np.float32)


class _Blend:
    """Positions and weights of all sources for the pixels of one window.

    ``matrix`` maps patch fractions to the plane's pixels, ``reference`` to those of the reference;
    ``mouth`` is the :func:`mask_bounds` of the pixels that do not come from the plane itself.
    """

    def __init__(
        self,
        window: Window,
        matrix: Matrix,
        output: RendererOutput,
        mask: Array,
        mouth: Array | None,
        reference: Matrix | None,
    ) -> None:
        self._window = window
        self._mask = cv2.threshold(
            window.resample(mask), _MIN_VISIBLE_WEIGHT, 0, cv2.THRESH_TOZERO
        )[1]
        enlargement = math.hypot(*matrix[:, 0]) / output.layers.shape[1]
        self._detail_gain = np.float32(min(_MIN_DETAIL * max(enlargement, 1.0), _MAX_DETAIL))
        flow = _flow_in_pixels(output.flow, matrix, reference)
        moved = window.resample(flow)
        self._moved = _extract_channel(moved, 0), _extract_channel(moved, 1)
        # A pixel that does not move is fetched from exactly its own position.
        self._x = self._moved[0] + np.arange(window.left, window.left + window.width, dtype="f4")
        rows = np.arange(window.top, window.top + window.height, dtype="f4")
        self._y = self._moved[1] + rows[:, None]
        self._mouth = None if mouth is None else window.crop(mouth)
        if self._mouth is None:
            self.fill_y = _EMPTY
            return
        layers = self._mouth.resample(output.layers)
        self._source_weight, self._reference_weight, self._fill_weight = sharpen_edges(
            layers, enlargement
        )
        self.fill_y = _extract_channel(layers, 3)
        if reference is not None:
            x, y = self._mouth.map_pixels(reference)
            moved = self._mouth.resample(flow)
            self._reference_xy = x + _extract_channel(moved, 2), y + _extract_channel(moved, 3)

    def fill_chroma(self, fill_uv: Array) -> tuple[Array, Array]:
        """Return the chroma (u, v) of the fill at the mouth's pixels."""
        if self._mouth is None:
            return _EMPTY, _EMPTY
        return self._mouth.resample(_extract_channel(fill_uv, 0)), self._mouth.resample(
            _extract_channel(fill_uv, 1)
        )

    def blend_into(
        self, plane: Plane, reference: Plane | None, fill_values: Array, *, add_detail: bool = False
    ) -> None:
        """Blend into ``plane``.

        ``fill_values`` is the fill of the mouth's pixels in 0..1, ``reference`` the plane of the
        second source. ``add_detail`` adds the fine detail that is lost by fetching between pixels.
        """
        blended = _sample_pixels(plane, self._x, self._y)
        if self._mouth is not None:
            part = blended[self._mouth.slices]
            part *= self._source_weight
            part += self._fill_weight * (fill_values * np.float32(255))
            if reference is not None:
                part += self._reference_weight * _sample_pixels(reference, *self._reference_xy)
        if add_detail:
            blended += self._lost_detail(blended)
        target = plane[self._window.slices]
        # Where the mask is zero the difference is zero, too: such a byte is written back unchanged.
        difference = cv2.multiply(cv2.subtract(blended, target, dtype=cv2.CV_32F), self._mask)
        target[...] = cv2.add(target, difference, dtype=cv2.CV_8U)

    def _lost_detail(self, luma: Array) -> Array:
        """Return the fine detail to add: none where nothing moved, all from half a pixel on."""
        x, y = self._moved
        moved = np.maximum(np.abs(x), np.abs(y))
        np.minimum(moved * (2 * self._detail_gain), self._detail_gain, out=moved)
        moved *= luma - cv2.GaussianBlur(luma, (0, 0), _DETAIL_SIGMA)
        return moved


def _flow_in_pixels(flow: Array, matrix: Matrix, reference: Matrix | None) -> Array:
    """Convert ``flow`` (h, w, 4) from patch fractions to pixels of the plane and the reference."""
    transform = np.zeros((4, 4), np.float32)
    transform[:2, :2] = matrix[:, :2]
    if reference is not None:
        transform[2:, 2:] = reference[:, :2]
    return np.asarray(cv2.transform(flow, transform), np.float32)


def _extract_channel(raster: Array, k: int) -> Array:
    """Return channel ``k`` as a contiguous array, which is faster to compute with."""
    return np.asarray(cv2.extractChannel(raster, k), np.float32)


def _sample_pixels(plane: Plane, x: Array, y: Array) -> Array:
    sampled = cv2.remap(plane, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return sampled.astype(np.float32)
