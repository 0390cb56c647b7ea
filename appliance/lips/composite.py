"""Paint a mouth into a picture at the picture's own resolution; nothing else is touched.

A patch answer has no resolution of its own: flow and weights are brought to the picture's pixels,
the presenter's pixels are fetched where the flow says, and a soft mask that follows lips and chin
blends them in. Where the mask is zero, every byte stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, Planes, apply, compose, invert
from appliance.lips.geometry import JAW_LINE, OUTER
from appliance.lips.maps import fill

Array = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

_MASK = 96  # pixels of the mask's own raster across the patch
_SPREAD = 5  # mask pixels that the mask reaches beyond lips and jaw
_SOFT = 3.0  # standard deviation of its edge, mask pixels
_BORDER = 6  # mask pixels over which it fades out at the patch's border
_DETAIL = 0.8  # standard deviation in pixels of what counts as fine detail
_RESTORE = 0.3  # how much of it to add: brings warped lips back to the source's sharpness
_VISIBLE = 1 / 512  # less than half a grey level, whatever is blended


@dataclass(frozen=True)
class Answer:
    """What a generator says of one patch, all float32.

    ``flow`` (h, w, 4) in patch fractions: where to fetch from in the source (x, y) and in the
    reference (x, y). ``weights`` (p, p, 3): of source, reference and paint. ``fill_y`` (p, p) and
    ``fill_uv`` (q, q, 2): the paint, in 0..1 of the stored byte values.
    """

    flow: Array
    weights: Array
    fill_y: Array
    fill_uv: Array


@dataclass(frozen=True)
class Reference:
    """Pixels of the presenter in which the teeth show.

    ``y``, ``u``, ``v`` are a native-resolution cut-out, ``matrix`` maps patch fractions to its luma
    pixels, ``points`` (57, 2) float32 are its mouth in patch fractions.
    """

    y: Plane
    u: Plane
    v: Plane
    matrix: Matrix
    points: Array


def mouth_mask(source: Array, target: Array) -> Array:
    """Soft (96, 96) mask in 0..1 over lips, jaw and chin as they are and as they shall be.

    ``source`` and ``target`` are mouth points (57, 2) in patch fractions.
    """
    area = np.zeros((_MASK, _MASK), np.float32)
    for shape in (source, target):
        outline = np.concatenate([shape[JAW_LINE], shape[OUTER]])
        hull = cv2.convexHull(outline.astype(np.float32))[:, 0]
        area = np.maximum(area, fill(np.asarray(hull, np.float32), _MASK))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _SPREAD + 1, 2 * _SPREAD + 1))
    soft = cv2.GaussianBlur(cv2.dilate(area, kernel), (0, 0), _SOFT)
    return np.asarray(soft * _FADE, dtype=np.float32)


def _fade() -> Array:
    """1 inside the patch, down to exactly 0 at its border."""
    edge = np.minimum(np.arange(_MASK), np.arange(_MASK)[::-1]).astype(np.float32)
    ramp = np.clip(edge / _BORDER, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.asarray(ramp[:, None] * ramp[None, :], dtype=np.float32)


_FADE = _fade()


@dataclass(frozen=True)
class _Window:
    """The part of the picture that the mask touches, with even bounds in luma pixels.

    ``to_patch`` maps its own pixels to patch fractions.
    """

    left: int
    top: int
    width: int
    height: int
    to_patch: Matrix

    @classmethod
    def over(cls, matrix: Matrix, mask: Array, shape: tuple[int, ...]) -> _Window | None:
        """``None`` where the mask is empty or lies outside a picture of ``shape``."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        # A pixel more on each side, as interpolation spreads the mask that far.
        x = np.array([columns[0] - 1, columns[-1] + 2]) / mask.shape[1]
        y = np.array([rows[0] - 1, rows[-1] + 2]) / mask.shape[0]
        corners = apply(matrix, np.array([[a, b] for a in x for b in y]))
        low = np.maximum(np.floor(corners.min(axis=0) / 2) * 2, 0).astype(int)
        high = np.minimum(np.ceil(corners.max(axis=0) / 2) * 2, [shape[1], shape[0]]).astype(int)
        width, height = high - low
        if width < 2 or height < 2:
            return None
        shift = np.array([[1.0, 0, low[0]], [0, 1.0, low[1]]])
        return cls(
            int(low[0]), int(low[1]), int(width), int(height), compose(invert(matrix), shift)
        )

    def spread(self, image: Array) -> Array:
        """Bring a raster over the patch to the window's pixels."""
        scale = np.array([[image.shape[1], 0, -0.5], [0, image.shape[0], -0.5]])
        return np.asarray(
            cv2.warpAffine(
                image,
                compose(scale, self.to_patch),
                (self.width, self.height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            dtype=np.float32,
        )

    def places(self, matrix: Matrix, flow: Array) -> Array:
        """Where ``matrix`` (patch fractions to pixels) puts each pixel after its ``flow``."""
        onto = compose(matrix, self.to_patch).astype(np.float32)
        xs = np.arange(self.width, dtype=np.float32)[None, :]
        ys = np.arange(self.height, dtype=np.float32)[:, None]
        linear = matrix[:, :2].astype(np.float32)
        return np.stack(
            [onto[k, 0] * xs + onto[k, 1] * ys + onto[k, 2] + flow @ linear[k] for k in (0, 1)],
            axis=-1,
        )


def paint(
    picture: Planes, matrix: Matrix, answer: Answer, mask: Array, reference: Reference | None
) -> None:
    """Blend ``answer`` into the writable planes of ``picture``.

    ``matrix`` maps patch fractions to picture pixels; ``mask`` (m, m) in 0..1 is multiplied in.
    """
    window = _Window.over(matrix, mask, picture.y.shape)
    if window is None:
        return
    alpha = window.spread(mask)
    alpha[alpha < _VISIBLE] = 0
    weights, flow = window.spread(answer.weights), window.spread(answer.flow)
    place = window.places(matrix, flow[..., :2])
    onto = None if reference is None else window.places(reference.matrix, flow[..., 2:])
    fill_uv = window.spread(answer.fill_uv)
    colours = [window.spread(answer.fill_y), fill_uv[..., 0], fill_uv[..., 1]]
    for k, name in enumerate(("y", "u", "v")):
        if k == 1:  # chroma has half the size
            alpha, weights, place = _halved(alpha), _halved(weights), _halved_places(place)
            onto = None if onto is None else _halved_places(onto)
        plane, step = getattr(picture, name), 1 if k == 0 else 2
        top, left = window.top // step, window.left // step
        part = plane[top : top + alpha.shape[0], left : left + alpha.shape[1]]
        colour = colours[k] if k == 0 else _halved(colours[k])
        own = None if reference is None else getattr(reference, name)
        mixed = _mixed(plane, place, own, onto, colour, weights)
        if k == 0:
            mixed = _restored(mixed, flow[..., :2] @ matrix[:, :2].T.astype(np.float32))
        result = part + alpha * (mixed - part)
        part[...] = np.where(alpha > 0, np.clip(np.rint(result), 0, 255), part).astype(np.uint8)


def _mixed(
    source: Plane,
    place: Array,
    reference: Plane | None,
    onto: Array | None,
    colour: Array,
    weights: Array,
) -> Array:
    """The moved source; where it does not count fully, mixed with reference and paint."""
    mixed = _fetch(source, place)
    box = _box(weights[..., 0] < 1 - _VISIBLE)
    if box is None:
        return mixed
    share = weights[box]
    other = share[..., 2] * (colour[box] * 255.0)
    if reference is not None and onto is not None:
        other += share[..., 1] * _fetch(reference, onto[box])
    mixed[box] = share[..., 0] * mixed[box] + other
    return mixed


def _restored(luma: Array, shift: Array) -> Array:
    """Give back the fine detail that fetching between pixels costs; what did not move stays.

    ``shift`` (h, w, 2) in pixels: half a pixel costs all that is ever lost.
    """
    moved = np.minimum(np.abs(shift).max(axis=-1) * 2, 1)
    soft = cv2.GaussianBlur(luma, (0, 0), _DETAIL)
    return np.asarray(luma + (_RESTORE * moved) * (luma - soft), dtype=np.float32)


def _fetch(plane: Plane, place: Array) -> Array:
    x, y = np.ascontiguousarray(place[..., 0]), np.ascontiguousarray(place[..., 1])
    fetched = cv2.remap(plane, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return fetched.astype(np.float32)


def _box(mask: npt.NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Rows and columns that hold all of ``mask``."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _halved_places(place: Array) -> Array:
    """Luma places to chroma places; a pixel that stays where it is stays exactly there."""
    # The middle of each 2 × 2 block lies at 2 · c + 0.5.
    return np.asarray((_halved(place) - np.float32(0.5)) / 2, dtype=np.float32)


def _halved(image: Array) -> Array:
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
