"""The renderer's interface: its inputs and the meaning of its output.

Its inputs are ``luma`` (2, 96, 96), source and reference, and ``cells`` (16, 48, 48), the chroma of
both and the maps; pixels are in -0.5..0.5. Its output is (24, 48, 48), scaled so that ±5 covers
almost all values; see :data:`FLOW` and the slices below it. The remaining steps concern only the
few cells between the lips, so they are done here instead of in the network, which would compute
them for every cell.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from appliance.lips.composite import RendererOutput
from appliance.lips.shape_maps import GUIDE, GUIDE_SCALE, REFERENCE_INNER, SIZE, TARGET_INNER

Array = npt.NDArray[np.float32]
PatchImage = tuple[Array, Array]  # luma (1, 96, 96) and chroma (2, 48, 48) in -0.5..0.5

FLOW = slice(0, 4)  # added to the guide in the source (x, y); position in the reference (x, y)
REFERENCE = slice(4, 8)  # logit of reference over source, the four pixels of a cell, row by row
SOURCE = slice(8, 12)  # logit of source over fill
FILL_Y = slice(12, 16)  # logit of the fill's luma
# logit of the fill's chroma; the other channels are zero: kernels prefer multiples of eight
FILL_UV = slice(16, 18)
CHANNELS = 24
MAPS = slice(4, 16)  # channels of the maps in the network's ``cells`` input
CELL_CHANNELS = 16
FLOW_SCALE = 10.0  # one unit of flow is a tenth of the patch

MAX_LOGIT = 5.0  # difference of logits that is decisive, and the unit of the output's logits
DECISIVENESS = 2  # makes the choice of layers more decisive than in training
_BOUNDS_MARGIN = 2  # cells beyond the inner mouth that :func:`inside_lips` can reach


def decode_output(output: Array, maps: Array) -> RendererOutput:
    """Convert one network output ``output`` (24, 48, 48) into flow, layer weights and fill.

    ``maps`` (12, 48, 48) are those of ``draw_maps``.
    """
    flow = output[FLOW].transpose(1, 2, 0) * np.float32(1 / FLOW_SCALE)
    flow[..., :2] += maps[GUIDE].transpose(1, 2, 0) * np.float32(1 / GUIDE_SCALE)
    layer_values = np.zeros((2 * SIZE, 2 * SIZE, 4), np.float32)
    layer_values[..., 0] = 1
    fill_uv = np.zeros((SIZE, SIZE, 2), np.float32)
    cells = _bounds(maps[TARGET_INNER])
    if cells is not None:
        rows, columns = cells
        part = output[:, rows, columns]
        pixels = slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop)
        reference, fill = (
            _cells_to_pixels(share) for share in blend_weights(part[REFERENCE], part[SOURCE])
        )
        inside = inside_lips(maps[TARGET_INNER, rows, columns])
        reference *= inside
        fill *= inside
        luma = _cells_to_pixels(_sigmoid(MAX_LOGIT * part[FILL_Y]))
        layer_values[pixels] = cv2.merge([1 - reference - fill, reference, fill, luma])
        fill_uv[rows, columns] = _sigmoid(MAX_LOGIT * part[FILL_UV]).transpose(1, 2, 0)
    return RendererOutput(np.ascontiguousarray(flow), layer_values, fill_uv)


def network_inputs(source: PatchImage, reference: PatchImage, maps: Array) -> dict[str, Array]:
    """Return the network's inputs by name, without the batch axis."""
    luma = np.concatenate([source[0], reference[0]])
    return {"luma": luma, "cells": np.concatenate([source[1], reference[1], maps])}


def blend_weights(reference: Array, source: Array) -> tuple[Array, Array]:
    """Return the weights of reference and fill.

    ``reference`` and ``source`` are the network's logits of reference over source and of source
    over fill. This is a softmax, made more decisive: in training the best output for an uncertain
    pixel is the mean of two layers, which a viewer sees as blur. The weight of the fill is
    never increased by this, because its colour was not learned where it was hardly used. With a and
    b, the odds of source and reference against the fill, its weight is the smaller of
    1 / (1 + a + b) and 1 / (1 + a² + b²).
    """
    reference = np.clip(reference, -1, 1) * np.float32(MAX_LOGIT)
    a = np.exp(np.clip(source, -1, 1) * np.float32(MAX_LOGIT))
    b = np.exp(reference) * a
    fill = 1 / (1 + np.maximum(a + b, a**DECISIVENESS + b**DECISIVENESS))
    return (1 - fill) * _sigmoid(DECISIVENESS * reference), fill


def prefer_reference_teeth(output: RendererOutput, maps: Array) -> None:
    """Replace, in place, fill by reference where the reference shows the inside of its mouth.

    Those are pixels of the presenter at their own resolution, with teeth of the right colour. In
    training the best output for an uncertain pixel is half of each, which makes the teeth grey.
    """
    cells = _bounds(maps[TARGET_INNER])
    if cells is None:
        return
    rows, columns = cells
    flow = output.flow[rows, columns, 2:] * np.float32(SIZE)
    y, x = np.mgrid[rows, columns].astype(np.float32)
    mouth = cv2.remap(maps[REFERENCE_INNER], flow[..., 0] + x, flow[..., 1] + y, cv2.INTER_LINEAR)
    size = (2 * mouth.shape[1], 2 * mouth.shape[0])
    part = output.weights[2 * rows.start : 2 * rows.stop, 2 * columns.start : 2 * columns.stop]
    moved = part[..., 2] * cv2.resize(mouth, size, interpolation=cv2.INTER_LINEAR)
    part[..., 1] += moved
    part[..., 2] -= moved


def inside_lips(inner: Array) -> Array:
    """Return where reference and fill may be visible, (2h, 2w) in 0..1, for an inner mouth (h, w).

    The edge is soft, but it does not extend over the lips: the network, which was trained with a
    margin, would paint teeth on the upper lip of people who smile. Lips, skin and background always
    come from the frame itself, so they keep their sharpness.
    """
    soft = cv2.blur(np.minimum(4 * inner, 1), (3, 3), borderType=cv2.BORDER_REPLICATE)
    height, width = inner.shape
    size = (2 * width, 2 * height)
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _bounds(inner: Array) -> tuple[slice, slice] | None:
    """Return rows and columns that :func:`inside_lips` can reach; ``None`` without a mouth."""
    left, top, width, height = cv2.boundingRect((inner > 0).astype(np.uint8))
    if width == 0:
        return None
    rows = slice(max(top - _BOUNDS_MARGIN, 0), min(top + height + _BOUNDS_MARGIN, SIZE))
    return rows, slice(max(left - _BOUNDS_MARGIN, 0), min(left + width + _BOUNDS_MARGIN, SIZE))


def _cells_to_pixels(cells: Array) -> Array:
    """Rearrange (4, h, w), the four pixels of each cell, to (2h, 2w)."""
    _, height, width = cells.shape
    pixels = cells.reshape(2, 2, height, width).transpose(2, 0, 3, 1)
    return pixels.reshape(2 * height, 2 * width)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float32)
