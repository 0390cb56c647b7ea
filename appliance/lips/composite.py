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
from appliance.lips.maps import fill
from appliance.lips.window import Window, halved, reach

Array = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

_MASK = 96  # side of the mask that covers the patch, in mask pixels
_SPREAD = 5  # mask pixels by which the mask extends beyond lips and jaw
_WIDER = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _SPREAD + 1, 2 * _SPREAD + 1))
_SOFT = 3.0  # standard deviation of the blur of its edge, mask pixels
_BORDER = 6  # mask pixels over which it fades out at the patch's border
_DETAIL = 0.8  # standard deviation in pixels of the blur that separates fine detail
# Share of fine detail to add, which restores the sharpness of warped lips: the minimum, for faces
# no larger than the network's patch, and the maximum. Large faces also lose some detail where
# layers meet.
_RESTORE, _MOST = 0.2, 0.3
# Edges between layers are steepened by the enlargement to this power. At 1 they would be as sharp
# in pixels as the network drew them; a large face is rarely that sharp, so its lips would look
# harder than they are.
_EDGE = 2 / 3
_VISIBLE = 1 / 512  # less than half a grey level, whatever is blended
_NOTHING = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Answer:
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
class Reference:
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
    area = np.zeros((_MASK, _MASK), np.float32)
    for shape in (source, target):
        outline = np.concatenate([shape[JAW_LINE], shape[OUTER]])
        hull = cv2.convexHull(outline.astype(np.float32))[:, 0]
        area = np.maximum(area, fill(np.asarray(hull, np.float32), _MASK))
    soft = cv2.GaussianBlur(cv2.dilate(area, _WIDER), (0, 0), _SOFT)
    return np.asarray(soft * _FADE, dtype=np.float32)


