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
    """The part of the picture under the patch, with even bounds in luma pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, plane: Plane, step: int) -> Plane:
        return plane[self.top // step : self.bottom // step, self.left // step : self.right // step]


def _window(matrix: Matrix, shape: tuple[int, int]) -> _Window | None:
    corners = apply(matrix, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    low = np.floor(corners.min(axis=0) / 2).astype(int) * 2
    high = np.ceil(corners.max(axis=0) / 2).astype(int) * 2
    left, top = (int(max(c, 0)) for c in low)
    right, bottom = int(min(high[0], shape[1])), int(min(high[1], shape[0]))
    if right - left < 2 or bottom - top < 2:
        return None
    return _Window(left, top, right, bottom)


def paint(
    picture: Planes,
    matrix: Matrix,
    answer: Answer,
    mask: Array,
    reference: Reference | None,
) -> None:
    """Blend ``answer`` into the writable planes of ``picture``.

    ``matrix`` maps patch fractions to picture pixels; ``mask`` (m, m) in 0..1 is multiplied in.
    """
    window = _window(matrix, (picture.y.shape[0], picture.y.shape[1]))
    if window is None:
        return
    width, height = window.right - window.left, window.bottom - window.top
    to_patch = compose(invert(matrix), np.array([[1.0, 0, window.left], [0, 1.0, window.top]]))

    def spread(image: Array) -> Array:
        """Bring a raster over the patch to the window's pixels."""
        scale = np.array([[image.shape[1], 0, -0.5], [0, image.shape[0], -0.5]], dtype=np.float64)
        return np.asarray(
            cv2.warpAffine(
                image,
                compose(scale, to_patch),
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            dtype=np.float32,
        )

    alpha = _inside(spread(mask), to_patch)
    if not alpha.any():
        return
    weights = spread(answer.weights)
    flow = spread(answer.flow)
    xs = np.arange(window.left, window.right, dtype=np.float32)[None, :]
    ys = np.arange(window.top, window.bottom, dtype=np.float32)[:, None]
    linear = matrix[:, :2].astype(np.float32)
    moved = flow[..., :2] @ linear.T
    place = np.stack([moved[..., 0] + xs, moved[..., 1] + ys], axis=-1)
    layers = [(picture, place)]
    if reference is not None:
        onto = compose(reference.matrix, to_patch)
        base = np.stack(
            np.broadcast_arrays(
                onto[0, 0] * (xs - window.left) + onto[0, 1] * (ys - window.top) + onto[0, 2],
                onto[1, 0] * (xs - window.left) + onto[1, 1] * (ys - window.top) + onto[1, 2],
            ),
            axis=-1,
        ).astype(np.float32)
        linear = reference.matrix[:, :2].astype(np.float32)
        layers.append((reference, base + flow[..., 2:] @ linear.T))
    _blend(
        picture.y, window, 1, [(p.y, at) for p, at in layers], weights, spread(answer.fill_y), alpha
    )
    half = (width // 2, height // 2)
    places = [(p, _halved(at, half)) for p, at in layers]
    weights, alpha = _shrunk(weights, half), _shrunk(alpha, half)
    for name, channel in (("u", 0), ("v", 1)):
        colour = _shrunk(spread(np.ascontiguousarray(answer.fill_uv[..., channel])), half)
        sources = [(getattr(p, name), at) for p, at in places]
        _blend(getattr(picture, name), window, 2, sources, weights, colour, alpha)


def _inside(alpha: Array, to_patch: Matrix) -> Array:
    """Zero outside the patch, where spreading replicated its border, and for less than a grey
    level's worth of blending."""
    return np.where(alpha < 1 / 512, np.float32(0), alpha)


def _blend(
    plane: Plane,
    window: _Window,
    step: int,
    sources: list[tuple[Plane, Array]],
    weights: Array,
    colour: Array,
    alpha: Array,
) -> None:
    """Mix the fetched sources and the paint, then lay them over ``plane`` by ``alpha``."""
    layers = [
        cv2.remap(origin, at[..., 0], at[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
        for origin, at in sources
    ]
    mixed = weights[..., 2] * (colour * 255.0)
    for k, layer in enumerate(layers):
        share = weights[..., k]
        if k == 0 and len(layers) == 1:
            share = share + weights[..., 1]
        mixed = mixed + share * layer
    part = window.of(plane, step)
    result = part + alpha * (mixed - part)
    part[...] = np.where(alpha > 0, np.clip(np.rint(result), 0, 255), part).astype(np.uint8)


def _halved(place: Array, size: tuple[int, int]) -> Array:
    """Luma places to chroma places; a pixel that stays where it is stays exactly there."""
    small = _shrunk(place, size)  # the middle of each 2 × 2 block, at 2 · c + 0.5
    return np.asarray((small - np.array([0.5, 0.5], np.float32)) / 2, dtype=np.float32)


def _shrunk(image: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
