"""The renderer's shape maps: masks of lips and jaw, and a first estimate of the flow.

Shapes are mouth points (57, 2) in patch fractions: (0, 0) is the patch's upper left corner and (1,
1) the lower right one. Training and rendering use the same code.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import INNER, JAW_LINE, OUTER

Array = npt.NDArray[np.float32]

SIZE = 48  # side of the maps: half of the 96-pixel patch
# nine are drawn; with the twelve of the pixels they make 24: kernels prefer multiples of eight
CHANNELS = 12
TARGET_INNER = 4
REFERENCE_INNER = 6
GUIDE = slice(7, 9)

_GRID = 24
# Masks are drawn this many times larger and averaged, to distinguish slightly open lips from closed
# ones.
_SUPERSAMPLING = 4
_FRACTION_BITS = 4  # fractional bits of a coordinate in the larger mask
_UNITS_PER_SUBPIXEL = 1 << _FRACTION_BITS
_UNITS_PER_PIXEL = _SUPERSAMPLING * _UNITS_PER_SUBPIXEL  # coordinate units per pixel of a mask
# standard deviation of a point's influence, in patch sides: about the distance of two lip points
_INFLUENCE_SIGMA = 0.045
_REST_WEIGHT = 0.05  # weight of "no movement", so that the estimate fades away from the mouth
GUIDE_SCALE = 10.0  # scales flows of a tenth of the patch to the range of the masks

# Mouth points that move the area above the line between the lips, and below it; the corners do
# both.
_ABOVE = np.array([0, *range(10, 20), 20, *range(30, 40)])
_BELOW = np.array([*range(0, 11), *range(20, 31), *range(40, 57)])
_LIP_SIDES = np.zeros((2, 57), np.float32)
_LIP_SIDES[0, _ABOVE] = _LIP_SIDES[1, _BELOW] = 1
_CORNER_WIDTH = 0.03  # patch fractions at the corners over which the step becomes a slope
_SLOPE_WIDTH = 0.12  # patch fractions across that slope

_AXIS = ((np.arange(_GRID) + 0.5) / _GRID).astype(np.float32)
_CELLS = ((np.arange(SIZE) + 0.5) / SIZE).astype(np.float32)


def draw_maps(source: Array, target: Array, reference: Array) -> Array:
    """Return the renderer's map input (12, 48, 48) float32.

    Outer lips, inner lips and lower face of the source, the same of the target, inner lips of the
    reference, all in 0..1; the guide's x and y, times ten; three channels of zeros.
    """
    maps = np.zeros((CHANNELS, SIZE, SIZE), np.float32)
    channel = 0
    for shape, parts in (
        (source, (OUTER, INNER, JAW_LINE)),
        (target, (OUTER, INNER, JAW_LINE)),
        (reference, (INNER,)),
    ):
        for part in parts:
            maps[channel] = fill_polygon(shape[part], SIZE)
            channel += 1
    maps[GUIDE] = estimate_flow(source, target).transpose(2, 0, 1) * GUIDE_SCALE
    return maps


def fill_polygon(outline: Array, size: int) -> Array:
    """Return the inside of a closed ``outline`` (n, 2) as a (size, size) float32 mask in 0..1.

    Edges are antialiased.
    """
    mask = np.zeros((size, size), np.float32)
    fixed = np.round((outline * (size * _SUPERSAMPLING) - 0.5) * _UNITS_PER_SUBPIXEL).astype(
        np.int32
    )
    # Draw and average only around the outline, which for lips is a sixth of the patch.
    x, y, width, height = cv2.boundingRect(fixed)
    left, top = max(x // _UNITS_PER_PIXEL - 1, 0), max(y // _UNITS_PER_PIXEL - 1, 0)
    right, bottom = (
        min((x + width) // _UNITS_PER_PIXEL + 2, size),
        min((y + height) // _UNITS_PER_PIXEL + 2, size),
    )
    if left < right and top < bottom:
        large = np.zeros(
            ((bottom - top) * _SUPERSAMPLING, (right - left) * _SUPERSAMPLING), np.uint8
        )
        fixed -= (left * _UNITS_PER_PIXEL, top * _UNITS_PER_PIXEL)
        cv2.fillPoly(large, [fixed], 255, shift=_FRACTION_BITS)
        small = cv2.resize(large, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        np.divide(small, np.float32(255), out=mask[top:bottom, left:right])
    return mask


def estimate_flow(source: Array, target: Array) -> Array:
    """Return the backward flow (48, 48, 2) in patch fractions, from the points' movement alone.

    Each cell points to where the points near it come from: a Gaussian mean of the points'
    displacements around their target positions, which fades to zero away from them. Above the line
    between the target lips only the points of the upper lip count and below it only those of the
    lower lip and the jaw, so that closing lips leave nothing of what was visible between them.
    """
    # The Gaussian is separable: a row's weight times a column's.
    columns = np.exp((_AXIS[:, None] - target[:, 0]) ** 2 * (-0.5 / _INFLUENCE_SIGMA**2))
    rows = np.exp((_AXIS[:, None] - target[:, 1]) ** 2 * (-0.5 / _INFLUENCE_SIGMA**2))
    moved = np.concatenate([np.ones((1, len(target)), np.float32), (source - target).T])
    weights = (_LIP_SIDES[:, None] * moved)[:, :, None] * rows  # (2, 3, 24, 57)
    sums = (weights.reshape(-1, len(target)) @ columns.T).reshape(2, 3, _GRID, _GRID)
    flows = (sums[:, 1:] / (sums[:, :1] + _REST_WEIGHT)).reshape(4, _GRID, _GRID)
    fine = cv2.resize(np.ascontiguousarray(flows.transpose(1, 2, 0), np.float32), (SIZE, SIZE))
    above, below = fine[..., :2], fine[..., 2:]
    share = _lower_lip_share(target)[..., None]
    return np.asarray(above + share * (below - above), dtype=np.float32)


def _lower_lip_share(target: Array) -> Array:
    """Return how much each cell (48, 48) belongs to the lower lip and the jaw, in 0..1.

    A step at the line midway between the target lips; beyond the corners of the mouth, where cheeks
    must not tear, a slope.
    """
    inner = target[INNER]
    line = (inner[:11] + inner[[0, *range(19, 9, -1)]]) / 2  # from corner to corner
    line = line[np.argsort(line[:, 0])]
    middle = np.interp(_CELLS, line[:, 0], line[:, 1]).astype(np.float32)
    within = np.minimum(_CELLS - line[0, 0], line[-1, 0] - _CELLS)
    between = np.clip(within / _CORNER_WIDTH + 0.5, 0, 1)
    depth = _CELLS[:, None] - middle[None, :]
    step = np.clip(depth * SIZE + 0.5, 0, 1)
    slope = np.clip(depth / _SLOPE_WIDTH + 0.5, 0, 1)
    return np.asarray(slope + between * (step - slope), dtype=np.float32)
