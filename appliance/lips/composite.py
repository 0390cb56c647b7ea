"""Paint a mouth into a picture at the picture's own resolution; nothing else is touched.

A patch answer has no resolution of its own: flow and weights are brought to the picture's pixels,
the presenter's pixels are fetched where the flow says, and a soft mask that follows lips and chin
blends them in. Where the mask is zero, every byte stays.
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

_MASK = 96  # pixels of the mask's own raster across the patch
_SPREAD = 5  # mask pixels that the mask reaches beyond lips and jaw
_WIDER = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _SPREAD + 1, 2 * _SPREAD + 1))
_SOFT = 3.0  # standard deviation of its edge, mask pixels
_BORDER = 6  # mask pixels over which it fades out at the patch's border
_DETAIL = 0.8  # standard deviation in pixels of what counts as fine detail
# How much of it to add, which gives warped lips their sharpness back: at least, to faces that are
# no larger than the network's patch, and at most. Large ones lose some where layers meet, besides.
_RESTORE, _MOST = 0.2, 0.3
# An edge between layers is made steeper by this power of the enlargement: at 1 it would be as sharp
# in pixels as it was drawn, and a large face, which is seldom as sharp as its pixels, would get
# harder lips than it has.
_EDGE = 2 / 3
_VISIBLE = 1 / 512  # less than half a grey level, whatever is blended
_NOTHING = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Answer:
    """What a generator says of one patch, all float32.

    ``flow`` (h, w, 4) in patch fractions: where to fetch from in the source (x, y) and in the
    reference (x, y). ``layers`` (p, p, 4): the shares of source, reference and paint, and the
    paint's luma. ``fill_uv`` (q, q, 2): its chroma. Paint is in 0..1 of the stored byte values.
    """

    flow: Array
    layers: Array
    fill_uv: Array

    @property
    def weights(self) -> Array:
        """The shares alone, (p, p, 3)."""
        return self.layers[..., :3]

    @property
    def fill_y(self) -> Array:
        """The paint's luma alone, (p, p)."""
        return self.layers[..., 3]


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
    soft = cv2.GaussianBlur(cv2.dilate(area, _WIDER), (0, 0), _SOFT)
    return np.asarray(soft * _FADE, dtype=np.float32)


def _fade() -> Array:
    """1 inside the patch, down to exactly 0 at its border."""
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
    """``shares`` (h, w, 3 …) of source, reference and paint, with edges made for this picture.

    The network draws an edge between two layers over a few of its own pixels. In a picture with
    pixels ``finer`` times as fine an enlarged edge would be a broad band in which both layers are
    seen through each other. So shares are drawn apart around one half: first the source's from
    the others', then those of reference and paint. Pictures as coarse as the network's stay.
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
    """``share`` with ``steeper`` times the slope around one half, still in 0..1."""
    return np.asarray(np.clip(share * steeper + (1 - steeper) / 2, 0, 1), np.float32)


class _Blend:
    """Where the pixels of one window come from, and how much each source counts.

    ``matrix`` maps patch fractions to the plane's pixels, ``reference`` to those of the reference;
    ``mouth`` is the :func:`reach` of what comes from elsewhere than the plane itself.
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
        # A pixel that does not move is fetched from exactly where it is.
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
        """The paint's chroma at the mouth's pixels."""
        if self._mouth is None:
            return _NOTHING, _NOTHING
        return self._mouth.spread(_channel(fill_uv, 0)), self._mouth.spread(_channel(fill_uv, 1))

    def into(
        self, plane: Plane, reference: Plane | None, paint: Array, *, restore: bool = False
    ) -> None:
        """Blend into ``plane``; ``paint`` is what the mouth's pixels are painted with, in 0..1, and
        ``reference`` the other source.

        ``restore`` gives back the fine detail that fetching between pixels costs.
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
        # Where the mask is zero the difference is, too: such a byte is written back as it was.
        difference = cv2.multiply(cv2.subtract(mixed, target, dtype=cv2.CV_32F), self._alpha)
        target[...] = cv2.add(target, difference, dtype=cv2.CV_8U)

    def _lost(self, luma: Array) -> Array:
        """Fine detail to add; none where nothing moved, all where it moved half a pixel."""
        x, y = self._moved
        moved = np.maximum(np.abs(x), np.abs(y))
        np.minimum(moved * (2 * self._restore), self._restore, out=moved)
        moved *= luma - cv2.GaussianBlur(luma, (0, 0), _DETAIL)
        return moved


def _in_pixels(flow: Array, matrix: Matrix, reference: Matrix | None) -> Array:
    """``flow`` (h, w, 4) from patch fractions to pixels of the plane and of the reference's."""
    turn = np.zeros((4, 4), np.float32)
    turn[:2, :2] = matrix[:, :2]
    if reference is not None:
        turn[2:, 2:] = reference[:, :2]
    return np.asarray(cv2.transform(flow, turn), np.float32)


def _channel(raster: Array, k: int) -> Array:
    """Contiguous: quicker to reckon with."""
    return np.asarray(cv2.extractChannel(raster, k), np.float32)


def _fetch(plane: Plane, x: Array, y: Array) -> Array:
    fetched = cv2.remap(plane, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return fetched.astype(np.float32)