def _fade() -> Array:
    """Return a mask that is 1 inside the patch and falls to exactly 0 at its border."""
    edge = np.minimum(np.arange(_MASK), np.arange(_MASK)[::-1]).astype(np.float32)
    ramp = np.clip(edge / _BORDER, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.asarray(ramp[:, None] * ramp[None, :], dtype=np.float32)


_FADE = _fade()


def paint(
    picture: Planes, matrix: Matrix, answer: Answer, mask: Array, reference: Reference | None
) -> None:
    """Blend ``answer`` into the writable planes of ``picture``.

    ``matrix`` maps patch fractions to picture pixels; ``mask`` (m, m) in 0..1 is multiplied in.
    ``reference`` may be ``None`` if ``answer`` does not use it.
    """
    window = Window.over(matrix, mask, picture.y.shape)
    if window is None:
        return
    mouth = reach(answer.layers[..., 0] < 1 - _VISIBLE)
    onto = None if reference is None else reference.matrix
    luma = _Blend(window, matrix, answer, mask, mouth, onto)
    luma.into(picture.y, None if reference is None else reference.y, luma.fill_y, restore=True)
    onto = None if onto is None else halved(onto)
    chroma = _Blend(window.half(), halved(matrix), answer, mask, mouth, onto)
    for name, colour in zip(("u", "v"), chroma.colours(answer.fill_uv), strict=True):
        own = None if reference is None else getattr(reference, name)
        chroma.into(getattr(picture, name), own, colour)


def decided(shares: Array, finer: float) -> tuple[Array, Array, Array]:
    """Return the weights of source, reference and fill, with edges sharpened for this picture.

    ``shares`` (h, w, ≥ 3) are the weights as the network draws them, with an edge between two
    layers several of its own pixels wide. In a picture with pixels ``finer`` times as fine, such an
    edge would be a broad band in which both layers are visible. So the weights are steepened around
    one half: first source against the others, then reference against fill. Weights for pictures as
    coarse as the network's are not changed.
    """
    own, theirs, paint = (_channel(shares, k) for k in range(3))
    steeper = np.float32(finer**_EDGE)
    if steeper <= 1:
        return own, theirs, paint
    inside = theirs + paint
    part = _apart(paint / np.maximum(inside, _VISIBLE), steeper)
    inside = _apart(inside, steeper)
    paint = inside * part
    return 1 - inside, inside - paint, paint


def _apart(share: Array, steeper: np.float32) -> Array:
    """Return ``share`` with ``steeper`` times the slope around one half, clipped to 0..1."""
    return np.asarray(np.clip(share * steeper + (1 - steeper) / 2, 0, 1), np.float32)


class _Blend:
    """Positions and weights of all sources for the pixels of one window.

    ``matrix`` maps patch fractions to the plane's pixels, ``reference`` to those of the reference;
    ``mouth`` is the :func:`reach` of the pixels that do not come from the plane itself.
    """

    def __init__(
        self,
        window: Window,
        matrix: Matrix,
        answer: Answer,
        mask: Array,
        mouth: Array | None,
        reference: Matrix | None,
    ) -> None:
        self._window = window
        self._alpha = cv2.threshold(window.spread(mask), _VISIBLE, 0, cv2.THRESH_TOZERO)[1]
        finer = math.hypot(*matrix[:, 0]) / answer.layers.shape[1]
        self._restore = np.float32(min(_RESTORE * max(finer, 1.0), _MOST))
        flow = _in_pixels(answer.flow, matrix, reference)
        moved = window.spread(flow)
        self._moved = _channel(moved, 0), _channel(moved, 1)
        # A pixel that does not move is fetched from exactly its own position.
        self._x = self._moved[0] + np.arange(window.left, window.left + window.width, dtype="f4")
        rows = np.arange(window.top, window.top + window.height, dtype="f4")
        self._y = self._moved[1] + rows[:, None]
        self._mouth = None if mouth is None else window.inner(mouth)
        if self._mouth is None:
            self.fill_y = _NOTHING
            return
        layers = self._mouth.spread(answer.layers)
        self._own, self._theirs, self._paint = decided(layers, finer)
        self.fill_y = _channel(layers, 3)
        if reference is not None:
            x, y = self._mouth.onto(reference)
            moved = self._mouth.spread(flow)
            self._onto = x + _channel(moved, 2), y + _channel(moved, 3)

    def colours(self, fill_uv: Array) -> tuple[Array, Array]:
        """Return the chroma (u, v) of the fill at the mouth's pixels."""
        if self._mouth is None:
            return _NOTHING, _NOTHING
        return self._mouth.spread(_channel(fill_uv, 0)), self._mouth.spread(_channel(fill_uv, 1))

    def into(
        self, plane: Plane, reference: Plane | None, paint: Array, *, restore: bool = False
    ) -> None:
        """Blend into ``plane``.

        ``paint`` is the fill of the mouth's pixels in 0..1, ``reference`` the plane of the second
        source. ``restore`` adds the fine detail that is lost by fetching between pixels.
        """
        mixed = _fetch(plane, self._x, self._y)
        if self._mouth is not None:
            part = mixed[self._mouth.slices]
            part *= self._own
            part += self._paint * (paint * np.float32(255))
            if reference is not None:
                part += self._theirs * _fetch(reference, *self._onto)
        if restore:
            mixed += self._lost(mixed)
        target = plane[self._window.slices]
        # Where the mask is zero the difference is zero, too: such a byte is written back unchanged.
        difference = cv2.multiply(cv2.subtract(mixed, target, dtype=cv2.CV_32F), self._alpha)
        target[...] = cv2.add(target, difference, dtype=cv2.CV_8U)

    def _lost(self, luma: Array) -> Array:
        """Return the fine detail to add: none where nothing moved, all from half a pixel on."""
        x, y = self._moved
        moved = np.maximum(np.abs(x), np.abs(y))
        np.minimum(moved * (2 * self._restore), self._restore, out=moved)
        moved *= luma - cv2.GaussianBlur(luma, (0, 0), _DETAIL)
        return moved


def _in_pixels(flow: Array, matrix: Matrix, reference: Matrix | None) -> Array:
    """Convert ``flow`` (h, w, 4) from patch fractions to pixels of the plane and the reference."""
    turn = np.zeros((4, 4), np.float32)
    turn[:2, :2] = matrix[:, :2]
    if reference is not None:
        turn[2:, 2:] = reference[:, :2]
    return np.asarray(cv2.transform(flow, turn), np.float32)


def _channel(raster: Array, k: int) -> Array:
    """Return channel ``k`` as a contiguous array, which is faster to compute with."""
    return np.asarray(cv2.extractChannel(raster, k), np.float32)


def _fetch(plane: Plane, x: Array, y: Array) -> Array:
    fetched = cv2.remap(plane, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return fetched.astype(np.float32)
