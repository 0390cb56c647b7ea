"""The renderer's interface: what it is shown, and what its answer means.

It sees ``luma`` (2, 96, 96), source and reference, and ``cells`` (16, 48, 48), the chroma of both
and the maps; pictures in -0.5..0.5. It answers with (24, 48, 48) numbers in units in which ±5 holds
about all, see :data:`FLOW` and the slices below it. What follows them needs only the few cells that
lie between the lips, so it is done here and not in the network, which would do it everywhere.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from appliance.lips.composite import Answer
from appliance.lips.maps import GUIDE, GUIDE_SCALE, REFERENCE_INNER, SIZE, TARGET_INNER

Array = npt.NDArray[np.float32]
Patch = tuple[Array, Array]  # luma (1, 96, 96) and chroma (2, 48, 48) in -0.5..0.5

FLOW = slice(0, 4)  # what is added to the guide in the source (x, y); the reference's (x, y)
REFERENCE = slice(4, 8)  # logit of the reference above the source, a cell's four pixels, rows first
SOURCE = slice(8, 12)  # logit of the source above the paint
FILL_Y = slice(12, 16)  # logit of the paint's luma
FILL_UV = slice(16, 18)  # and of its chroma; the rest is zero: kernels like multiples of eight
CHANNELS = 24
MAPS = slice(4, 16)  # of the cells that the network sees
CELLS = 16
FLOW_SCALE = 10.0  # a unit of flow is a tenth of the patch

FARTHEST = 5.0  # logits apart that decide, and a unit of the answer's logits
SHARPER = 2  # the choice of layers is more decisive than it was in training
LINE = 0.35  # of a cell is covered by the line that shut lips draw, at most
_WIDER = np.ones((5, 5), np.uint8)  # cells by which an open mouth's inner edge may be painted over
_MARGIN = 4  # cells beyond the lips' inside that :func:`inside_lips` can reach


def layers(answer: Array, maps: Array) -> Answer:
    """What the box paints for one ``answer`` (24, 48, 48); ``maps`` as ``draw_maps`` drew them."""
    flow = answer[FLOW].transpose(1, 2, 0) * np.float32(1 / FLOW_SCALE)
    flow[..., :2] += maps[GUIDE].transpose(1, 2, 0) * np.float32(1 / GUIDE_SCALE)
    painted = np.zeros((2 * SIZE, 2 * SIZE, 4), np.float32)
    painted[..., 0] = 1
    fill_uv = np.zeros((SIZE, SIZE, 2), np.float32)
    cells = _bounds(maps[TARGET_INNER])
    if cells is not None:
        rows, columns = cells
        part = answer[:, rows, columns]
        pixels = slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop)
        reference, paint = (_pixels(share) for share in shares(part[REFERENCE], part[SOURCE]))
        inside = inside_lips(maps[TARGET_INNER, rows, columns])
        reference *= inside
        paint *= inside
        luma = _pixels(_sigmoid(FARTHEST * part[FILL_Y]))
        painted[pixels] = cv2.merge([1 - reference - paint, reference, paint, luma])
        fill_uv[rows, columns] = _sigmoid(FARTHEST * part[FILL_UV]).transpose(1, 2, 0)
    return Answer(np.ascontiguousarray(flow), painted, fill_uv)


def inputs(source: Patch, reference: Patch, maps: Array) -> dict[str, Array]:
    """What the network sees, by name, without the batch axis."""
    luma = np.concatenate([source[0], reference[0]])
    return {"luma": luma, "cells": np.concatenate([source[1], reference[1], maps])}


def shares(reference: Array, source: Array) -> tuple[Array, Array]:
    """Shares of the reference and of the paint, for the logits of reference above source and of
    source above paint, as the network answers them.

    A softmax, made more decisive: in training a doubtful pixel is best answered by the mean of two
    layers, which a viewer sees as blur. Paint never gains by it: where it was hardly used, it never
    learned its colour. So, with the odds against paint, a of the source and b of the reference, its
    share is the smaller of 1 / (1 + a + b) and 1 / (1 + a² + b²).
    """
    reference = np.clip(reference, -1, 1) * np.float32(FARTHEST)
    a = np.exp(np.clip(source, -1, 1) * np.float32(FARTHEST))
    b = np.exp(reference) * a
    paint = 1 / (1 + np.maximum(a + b, a**SHARPER + b**SHARPER))
    return (1 - paint) * _sigmoid(SHARPER * reference), paint


def own_teeth(found: Answer, maps: Array) -> None:
    """Take away, in place, the paint where the reference shows the inside of its mouth: pixels of
    the presenter's own at their own resolution, and teeth of the right colour.

    In training a doubtful pixel is best answered by half of each, which makes grey teeth.
    """
    cells = _bounds(maps[TARGET_INNER])
    if cells is None:
        return
    rows, columns = cells
    flow = found.flow[rows, columns, 2:] * np.float32(SIZE)
    y, x = np.mgrid[rows, columns].astype(np.float32)
    mouth = cv2.remap(maps[REFERENCE_INNER], flow[..., 0] + x, flow[..., 1] + y, cv2.INTER_LINEAR)
    size = (2 * mouth.shape[1], 2 * mouth.shape[0])
    part = found.weights[2 * rows.start : 2 * rows.stop, 2 * columns.start : 2 * columns.stop]
    taken = part[..., 2] * cv2.resize(mouth, size, interpolation=cv2.INTER_LINEAR)
    part[..., 1] += taken
    part[..., 2] -= taken


def inside_lips(inner: Array) -> Array:
    """Where reference and paint may show at all, (2h, 2w) in 0..1, for the wanted inner mouth
    (h, w): soft, and widened by a lip's inner edge where it is really open.

    Between shut lips only the thin line is left that they draw. Lips, skin and what is behind the
    chin always come from the frame itself, so they stay as sharp as they are.
    """
    open_wide = cv2.dilate(np.clip(4 * (inner - np.float32(LINE)), 0, 1), _WIDER)
    wide = np.maximum(open_wide, np.minimum(4 * inner, 1))
    soft = cv2.blur(wide, (3, 3), borderType=cv2.BORDER_REPLICATE)
    height, width = inner.shape
    size = (2 * width, 2 * height)
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _bounds(inner: Array) -> tuple[slice, slice] | None:
    """The rows and columns that :func:`inside_lips` can reach; ``None`` if there is no mouth."""
    left, top, width, height = cv2.boundingRect((inner > 0).astype(np.uint8))
    if width == 0:
        return None
    rows = slice(max(top - _MARGIN, 0), min(top + height + _MARGIN, SIZE))
    return rows, slice(max(left - _MARGIN, 0), min(left + width + _MARGIN, SIZE))


def _pixels(cells: Array) -> Array:
    """(4, h, w) -> (2h, 2w): the four pixels of each cell in their places."""
    _, height, width = cells.shape
    turned = cells.reshape(2, 2, height, width).transpose(2, 0, 3, 1)
    return turned.reshape(2 * height, 2 * width)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float32)
